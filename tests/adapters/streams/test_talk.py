"""What a customer says, on its way to the callee: frames, marks and clears, with the time as an argument."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from otpvoice.adapters.streams.frames import Violation
from otpvoice.adapters.streams.limits import Limits, Timings
from otpvoice.adapters.streams.talk import TOLD_EVERY, Talk
from otpvoice.media.playout import MAX_WAITING, Piece
from otpvoice.media.streams.words import AudioHeard, ClearAsked, Heard, Ignored, MarkAsked

FRAME = bytes(range(160))


class Mouth:
    def __init__(self) -> None:
        self.said: list[tuple[str, Piece]] = []
        self.cleared = 0

    def say(self, utterance_id: str, pieces: Sequence[Piece]) -> None:
        self.said += [(utterance_id, piece) for piece in pieces]

    def clear(self) -> None:
        self.cleared += 1

    @property
    def frames(self) -> list[int]:
        assert all(len(piece.audio) % 160 == 0 for _, piece in self.said)
        return [len(piece.audio) // 160 for _, piece in self.said if piece.audio]

    @property
    def asked(self) -> list[tuple[str, int, int]]:
        """What we want to be told of: utterance, index, and the frames that were said up to there."""
        frames, asked = 0, []
        for utterance_id, piece in self.said:
            frames += len(piece.audio) // 160
            if piece.index is not None:
                asked.append((utterance_id, piece.index, frames))
        return asked


class Conversation:
    def __init__(self, *, clear_returns_marks: bool = True, limits: Limits | None = None) -> None:
        self.mouth = Mouth()
        self.talk = Talk(
            "stream-1",
            self.mouth,
            "ulaw",
            clear_returns_marks=clear_returns_marks,
            timings=Timings(padding=0.1),
            limits=limits or Limits(),
        )
        self.now = 1000.0

    def hears(self, *heard: Heard) -> list[str]:
        return self.talk.take(heard, self.now)

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.talk.tick(self.now)

    def plays(self, number: int) -> list[str]:
        """All was played up to where we asked for the ``number``-th time, from 1."""
        utterance_id, index, _ = self.mouth.asked[number - 1]
        return self.talk.played(utterance_id, index)


def audio(frames: float) -> AudioHeard:
    return AudioHeard((FRAME * 1000)[: int(160 * frames)])


def test_whole_frames_are_handed_over_at_once_and_the_rest_with_what_follows() -> None:
    call = Conversation()
    call.hears(audio(2), audio(1.5), audio(0.25), audio(1.5))
    assert call.mouth.frames == [2, 1, 2]
    call.later(0.09)
    assert call.mouth.frames == [2, 1, 2], "perhaps something follows"
    call.later(0.02)
    assert call.mouth.frames == [2, 1, 2, 1]
    assert call.mouth.said[-1][1].audio == FRAME[40:80] + b"\xff" * 120, "filled up with silence"
    call.later(1)
    assert call.mouth.frames == [2, 1, 2, 1]
    assert call.talk.frames == 6
    assert call.talk.queued == pytest.approx(0.12)


def test_what_is_heard_is_what_was_said() -> None:
    call = Conversation()
    for size in (1, 159, 161, 320, 7, 1000):
        call.hears(AudioHeard(bytes([size % 256]) * size))
    call.later(0.2)
    said = b"".join(piece.audio for _, piece in call.mouth.said)
    expected = b"".join(bytes([size % 256]) * size for size in (1, 159, 161, 320, 7, 1000))
    assert said == expected + b"\xff" * (-len(expected) % 160)


def test_not_every_frame_costs_a_mark() -> None:
    """Told are every tenth frame, and the last one when nothing follows; what is told of has a name of its own."""
    call = Conversation()
    for _ in range(2 * TOLD_EVERY + 3):
        call.hears(audio(1))
        call.later(0.02)
    told = [("stream-1-1", 1, 10), ("stream-1-2", 2, 20)]
    assert call.mouth.asked == told
    call.later(0.07)
    assert call.mouth.asked == told, "perhaps something follows"
    call.later(0.02)
    told.append(("stream-1-3", 3, 23))
    assert call.mouth.asked == told
    call.later(1)
    assert call.mouth.asked == told
    queued = []
    for number in range(1, 4):
        assert call.plays(number) == []
        queued.append(round(call.talk.queued / 0.02))
    assert queued == [13, 3, 0]


def test_what_is_long_is_told_of_at_once() -> None:
    call = Conversation()
    call.hears(audio(9), audio(200), audio(1), ClearAsked(), audio(1))
    call.later(0.2)
    assert call.mouth.asked == [("stream-1-1", 1, 209), ("stream-1-2", 2, 211)]
    assert [name for name, _ in call.mouth.said] == ["stream-1-1"] * 2 + ["stream-1-2"] * 3


def test_a_mark_comes_back_when_all_before_it_was_played() -> None:
    call = Conversation()
    assert call.hears(MarkAsked("nothing before it")) == ["nothing before it"]
    assert call.hears(audio(1), MarkAsked("a"), MarkAsked("b"), audio(1), MarkAsked("c"), audio(3)) == []
    assert [frames for *_, frames in call.mouth.asked] == [1, 2]
    assert call.plays(1) == ["a", "b"]
    assert call.plays(2) == ["c"]
    assert call.hears(MarkAsked("behind what nobody asked for")) == []
    assert call.plays(3) == ["behind what nobody asked for"]
    assert call.hears(MarkAsked("all is played")) == ["all is played"]


def test_a_mark_behind_much_that_was_asked_for_costs_nothing() -> None:
    call = Conversation()
    call.hears(audio(10), MarkAsked("a"), MarkAsked("b"))
    assert [frames for *_, frames in call.mouth.asked] == [10]
    assert call.plays(1) == ["a", "b"]


@pytest.mark.parametrize("size", [20, 80, 159, 160, 161, 200, 1000, 5000])
def test_marks_change_nothing_of_what_is_heard(size: int) -> None:
    """A mark after each message is how one finds out how far one is heard. Each comes back with the frame it is in."""
    call = Conversation()
    said = b"".join(bytes([1 + number]) * size for number in range(30))
    for number in range(30):
        call.hears(AudioHeard(said[number * size : (number + 1) * size]), MarkAsked(str(number)))
        call.later(0.02)
    call.later(0.2)
    assert b"".join(piece.audio for _, piece in call.mouth.said) == said + b"\xff" * (-len(said) % 160)
    back: dict[str, int] = {}
    for number, (*_, frames) in enumerate(call.mouth.asked, 1):
        back |= dict.fromkeys(call.plays(number), frames)
    assert list(back) == [str(number) for number in range(30)], "in their order"
    assert list(back.values()) == [-(-(number + 1) * size // 160) for number in range(30)]
    assert call.talk.queued == 0


def test_a_mark_behind_half_a_frame_waits_for_what_fills_it() -> None:
    call = Conversation()
    assert call.hears(audio(0.5), MarkAsked("a")) == []
    assert call.mouth.said == []
    assert call.hears(audio(1), MarkAsked("b"), audio(100)) == []
    assert [frames for *_, frames in call.mouth.asked] == [1, 2, 101]
    assert [call.plays(1), call.plays(2)] == [["a"], ["b"]]


def test_a_mark_behind_half_a_frame_waits_no_longer_than_that_does() -> None:
    call = Conversation()
    assert call.hears(audio(0.5), MarkAsked("a")) == []
    call.later(0.11)
    assert call.mouth.asked == [("stream-1-1", 1, 1)]
    assert call.mouth.said[0][1].audio == FRAME[:80] + b"\xff" * 80
    assert call.plays(1) == ["a"]


def test_a_piece_that_was_lost_is_covered_by_the_next() -> None:
    call = Conversation()
    call.hears(audio(1), MarkAsked("a"), audio(1), MarkAsked("b"))
    assert call.plays(2) == ["a", "b"]
    assert call.plays(1) == []
    assert call.talk.queued == 0


@pytest.mark.parametrize(("returns", "back"), [(True, ["a", "b", "c"]), (False, [])])
def test_a_clear_throws_everything_away(returns: bool, back: list[str]) -> None:
    call = Conversation(clear_returns_marks=returns)
    call.hears(audio(1), MarkAsked("a"), audio(3), MarkAsked("b"), audio(1.5), MarkAsked("c"))
    assert call.hears(ClearAsked()) == back
    assert (call.mouth.cleared, call.talk.queued) == (1, 0)
    call.later(1)
    assert call.mouth.frames == [1, 3, 1], "the half of a frame is gone, too"
    assert call.plays(1) == call.plays(2) == [], "it was flushed; whoever says that it was played is late"
    assert call.hears(MarkAsked("d")) == ["d"]
    assert call.hears(audio(0.5), audio(0.5), audio(1), MarkAsked("e")) == []
    assert call.plays(1) == call.plays(2) == []
    assert [frames for *_, frames in call.mouth.asked] == [1, 4, 7], "c has nothing asked for"
    assert call.plays(3) == ["e"]


def test_a_clear_of_nothing_has_nothing_thrown_away() -> None:
    call = Conversation()
    assert call.hears(ClearAsked(), audio(0.5), ClearAsked()) == []
    call.later(1)
    assert (call.mouth.cleared, call.mouth.said) == (0, [])


def test_what_others_said_was_played_means_nothing() -> None:
    call = Conversation()
    call.hears(audio(1), MarkAsked("a"))
    for utterance_id, index in (("stream-1", 1), ("stream-2-1", 1), ("1", 1), ("stream-1-1", 2), ("stream-1-0", 0)):
        assert call.talk.played(utterance_id, index) == []
    assert call.plays(1) == ["a"]


@pytest.mark.parametrize(
    ("limits", "heard", "word"),
    [
        (Limits(audio=1.0), [audio(50), audio(1)], "audio_overflow"),
        (Limits(audio=1.0), [audio(51)], "audio_overflow"),
        (Limits(audio=1.0), [audio(0.5), audio(49.6)], "audio_overflow"),
        (Limits(audio_at_once=1.0, audio_a_second=0), [audio(50), ClearAsked(), audio(0.01)], "flood"),
        (Limits(marks=2), [audio(1), *[MarkAsked("m")] * 3], "flood"),
        (Limits(clears_at_once=2, clears_a_second=0), [ClearAsked()] * 3, "flood"),
        (Limits(junk_at_once=2, junk_a_second=0), [Ignored("not_json")] * 3, "junk"),
        (Limits(junk_at_once=2, junk_a_second=0, mark=5), [MarkAsked("123456")] * 3, "junk"),
    ],
)
def test_what_is_too_much(limits: Limits, heard: list[Heard], word: str) -> None:
    call = Conversation(limits=limits)
    call.hears(*heard[:-1])
    with pytest.raises(Violation) as refused:
        call.hears(heard[-1])
    assert (refused.value.code, refused.value.word) == (1008, word)


def test_what_is_much_and_not_too_much() -> None:
    limits = Limits(audio=1.0, marks=2, junk_at_once=2, junk_a_second=1, mark=5)
    call = Conversation(limits=limits)
    call.hears(*[Ignored("not_json")] * 2, audio(50), MarkAsked("12345"), MarkAsked("m"))
    assert call.plays(1) == ["12345", "m"]
    call.later(2)
    call.hears(*[Ignored("not_json")] * 2, audio(50), *[MarkAsked("m")] * 2)
    assert call.talk.queued == 1.0


def test_a_media_leg_takes_all_that_may_wait() -> None:
    """Else what a customer said would be lost without a word: it was taken here."""
    assert Limits().audio <= MAX_WAITING


def test_silence_is_that_of_the_law() -> None:
    mouth = Mouth()
    talk = Talk("s", mouth, "alaw", clear_returns_marks=True, timings=Timings(), limits=Limits())
    talk.take([AudioHeard(b"\x00")], 0.0)
    talk.tick(1.0)
    assert mouth.said[0][1].audio == b"\x00" + b"\xd5" * 159
