"""Waiting for anything that may become true of a call.

Nothing is polled: a condition is asked when something changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from otpvoice.testkit.callee.facts import CallOver


class Waits:
    """Conditions that somebody awaits; whoever changes something calls ``changed``."""

    def __init__(self, over: Callable[[], bool]) -> None:
        self._over = over
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def until(self, condition: Callable[[], bool], within: float | None) -> None:
        """Raises ``CallOver`` when the call ends first, ``TimeoutError`` after ``within`` seconds."""
        if condition():
            return
        if self._over():
            raise CallOver
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wait = (condition, waiter)
        self._waiting.append(wait)
        try:
            async with asyncio.timeout(within):
                await waiter
        finally:
            self._waiting.remove(wait)

    def changed(self) -> None:
        for condition, waiter in self._waiting:
            if waiter.done():
                continue
            if condition():
                waiter.set_result(None)
            elif self._over():
                waiter.set_exception(CallOver())
