"""How late the event loop is: a ticker that says when it should have been called, and when it was.

One that is late by much says so in the log, too, but not each time: what holds the loop up holds everything up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from otpvoice.metrics import catalogue
from otpvoice.metrics.instruments import histogram

log = structlog.get_logger(__name__)

EVERY: Final = 0.1
"""Seconds between two ticks."""
MUCH: Final = 0.25
"""Seconds: from here on people hear it, where audio is streamed or a key is answered."""
QUIET: Final = 30.0
"""Seconds between two lines in the log."""


class LoopLag:
    """Run ``run`` as a task. ``told``: of each lag, and in how many seconds the next one comes, all in seconds."""

    def __init__(self, registry: CollectorRegistry, told: Callable[[float, float], None] = lambda *_: None) -> None:
        self.told = told
        self._lag = histogram(catalogue.LOOP_LAG, registry)
        self._quiet_until = float("-inf")
        self._times, self._worst = 0, 0.0

    async def run(self) -> None:
        """Tick, for ever."""
        now = asyncio.get_running_loop().time
        while True:
            due = now() + EVERY
            await asyncio.sleep(EVERY)
            self.note(now() - due, now())

    def note(self, lag: float, now: float) -> None:
        """The loop was so late, in seconds. ``now``: seconds that never jump."""
        # uvloop's timers may be a millisecond early.
        self._lag.observe(max(0.0, lag))
        self.told(lag, EVERY)
        if lag < MUCH:
            return
        self._times, self._worst = self._times + 1, max(self._worst, lag)
        if now >= self._quiet_until:
            log.warning("loop.lagging", worst_ms=round(self._worst * 1000), times=self._times)
            self._quiet_until = now + QUIET
            self._times, self._worst = 0, 0.0
