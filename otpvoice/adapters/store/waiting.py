"""Waiters for the next event of an account, in this process.

It wakes those who are behind a place, and knows nothing of how that came to be known.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from otpvoice.adapters.store.position import Place


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    behind: Place
    woken: asyncio.Event


class Waiters:
    """Those who wait for one account's events."""

    def __init__(self) -> None:
        self._newest: Place = (0, 0)
        self._waiting: set[_Waiter] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def told(self, newest: Place) -> None:
        """Wake everybody who has not seen this event, which was just written."""
        self.ends_at(max(self._newest, newest))

    def ends_at(self, newest: Place) -> None:
        """Wake everybody who is behind what is the newest event; it may be older than one that is gone."""
        self._newest = newest
        for waiter in self._waiting:
            if waiter.behind < newest:
                waiter.woken.set()

    async def wait(self, behind: Place, seconds: float) -> bool:
        """Wait for an event behind this place. False: none came within the time."""
        if behind < self._newest:
            return True
        waiter = _Waiter(behind, asyncio.Event())
        self._waiting.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter.woken.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(waiter)
        return True
