"""Who goes first: what a call waits for, before what is made ahead. What is made ahead may come to be waited for.

It knows neither engines nor sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Urgency:
    """Does a call wait for it? Once it does, it does."""

    def __init__(self, urgent: bool = False) -> None:
        self._urgent = asyncio.Event()
        self._others: list[Urgency] = []
        if urgent:
            self.rise()

    def __bool__(self) -> bool:
        return self._urgent.is_set()

    def rise(self) -> None:
        """From now on a call waits for it, and for what it waits for itself."""
        self._urgent.set()
        for other in self._others:
            other.rise()
        self._others.clear()

    def carry(self, other: Urgency) -> None:
        """What has ``other`` is waited for by what has this."""
        if self:
            other.rise()
        else:
            self._others.append(other)

    async def risen(self) -> bool:
        """Wait until a call waits for it."""
        return await self._urgent.wait()

    async def or_else(self, work: Awaitable[T]) -> T | None:
        """Do this until it is done, or until a call waits for it: then it is given up. Returns None where it was."""
        doing: asyncio.Future[Any] = asyncio.ensure_future(work)
        rising: asyncio.Future[Any] = asyncio.ensure_future(self.risen())
        doing.add_done_callback(_seen)
        try:
            await asyncio.wait([doing, rising], return_when=asyncio.FIRST_COMPLETED)
            return doing.result() if doing.done() else None
        finally:
            doing.cancel()
            rising.cancel()


def _seen(given_up: asyncio.Future[Any]) -> None:
    if not given_up.cancelled():
        given_up.exception()


class Precedence:
    """Turns at something, by name: what no call waits for begins while nothing is under way that one waits for."""

    def __init__(self) -> None:
        self._under_way: dict[str, dict[object, Urgency]] = {}
        self._quiet = asyncio.Event()

    @asynccontextmanager
    async def turn(self, name: str, urgency: Urgency) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the end of the block."""
        under_way = self._under_way.setdefault(name, {})
        while not urgency and any(under_way.values()):
            self._quiet.clear()
            await urgency.or_else(self._quiet.wait())
        # Looked at, not counted: what began ahead may come to be waited for in its turn.
        under_way[turn := object()] = urgency
        try:
            yield
        finally:
            del under_way[turn]
            if not any(under_way.values()):
                self._quiet.set()
