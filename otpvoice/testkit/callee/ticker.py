"""The 20 ms clock that all calls of an agent share: one timer, however many calls send.

It runs only while somebody sends, and never drifts: frame n is due at the origin + n * 20 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from otpvoice.testkit.callee.rtp import FRAME_SECONDS

# A phone that stood still for longer does not send what it missed.
_MOST_MISSED: Final = 50
# Timers may fire early by the clock's resolution (uvloop: half a millisecond).
_EARLY: Final = 0.001

# Called with the frame's number and the time; False: has nothing more to send.
Sender: TypeAlias = Callable[[int, float], bool]


class Ticker:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time()
        self._done = 0
        self._senders: dict[Sender, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def frame(self) -> int:
        """The number of the frame that is running."""
        return int((self._loop.time() + _EARLY - self._origin) / FRAME_SECONDS)

    def add(self, sender: Sender) -> None:
        """Calls ``sender`` from the next frame on, until it returns False.

        Not for frames that were due before and are late: whoever comes to a late clock has missed nothing.
        """
        self._senders.setdefault(sender, self.frame)
        if self._timer is None:
            self._done = self.frame
            self._schedule()

    def discard(self, sender: Sender) -> None:
        self._senders.pop(sender, None)

    def stop(self) -> None:
        self._senders.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        self._timer = self._loop.call_at(self._origin + (self._done + 1) * FRAME_SECONDS, self._tick)

    def _tick(self) -> None:
        frame = self.frame
        self._done = max(self._done, frame - _MOST_MISSED)
        while self._done < frame:
            self._done += 1
            now = self._loop.time()
            for sender, joined in tuple(self._senders.items()):
                if self._done > joined and not sender(self._done, now):
                    self._senders.pop(sender, None)
        self._timer = None
        if self._senders:
            self._schedule()
