"""The ledger of a media leg against a model of Asterisk's queue: nothing lost, nothing early, nothing out of order."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.media import playout as module
from otpvoice.media.chan_websocket import MAX_MEDIA, mark
from otpvoice.media.playout import Finished, Piece, Played, Playout, Progress, Unproven

SILENCE = b"\xff"
FRAME = 160


class Queue:
    """Asterisk's side: frames and marks, one frame a tick, marks answered at the head."""

    def __init__(self) -> None:
        self.items: list[bytes | str] = []
        self.heard = bytearray()
        self.longest = 0

    def write(self, messages: list[bytes | str]) -> None:
        for message in messages:
            if isinstance(message, bytes):
                assert len(message) % FRAME == 0, "a rest would be dropped"
                assert len(message) <= MAX_MEDIA, "a longer one ends the channel"
                self.items += [message[i : i + FRAME] for i in range(0, len(message), FRAME)]
            else:
                self.items.append(json.loads(message)["correlation_id"])
        self.longest = max(self.longest, sum(isinstance(item, bytes) for item in self.items))

    def tick(self) -> list[str]:
        marks: list[str] = []
        while self.items and isinstance(self.items[0], str):
            marks.append(str(self.items.pop(0)))
        if self.items:
            self.heard += self.items.pop(0)  # type: ignore[arg-type]
        return marks


def play(playout: Playout, queue: Queue, now: float = 0.0) -> list[Progress]:
    """Let the clock run until nothing is left; return what the ledger told."""
    progress: list[Progress] = []
    queue.write(playout.outgoing(now))
    while not playout.idle:
        now += 0.02
        for back in queue.tick():
            progress += playout.marked(back, now)
            queue.write(playout.outgoing(now))
    return progress


@given(st.lists(st.tuples(st.integers(0, 9000), st.booleans()), min_size=1, max_size=30))
def test_every_byte_is_sent_once_in_order_and_every_piece_is_proven(lengths: list[tuple[int, bool]]) -> None:
    pieces = [
        Piece(bytes([1 + i % 200]) * length, index=i if counts else None) for i, (length, counts) in enumerate(lengths)
    ]
    playout, queue = Playout(SILENCE), Queue()
    playout.begin("u", pieces)
    progress = play(playout, queue)
    whole = b"".join(piece.audio for piece in pieces)
    assert bytes(queue.heard) == whole + SILENCE * (-len(whole) % FRAME)
    assert progress == [
        *(Played("u", piece.index) for piece in pieces if piece.index is not None),
        Finished("u"),
    ]


def test_no_more_than_twelve_seconds_wait_in_asterisk() -> None:
    playout, queue = Playout(SILENCE), Queue()
    playout.begin("u", [Piece(b"\x01" * 8000 * 60, 0)])
    assert play(playout, queue) == [Played("u", 0), Finished("u")]
    assert queue.longest <= 600
    assert len(queue.heard) == 8000 * 60, "a minute of text, and nothing lost"


def test_a_mark_in_mid_frame_comes_behind_the_frame_that_holds_the_piece() -> None:
    playout = Playout(SILENCE)
    playout.begin("u", [Piece(b"\x01" * 161, 0), Piece(b"\x02" * 1000)])
    first, mark, second, _ = playout.outgoing(0.0)
    assert first == b"\x01" * 161 + b"\x02" * 159
    assert isinstance(mark, str)
    assert second == b"\x02" * (1000 - 159) + SILENCE * 119


def test_a_mark_that_comes_before_its_audio_can_have_been_played_proves_nothing() -> None:
    """Beyond 1000 frames Asterisk drops messages and still confirms the marks behind them."""
    playout = Playout(SILENCE)
    playout.begin("u", [Piece(b"\x01" * 1600, 0), Piece(b"\x01" * 1600, 1)])
    playout.outgoing(0.0)
    assert playout.marked("1", 0.2) == [Played("u", 0)]
    assert playout.marked("2", 0.22) == [Unproven("u", 1), Finished("u")]


def test_a_mark_that_never_came_back_is_no_proof_either() -> None:
    playout = Playout(SILENCE)
    playout.begin("u", [Piece(b"\x01" * 160, 0), Piece(b"\x01" * 160, 1)])
    playout.outgoing(0.0)
    assert playout.marked("2", 9.0) == [Unproven("u", 0), Played("u", 1), Finished("u")]


def test_marks_of_before_a_flush_mean_nothing() -> None:
    playout = Playout(SILENCE)
    playout.begin("a", [Piece(b"\x01" * 1600, 0)])
    playout.outgoing(0.0)
    assert playout.flush() == ["a"]
    assert playout.idle
    playout.begin("b", [Piece(b"\x01" * 1600, 0)])
    playout.outgoing(0.1)
    assert playout.marked("1", 5.0) == []
    assert playout.marked("2", 5.0) == [Played("b", 0), Finished("b")]


def test_flush_names_what_it_cut_sent_or_not() -> None:
    playout = Playout(SILENCE, max_queued=1.0)
    playout.begin("a", [Piece(b"\x01" * 8000 * 5, 0)])
    playout.begin("b", [Piece(b"\x01" * 160, 0)])
    playout.outgoing(0.0)
    assert playout.flush() == ["a", "b"]
    assert playout.outgoing(0.0) == []
    assert playout.queued == 0


def test_xoff_stops_and_xon_goes_on() -> None:
    playout = Playout(SILENCE)
    playout.stop_sending()
    playout.begin("u", [Piece(b"\x01" * 160, 0)])
    assert playout.outgoing(0.0) == []
    playout.go_on()
    assert len(playout.outgoing(0.0)) == 2


def test_frames_whose_messages_would_end_the_channel_are_refused() -> None:
    assert Playout(b"\0\0", frame_size=640).idle  # 16-bit samples at 16 kHz
    with pytest.raises(ValueError, match="more than 65500"):
        Playout(b"\0\0", frame_size=656)


@pytest.mark.parametrize("pieces", [[], [Piece(b"", 0)], [Piece(b"")]])
def test_an_empty_utterance_finishes(pieces: list[Piece]) -> None:
    playout, queue = Playout(SILENCE), Queue()
    playout.begin("u", pieces)
    assert play(playout, queue)[-1] == Finished("u")


# --- what is said as it comes -----------------------------------------------------------------------------------------

SAID = st.tuples(st.booleans(), st.integers(0, 130), st.booleans(), st.integers(0, 40))
"""As it comes, or an utterance; its frames; is anybody to know when it was played; ticks until the next."""


@given(st.lists(SAID, min_size=1, max_size=60))
def test_whatever_is_said_as_it_comes_between_utterances_all_is_played_in_order_and_told(
    said: list[tuple[bool, int, bool, int]],
) -> None:
    playout, queue = Playout(SILENCE), Queue()
    progress: list[Progress] = []
    whole, expected, now = b"", list[Progress](), 0.0

    def ticks(count: int) -> None:
        nonlocal now
        for _ in range(count):
            now += 0.02
            for back in queue.tick():
                progress.extend(playout.marked(back, now))
                queue.write(playout.outgoing(now))

    for number, (live, frames, wanted, pause) in enumerate(said):
        audio = bytes([1 + number]) * FRAME * frames
        pieces = [Piece(audio, number if wanted else None)]
        if live:
            assert playout.append("live", pieces)
        else:
            playout.begin(str(number), pieces)
        whole += audio
        expected += [Played("live" if live else str(number), number)] if wanted else []
        expected += [] if live else [Finished(str(number))]
        queue.write(playout.outgoing(now))
        ticks(pause)
    for _ in range(10_000):
        if playout.idle:
            break
        ticks(1)
    assert playout.idle
    assert playout.queued == 0
    assert bytes(queue.heard) == whole
    assert progress == expected
    assert queue.longest <= 600 + 130


def test_what_comes_at_once_goes_in_one_message_with_one_mark() -> None:
    playout = Playout(SILENCE)
    for number in range(50):
        playout.append(str(number), [Piece(bytes([number]) * FRAME)])
    first, behind_it, rest = playout.outgoing(0.0)
    assert (first, behind_it) == (b"\0" * FRAME, mark("1")), "somebody wants to know that it plays"
    assert rest == b"".join(bytes([number]) * FRAME for number in range(1, 50))
    assert playout.queued == 50
    assert playout.marked("1", 0.02) == []
    assert playout.queued == 49
    assert playout.outgoing(0.02) == [mark("2")]
    playout.append("x", [Piece(b"\x01" * FRAME)])
    assert playout.outgoing(0.04) == [b"\x01" * FRAME], "a mark is on its way"
    assert playout.marked("2", 1.0) == []
    assert playout.outgoing(1.0) == [mark("3")]
    assert playout.marked("3", 1.02) == []
    assert playout.idle


def test_there_is_a_mark_every_two_seconds_and_behind_what_is_wanted() -> None:
    playout = Playout(SILENCE)
    for number in range(250):
        playout.append(str(number), [Piece(b"\x01" * FRAME, 7 if number == 120 else None)])
    lengths = [len(message) // FRAME if isinstance(message, bytes) else "mark" for message in playout.outgoing(0.0)]
    assert lengths == [1, "mark", 100, "mark", 20, "mark", 100, "mark", 29]


def test_a_flush_names_nothing_of_what_was_said_as_it_came() -> None:
    playout = Playout(SILENCE, max_queued=1.0)
    for _ in range(100):
        playout.append("live", [Piece(b"\x01" * FRAME, 1)])
    playout.begin("u", [Piece(b"\x01" * FRAME)])
    playout.outgoing(0.0)
    assert playout.flush() == ["u"]
    assert playout.idle
    assert playout.append("live", [Piece(b"\x01" * FRAME)])
    assert playout.outgoing(0.0) == [b"\x01" * FRAME, mark("51")]


def test_only_so_much_waits_and_what_is_not_taken_is_told_of_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 60.0)
    playout, queue = Playout(SILENCE), Queue()
    taken = [playout.append("live", [Piece(b"\x01" * 8000, number)]) for number in range(80)]
    assert taken == [True] * 60 + [False] * 20
    progress = play(playout, queue)
    assert [step.index for step in progress if not isinstance(step, Finished)] == list(range(80))
    assert len(queue.heard) == 8000 * 60
    assert playout.append("live", [Piece(b"\x01" * 8000 * 60)])
    playout.flush()
    assert playout.append("live", [Piece(b"\x01" * 8000 * 60)])
