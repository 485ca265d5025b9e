"""Turns at something of which there is little: who is in a hurry goes first, and only so many wait.

Among those who are alike, who came first. It knows no clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count


class Full(Exception):
    """So many wait already."""


class Turns:
    """``places`` at once, ``most`` waiting. Of ranks, the lowest goes first."""

    def __init__(self, places: int, most: int) -> None:
        self._free, self._most = places, most
        self._numbers = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(not turn.done() for _, _, turn in self._waiting)

    async def take(self, rank: int = 0) -> None:
        """Wait for a turn, and have it until ``leave``. Raises ``Full``."""
        if self._free:
            self._free -= 1
            return
        if self.waiting >= self._most:
            raise Full
        turn = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (rank, next(self._numbers), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:  # it was given one just before
                self.leave()
            raise

    def leave(self) -> None:
        """Give it back: to the next, or to whoever comes."""
        while self._waiting:
            _, _, turn = heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def send_away(self, why: Callable[[], Exception]) -> None:
        """Raise one of these for each who waits."""
        waiting, self._waiting = self._waiting, []
        for _, _, turn in waiting:
            if not turn.done():
                turn.set_exception(why())
