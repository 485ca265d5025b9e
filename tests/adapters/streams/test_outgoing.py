"""What waits to be told: in which order it goes, and what goes overboard."""

from __future__ import annotations

import gc

from otpvoice.adapters.streams.outgoing import Outgoing
from otpvoice.media.streams.tracks import Frame
from otpvoice.media.streams.words import Heard, StopReason


class Speaker:
    """Says the numbers of what it is told."""

    def opened(self, at: float) -> list[str]:
        return []

    def media(self, track: str, slot: int, audio: bytes) -> list[str]:
        return [f"{track}{slot}"] if slot % 2 else [f"{track}{slot}", "…"]

    def digit(self, digit: str, duration_ms: int) -> list[str]:
        return [f"digit {digit}"]

    def mark(self, name: str) -> list[str]:
        return [] if name == "unspeakable" else [f"mark {name}"]

    def closed(self, reason: StopReason, at: float, error: str | None = None) -> list[str]:
        return []

    def hear(self, text: str) -> list[Heard]:
        return []


class Batcher(Speaker):
    """Says three frames of a track at a time."""

    def __init__(self) -> None:
        self.held: dict[str, list[str]] = {}

    def media(self, track: str, slot: int, audio: bytes) -> list[str]:
        held = self.held.setdefault(track, [])
        held.append(f"{track}{slot}")
        if len(held) < 3:
            return []
        said = "+".join(held)
        held.clear()
        return [said]


class Pipe:
    """Takes ``room`` texts, and then some: whoever asks before each batch has been answered truly."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.room = room
        self.texts: list[str] = []

    @property
    def has_room(self) -> bool:
        return len(self.texts) < self.room

    def send(self, texts: list[str]) -> None:
        assert texts
        self.texts += texts


def frames(count: int, first: int = 0) -> list[Frame]:
    return [Frame("a", number, bytes(160)) for number in range(first, first + count)]


def test_words_go_before_frames_and_both_in_their_order() -> None:
    outgoing, pipe = Outgoing(10, 10), Pipe()
    for frame in frames(3):
        outgoing.frame(frame)
    assert outgoing.word(lambda speaker: speaker.mark("m"))
    assert outgoing.word(lambda speaker: speaker.mark("unspeakable"))
    assert outgoing.word(lambda speaker: speaker.digit("5", 100))
    outgoing.flush(Speaker(), pipe)
    assert pipe.texts == ["mark m", "digit 5", "a0", "…", "a1", "a2", "…"]
    assert (outgoing.sent, outgoing.dropped) == (3, 0)


def test_nothing_is_written_where_nothing_is_said() -> None:
    outgoing, pipe = Outgoing(10, 10), Pipe()
    outgoing.word(lambda speaker: speaker.mark("unspeakable"))
    outgoing.flush(Speaker(), pipe)
    outgoing.flush(Speaker(), pipe)
    assert pipe.texts == []


def test_the_oldest_frames_go_overboard_and_are_counted() -> None:
    outgoing, pipe = Outgoing(4, 10), Pipe(room=0)
    for frame in frames(10):
        outgoing.frame(frame)
        outgoing.flush(Speaker(), pipe)
    assert (outgoing.sent, outgoing.dropped, pipe.texts) == (0, 6, [])
    pipe.room = 1000
    outgoing.flush(Speaker(), pipe)
    assert [text for text in pipe.texts if text != "…"] == ["a6", "a7", "a8", "a9"]
    assert (outgoing.sent, outgoing.dropped) == (4, 6)


def test_it_is_asked_for_room_again_and_again() -> None:
    outgoing, pipe = Outgoing(1000, 10), Pipe(room=100)
    for frame in frames(1000):
        outgoing.frame(frame)
    outgoing.flush(Speaker(), pipe)
    assert 100 <= len(pipe.texts) <= 150
    outgoing.flush(Speaker(), pipe, everything=True)
    assert (outgoing.sent, outgoing.dropped) == (1000, 0)


def test_words_are_kept_to_a_number() -> None:
    outgoing, pipe = Outgoing(10, 2), Pipe(room=0)
    assert [outgoing.word(lambda speaker: speaker.mark("m")) for _ in range(3)] == [True, True, False]
    pipe.room = 1000
    outgoing.flush(Speaker(), pipe)
    assert pipe.texts == ["mark m", "mark m"]
    assert outgoing.word(lambda speaker: speaker.mark("n"))


def test_slots_are_counted_from_where_it_begins() -> None:
    outgoing, pipe = Outgoing(10, 10), Pipe()
    for frame in frames(6):
        outgoing.frame(frame)
    outgoing.begin_at(5)
    for frame in frames(3, first=4):  # one that is late
        outgoing.frame(frame)
    outgoing.flush(Speaker(), pipe)
    assert [text for text in pipe.texts if text != "…"] == ["a0", "a0", "a1"]
    assert outgoing.dropped == 0


def test_what_nobody_will_take_is_dropped() -> None:
    outgoing, pipe = Outgoing(10, 10), Pipe()
    for frame in frames(6):
        outgoing.frame(frame)
    outgoing.word(lambda speaker: speaker.mark("m"))
    outgoing.drop()
    outgoing.flush(Speaker(), pipe)
    assert (pipe.texts, outgoing.dropped) == ([], 6)


def test_what_a_speaker_keeps_is_sent_when_it_is_said_or_lost_with_it() -> None:
    outgoing, pipe, speaker = Outgoing(10, 10), Pipe(), Batcher()
    for frame in (*frames(5), Frame("b", 0, bytes(160))):
        outgoing.frame(frame)
    outgoing.flush(speaker, pipe)
    assert (pipe.texts, outgoing.sent, outgoing.dropped) == (["a0+a1+a2"], 3, 0)
    outgoing.cut_off()
    assert (outgoing.sent, outgoing.dropped) == (3, 3)
    outgoing.cut_off()
    for frame in frames(4, first=5):
        outgoing.frame(frame)
    outgoing.flush(Batcher(), pipe)
    outgoing.rounded_off()
    outgoing.cut_off()
    assert (pipe.texts, outgoing.sent, outgoing.dropped) == (["a0+a1+a2", "a5+a6+a7"], 7, 3)


def test_what_waits_does_not_grow() -> None:
    outgoing, pipe = Outgoing(250, 100), Pipe(room=0)

    def kept() -> int:
        gc.collect()
        return sum(isinstance(one, Frame) for one in gc.get_objects())

    before = kept()
    for number in range(10_000):
        outgoing.frame(Frame("a", number, bytes(160)))
        outgoing.flush(Speaker(), pipe)
    assert kept() - before == 250
    assert outgoing.dropped == 9750
