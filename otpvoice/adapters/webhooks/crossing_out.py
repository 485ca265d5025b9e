"""Crossing deliveries out of the outbox, those that arrive within a moment together.

Nobody waits for company: whoever asks for it is written at once, with all that arrived so far.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from otpvoice.adapters.store.ports import Delivery, Outbox
from otpvoice.adapters.webhooks.insisting import Insisting

log = structlog.get_logger(__name__)

MOMENT: Final = 0.01
"""Seconds. What arrived and is not crossed out yet is posted again, should we die."""


class CrossingOut:
    """The deliveries of one account. One write at a time; what arrives meanwhile goes into the next."""

    def __init__(self, outbox: Outbox, insisting: Insisting) -> None:
        self._outbox, self._insisting = outbox, insisting
        self._arrived: dict[str, Delivery] = {}
        self._pen = asyncio.Lock()
        self._moment: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def arrived(self, delivery: Delivery) -> None:
        """Cross it out in a moment, if nobody asks for it before."""
        self._arrived[delivery.id] = delivery
        if self._moment is None:
            self._moment = asyncio.get_running_loop().call_later(MOMENT, self._over)

    async def at_once(self, delivery: Delivery) -> None:
        """Return when it is crossed out, and all that arrived before it, however long the outbox is away."""
        async with self._pen:
            if delivery.id in self._arrived:  # else it was written by who had the pen before
                await self._write()

    async def close(self) -> None:
        """Write no more. What is not crossed out is anybody's when its lease is over."""
        if self._moment is not None:
            self._moment.cancel()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    def _over(self) -> None:
        if self._writing is not None and not self._writing.done():  # the outbox is slow, or away
            self._moment = asyncio.get_running_loop().call_later(MOMENT, self._over)
            return
        self._moment = None
        last = next(reversed(self._arrived.values()))
        self._writing = asyncio.create_task(self.at_once(last), name=f"crossing out {last.id}")

    async def _write(self) -> None:
        if self._moment is not None:
            self._moment.cancel()
            self._moment = None
        together, self._arrived = self._arrived, {}
        try:
            await self._insisting(lambda: self._outbox.delivered(*together.values()))
        except asyncio.CancelledError:
            self._arrived = together | self._arrived  # for who has the pen next
            raise
        except Exception as fault:  # a mistake of ours; the leases run out, and they come again
            for delivery in together.values():
                whose = {"call": delivery.call, "account": delivery.account, "webhook": delivery.id}
                log.error("webhook.broken", **whose, fault=type(fault).__name__)
