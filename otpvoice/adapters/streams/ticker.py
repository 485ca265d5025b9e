"""The 20 ms clock of all streams of a process. It runs while there is somebody to tick for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context

from otpvoice.adapters.streams.limits import TICK


class Ticker:
    """Calls ``tick`` with the event loop's time, on a grid of ``TICK`` seconds.

    Where the loop was held up, the beats that were missed are one: whoever ticks looks at the time, and has all that is
    due in one go.
    """

    def __init__(self, tick: Callable[[float], None]) -> None:
        self._tick = tick
        self._next = 0.0
        self._handle: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        return self._handle is not None

    def start(self) -> None:
        """Begin, where it does not run already."""
        if self._handle is None:
            loop = asyncio.get_running_loop()
            self._next = loop.time() + TICK
            # In a context of its own: it ticks for all, and not for whoever came first.
            self._handle = loop.call_at(self._next, self._beat, context=Context())

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._next += TICK
        if self._next <= now:
            self._next += TICK * ((now - self._next) // TICK + 1)
        self._handle = loop.call_at(self._next, self._beat)
        self._tick(now)
