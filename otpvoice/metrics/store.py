"""What the store has to be asked for when somebody scrapes: does it take writes, and how much is in the outbox?

Nobody waits for long, and a store that is away is a number like others. Of several who ask at once all get one answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from otpvoice.metrics.ports import Depth, Store

WITHIN: Final = 1.5
"""Seconds for each of the two questions; Prometheus waits 10 s for a scrape."""


@dataclass(frozen=True, slots=True)
class StoreState:
    """``pending``, ``dead``: deliveries and dead letters of all accounts; None: the store did not say."""

    up: bool = False
    pending: int | None = None
    dead: int | None = None


class StoreWatch:
    """``accounts``: those that have an outbox. ``known``: the last answer."""

    def __init__(self, store: Store, accounts: Sequence[str]) -> None:
        self._store, self._accounts = store, accounts
        self._asking: asyncio.Task[StoreState] | None = None
        self.known = StoreState()

    async def look(self) -> None:
        """Ask, or wait for the answer to a question that is under way."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="metrics of the store")
        # Who goes away meanwhile does not take the answer from the others.
        self.known = await asyncio.shield(self._asking)

    async def _ask(self) -> StoreState:
        try:
            async with asyncio.timeout(WITHIN):
                await self._store.ping()
        except Exception:  # whatever it is, it does not take writes; why is in the log, and in /readyz
            return StoreState()
        try:
            async with asyncio.timeout(WITHIN):
                depths = await self._depths()
        except Exception:
            return StoreState(up=True)
        return StoreState(True, sum(depth.on_their_way for depth in depths), sum(depth.dead for depth in depths))

    async def _depths(self) -> list[Depth]:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._store.depth(account)) for account in self._accounts]
        return [each.result() for each in asked]
