"""The shared 20 ms clock, on a loop whose time is told by the test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from otpvoice.testkit.callee.ticker import Ticker

ORIGIN = 1000.0


@dataclass
class Timer:
    at: float
    callback: Callable[[], None]

    def cancel(self) -> None:
        self.callback = lambda: None


@dataclass
class Loop:
    """As much of an event loop as a ticker asks for."""

    now: float = ORIGIN
    timers: list[Timer] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(when, callback))
        return self.timers[-1]

    def run(self, late: float = 0.0) -> None:
        """Runs the timer that is due next, so many seconds late."""
        timer = self.timers.pop(0)
        self.now = max(self.now, timer.at + late)
        timer.callback()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    made = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: made)
    return made


@dataclass
class Sent:
    """A sender that has something to send until frame ``last``."""

    last: int = 10**6
    frames: list[tuple[int, float]] = field(default_factory=list)

    def __call__(self, frame: int, now: float) -> bool:
        self.frames.append((frame, round(now - ORIGIN, 3)))
        return frame < self.last

    __hash__ = object.__hash__


def test_a_late_tick_does_not_move_the_next(loop: Loop) -> None:
    ticker, sent = Ticker(), Sent()
    ticker.add(sent)
    for late in (0.0, 0.015, 0.0, 0.007, 0.0):
        loop.run(late)
    assert sent.frames == [(1, 0.02), (2, 0.055), (3, 0.06), (4, 0.087), (5, 0.1)]


def test_missed_frames_are_made_up_for(loop: Loop) -> None:
    ticker, sent = Ticker(), Sent()
    ticker.add(sent)
    loop.run(late=0.05)
    loop.run()
    assert sent.frames == [(1, 0.07), (2, 0.07), (3, 0.07), (4, 0.08)]


def test_more_than_a_second_is_not(loop: Loop) -> None:
    ticker, sent = Ticker(), Sent()
    ticker.add(sent)
    loop.run(late=9.98)
    assert [frame for frame, _ in sent.frames] == list(range(451, 501))


def test_a_timer_that_fires_half_a_millisecond_early_counts(loop: Loop) -> None:
    ticker, sent = Ticker(), Sent()
    ticker.add(sent)
    loop.now, timer = ORIGIN + 0.0195, loop.timers.pop()
    timer.callback()
    assert [frame for frame, _ in sent.frames] == [1]


def test_it_rests_while_nobody_sends(loop: Loop) -> None:
    ticker, short, long = Ticker(), Sent(last=1), Sent(last=2)
    ticker.add(short)
    ticker.add(long)
    loop.run()
    loop.run()
    assert loop.timers == []
    loop.now = ORIGIN + 5.005
    ticker.add(again := Sent(last=251))
    loop.run()
    assert (again.frames, loop.timers) == ([(251, 5.02)], [])
    assert (len(short.frames), len(long.frames)) == (1, 2)


def test_who_comes_while_it_is_late_is_not_called_for_what_was_before(loop: Loop) -> None:
    """A phone that sends no silence by itself sent some then: for the time before it was there."""
    ticker, sent, late = Ticker(), Sent(), Sent()
    ticker.add(sent)
    loop.now = ORIGIN + 0.065
    ticker.add(late)
    ticker.add(sent)
    loop.run()
    loop.run()
    assert [frame for frame, _ in sent.frames] == [1, 2, 3, 4]
    assert late.frames == [(4, 0.08)]
