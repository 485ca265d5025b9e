"""The fake's time: seconds of Asterisk, which may run faster than ours; and one metronome for all media timers.

Nothing else here may sleep or ask what time it is by itself: whatever does not go through the clock does not scale.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

TICK: Final = 0.020


class Clock:
    """Seconds that pass ``speed`` times as fast as the event loop's; at speed 1 ``now()`` is ``loop.time()``."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._epoch = datetime.now(UTC)

    def now(self) -> float:
        return self._started + (self._loop.time() - self._started) * self.speed

    def timestamp(self) -> str:
        """As ARI writes it: ``2026-08-07T12:00:00.123+0000``."""
        at = self._epoch + timedelta(seconds=self.now() - self._started)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)

    def later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return self._loop.call_later(seconds / self.speed, callback)


class Ticker:
    """Calls ``tick(at)`` for each 20 ms of Asterisk's time, while ``wanted()``.

    ``at`` is when the tick was due: a late event loop makes ticks late, never early and never fewer. (A real
    timer loses ticks that it is late for, and the backlog of that leg never shrinks: not modelled.)
    """

    def __init__(self, clock: Clock, tick: Callable[[float], None], wanted: Callable[[], bool]) -> None:
        self._clock = clock
        self._tick = tick
        self._wanted = wanted
        self._next: float | None = None
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="media ticker")

    def wake(self) -> None:
        """Something may want ticks now."""
        if self._next is None and self._wanted():
            self._next = self._clock.now() + TICK
            self._wake.set()

    def advance(self) -> None:
        """Run the ticks that are due, before something happens that they must not see."""
        now = self._clock.now()
        while self._next is not None and self._next <= now:
            due, self._next = self._next, self._next + TICK
            self._tick(due)

    async def _run(self) -> None:
        while True:
            if not self._wanted():
                self._next = None
                self._wake.clear()
            self.wake()
            await self._wake.wait()
            if self._next is not None:
                # At high speeds several ticks share a wake-up: a loop can't sleep for less than about 1 ms.
                await asyncio.sleep(max((self._next - self._clock.now()) / self._clock.speed, 0.001))
            self.advance()

    def stop(self) -> None:
        self._task.cancel()
