"""A track that we push lies where Asterisk plays it: by a model of its queue, and of the marks that come back."""

from __future__ import annotations

import random
from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otpvoice.media.streams.tracks import Tracks
from tests.media.streams.clockwork import FRAME, ORIGIN, QUIET, SILENCE, SLOT, Clockwork, sound


class Queue:
    """Asterisk's: a frame is taken each 20 ms, and a mark behind it is told at the tick after; ``played``: when."""

    def __init__(self, clock: Clockwork, *, phase: float = 0.007, every: float = SLOT, late: float = 0.001) -> None:
        self.clock, self.late = clock, late
        self.played: dict[bytes, float] = {}
        self._frames: deque[bytes | int] = deque()
        self._pushed = self._marked = 0
        self._marks = 0
        self._phase, self._every = phase, every
        self._skipped: set[int] = set()

    def runs(self, seconds: float, *, loses: tuple[int, ...] = ()) -> None:
        """``loses``: ticks that its timer misses, under load."""
        for number in range(round(seconds / self._every)):
            if number not in loses:
                self.clock.at(self._phase + number * self._every, self._tick)

    def push(self, now: float, *messages: bytes, known: bool = True) -> None:
        """Write messages, each with a mark behind it."""
        for message in messages:
            if known:
                self.clock.tracks.pushed(message, now)
            self._frames.extend(message[start : start + FRAME] for start in range(0, len(message), FRAME))
            self._pushed += len(message) // FRAME
            self._frames.append(self._pushed)

    def flush(self, now: float) -> None:
        self._frames.clear()
        self._marked = self._pushed
        self.clock.tracks.flushed(now)

    def _tick(self, now: float) -> None:
        while self._frames and isinstance(self._frames[0], int):
            total = self._frames.popleft()
            self.clock.at(now - ORIGIN + self.late, lambda at, total=total: self._mark(int(total), at))  # type: ignore[misc]
        if self._frames:
            frame = self._frames.popleft()
            assert isinstance(frame, bytes)
            self.played[frame] = now - ORIGIN

    def _mark(self, total: int, now: float) -> None:
        if total > self._marked:
            self._marked = total
            self.clock.tracks.synced(self._pushed - total, now)


def outbound() -> Clockwork:
    return Clockwork(Tracks(("outbound",), SILENCE, ORIGIN))


def says(numbers: range, several: int = 50) -> list[bytes]:
    """Messages of so many frames."""
    frames = [sound(number) for number in numbers]
    return [b"".join(frames[start : start + several]) for start in range(0, len(frames), several)]


def off(clock: Clockwork, queue: Queue) -> list[float]:
    """How far each frame's slot lies from the one in which it was played; 0: they begin together, or half a slot apart.

    In slots. What was played at the very end of a slot, or begins in the next, is half a slot off.
    """
    frames = [frame for frame in clock.of("outbound") if frame.audio != QUIET]
    return [frame.slot + 0.5 - queue.played[frame.audio] / SLOT for frame in frames if frame.audio in queue.played]


@pytest.mark.parametrize("phase", [0.0002, 0.007, 0.0199])
@pytest.mark.parametrize("several", [1, 10, 100])
def test_what_is_pushed_at_once_lies_in_the_slots_in_which_it_is_played(several: int, phase: float) -> None:
    clock = outbound()
    queue = Queue(clock, phase=phase)
    queue.runs(10)
    clock.ticks(10, phase=0.0123)
    clock.at(1.0, lambda now: queue.push(now, *says(range(300), several)))
    clock.run()
    assert len(off(clock, queue)) == 300
    assert max(map(abs, off(clock, queue))) <= 0.6
    assert clock.tracks.discarded == 0
    spoken = [frame.slot for frame in clock.of("outbound") if frame.audio != QUIET]
    assert spoken == list(range(spoken[0], spoken[0] + 300))


def test_nothing_is_given_before_it_is_played_and_nothing_long_after() -> None:
    clock = outbound()
    queue = Queue(clock)
    queue.runs(6)
    clock.ticks(6, phase=0.0123)
    clock.at(1.0, lambda now: queue.push(now, *says(range(200))))
    clock.run()
    for frame, at in zip(clock.frames, clock.given_at, strict=True):
        assert 0 <= at - frame.slot * SLOT <= 2 * SLOT


def test_utterances_with_pauses_between_them_lie_right() -> None:
    clock = outbound()
    queue = Queue(clock)
    queue.runs(20)
    clock.ticks(20, phase=0.0123)
    for number, start in enumerate((0.5, 2.0013, 3.333, 9.0087, 9.6191)):
        several = range(number * 30, number * 30 + 30)
        clock.at(start, lambda now, several=several: queue.push(now, *says(several, 10)))  # type: ignore[misc]
    clock.run()
    assert len(off(clock, queue)) == 150
    assert max(map(abs, off(clock, queue))) <= 0.6


@pytest.mark.parametrize("ppm", [-1000, -200, 200, 1000])
def test_a_clock_of_asterisks_own_is_followed(ppm: int) -> None:
    """Twelve seconds wait there at most; what follows is written when a mark comes back."""
    clock = outbound()
    queue = Queue(clock, every=SLOT * (1 + ppm / 1e6))
    queue.runs(70)
    clock.ticks(70, phase=0.0123)
    for number in range(30):
        several = range(number * 100, number * 100 + 100)
        start = 1 + max(0, number - 5) * 2.0 * (1 + ppm / 1e6)
        clock.at(start, lambda now, several=several: queue.push(now, *says(several, 100)))  # type: ignore[misc]
    clock.run()
    late = off(clock, queue)
    assert len(late) >= 2997
    assert max(map(abs, late)) <= 1.6


def test_a_timer_of_asterisks_that_loses_ticks_is_followed() -> None:
    """Late ticks become latency that stays."""
    clock = outbound()
    queue = Queue(clock)
    queue.runs(40, loses=(100, 101, 102, 103))
    clock.ticks(40, phase=0.0123)
    clock.at(1.0, lambda now: queue.push(now, *says(range(600), 25)))
    clock.run()
    late = off(clock, queue)
    assert min(late) < -3
    assert max(map(abs, late[-200:])) <= 0.7
    assert max(b - a for a, b in pairwise(queue.played.values())) > 4 * SLOT, "it did lose them"


def test_a_late_event_loop_moves_nothing() -> None:
    clock = outbound()
    clock.stalls = ((2.0, 2.09), (3.0, 3.3), (4.005, 4.1))
    queue = Queue(clock)
    for number in range(500):
        clock.at(0.007 + number * SLOT, lambda _: None)
    queue.runs(10)
    clock.ticks(10, phase=0.0123)
    clock.at(1.0, lambda now: queue.push(now, *says(range(300), 10)))
    clock.run()
    spoken = [frame.slot for frame in clock.of("outbound") if frame.audio != QUIET]
    assert len(spoken) == 300
    assert spoken[-1] - spoken[0] <= 301


def test_what_was_thrown_away_is_not_in_it() -> None:
    clock = outbound()
    queue = Queue(clock)
    queue.runs(10)
    clock.ticks(10, phase=0.0123)
    clock.at(1.0, lambda now: queue.push(now, *says(range(300))))
    clock.at(2.0, queue.flush)
    clock.at(2.5, lambda now: queue.push(now, *says(range(300, 350))))
    clock.run()
    given = [frame.audio for frame in clock.of("outbound") if frame.audio != QUIET]
    cut = len(given) - 50
    assert abs(cut - len([frame for frame, at in queue.played.items() if at < 2.0])) <= 1
    assert given[cut:] == [sound(number) for number in range(300, 350)]
    assert max(map(abs, off(clock, queue))) <= 0.6


def test_what_was_played_before_it_was_thrown_away_is_in_it_also_where_the_ticker_is_late() -> None:
    tracks = Tracks(("outbound",), SILENCE, ORIGIN)
    tracks.pushed(b"".join(map(sound, range(50))), ORIGIN)
    tracks.flushed(ORIGIN + 0.11)
    assert [frame.audio for frame in tracks.tick(ORIGIN + 0.3)][:6] == [sound(number) for number in range(6)]
    assert {frame.audio for frame in tracks.tick(ORIGIN + 0.3)} <= {QUIET}


def test_who_comes_while_something_is_spoken_hears_what_is_pushed_after_it() -> None:
    """What was in Asterisk's queue by then is not known, and silent."""
    clock = outbound()
    queue = Queue(clock)
    queue.runs(20)
    clock.ticks(20, phase=0.0123)
    clock.at(0.1, lambda now: queue.push(now, *says(range(300)), known=False))
    clock.at(1.5, lambda now: queue.push(now, *says(range(300, 500))))
    clock.run()
    late = off(clock, queue)
    assert max(map(abs, late[-140:])) <= 0.6
    assert {frame.audio for frame in clock.of("outbound")} >= {sound(number) for number in range(360, 500)}


def test_what_is_pushed_after_a_flush_is_played_at_once_whatever_was_thrown_away() -> None:
    tracks = Tracks(("outbound",), SILENCE, ORIGIN)
    tracks.synced(500, ORIGIN + 0.01)
    tracks.pushed(sound(1), ORIGIN + 0.02)
    tracks.synced(501, ORIGIN + 0.03)
    tracks.flushed(ORIGIN + 0.5)
    tracks.pushed(sound(2), ORIGIN + 1.0)
    given = tracks.tick(ORIGIN + 1.1)
    assert [frame.slot for frame in given if frame.audio == sound(2)] in ([50], [51])
    assert sound(1) not in {frame.audio for frame in given}


def test_somebody_who_talks_live_lies_right() -> None:
    """A voicebot: a frame each 20 ms, over a network of its own, with pauses."""
    chance = random.Random(3)
    clock = outbound()
    queue = Queue(clock)
    queue.runs(30)
    clock.ticks(30, phase=0.0123)
    at = 1.0
    for number in range(800):
        at = max(at, 1.0 + number * SLOT + (number // 100) * 0.7 + chance.random() * 0.015)
        clock.at(at, lambda now, number=number: queue.push(now, sound(number)))  # type: ignore[misc]
    clock.run()
    late_by = off(clock, queue)
    assert len(late_by) >= 798
    assert max(map(abs, late_by)) <= 1.7


def test_too_much_is_bounded_and_counted() -> None:
    tracks = Tracks(("outbound",), SILENCE, ORIGIN)
    for _ in range(30):
        tracks.pushed(b"\x01" * FRAME * 100, ORIGIN)
    assert tracks.discarded == 2000
    given = tracks.tick(ORIGIN + 100.0)
    assert sum(frame.audio != QUIET for frame in given) == 1000
    assert len(given) == 5000


def test_a_rest_of_a_frame_is_not_played_and_nothing_is_nothing() -> None:
    tracks = Tracks(("outbound",), SILENCE, ORIGIN)
    tracks.pushed(b"", ORIGIN)
    tracks.pushed(b"\x01" * 250, ORIGIN)
    assert [frame.audio for frame in tracks.tick(ORIGIN + 0.05)] == [b"\x01" * FRAME, QUIET]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.0, 4.0), st.integers(1, 200)), min_size=1, max_size=6),
    st.floats(0, SLOT),
    st.floats(0, SLOT),
    st.floats(0.0005, 0.01),
)
def test_whatever_is_pushed_lies_within_a_frame_of_when_it_was_played(
    utterances: list[tuple[float, int]], phase: float, ticker: float, late: float
) -> None:
    clock = outbound()
    queue = Queue(clock, phase=phase, late=late)
    queue.runs(40)
    clock.ticks(40, phase=ticker)
    number = 0
    for start, count in utterances:
        several = range(number, number + count)
        number += count
        clock.at(0.1 + start, lambda now, several=several: queue.push(now, *says(several, 50)))  # type: ignore[misc]
    clock.run()
    assert max(map(abs, off(clock, queue))) <= 1.6
    assert len(off(clock, queue)) + clock.tracks.discarded == number
