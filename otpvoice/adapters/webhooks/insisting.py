"""Asking a store that may be away, until it answers.

It gives nothing up and never hurries: each operation of an outbox is safe to repeat, and all who wait tell of it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from otpvoice.adapters.backoff import pause_after
from otpvoice.adapters.store.ports import StoreUnavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Insisting:
    """``await insisting(lambda: outbox.due(account))``. ``sleep``: waits so many seconds."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._away = False

    async def __call__(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return what the store says, when it says something."""
        failures = 0
        while True:
            try:
                answer = await ask()
            except StoreUnavailable as fault:
                self._failed(fault.reason)
                failures += 1
                await self._sleep(pause_after(failures))
            else:
                self._answered()
                return answer

    def _failed(self, reason: str) -> None:
        if not self._away:
            log.warning("webhooks.outbox_unavailable", reason=reason)
        self._away = True

    def _answered(self) -> None:
        if self._away:
            log.info("webhooks.outbox_available")
        self._away = False
