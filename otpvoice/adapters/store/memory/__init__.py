"""All ports in this process, for development without Redis: the same rules, and nothing survives a restart.

It is never unavailable, and it is not for production: a second instance does not see it.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

from otpvoice.adapters.store import Owner
from otpvoice.adapters.store.memory.calls import Calls
from otpvoice.adapters.store.memory.estates import Inheritance
from otpvoice.adapters.store.memory.following import Following
from otpvoice.adapters.store.memory.idempotency import Idempotency
from otpvoice.adapters.store.memory.outbox import Deliveries
from otpvoice.adapters.store.memory.registrations import Registers
from otpvoice.adapters.store.owning import somebody
from otpvoice.adapters.store.record import decode

__all__ = ["MemoryStore"]


class MemoryStore(Calls, Inheritance, Idempotency, Following, Deliveries, Registers):
    """A Store, its Estates, Keys, Events and Outbox, and Registrations, in memory.

    ``ttl``: how long records and summaries are kept, s; events at most a day. ``clock``: s, any origin.
    ``dead_letters``: so many are kept of each account. ``owner``: for whom it writes, None: somebody who never was
    before; ValueError if a name of theirs can't be written down.
    """

    def __init__(
        self,
        *,
        ttl: float,
        clock: Callable[[], float] = time.time,
        dead_letters: int = 100_000,
        owner: Owner | None = None,
    ) -> None:
        if ttl <= 0:
            raise ValueError("ttl must be longer than nothing")
        super().__init__(ttl, clock, dead_letters, somebody(owner))

    def as_owner(self, owner: Owner) -> MemoryStore:
        """Return a store over the same shelves that writes for another owner: what a next life would find."""
        other = copy.copy(self)
        other._owner = somebody(owner)
        return other

    async def ping(self) -> None:
        """Always ready."""

    async def close(self) -> None:
        """Nothing to let go of; the records stay."""

    def summaries(self, account: str) -> list[tuple[str, dict[str, Any]]]:
        """The account's ended calls, oldest first: what the stream holds in Redis. Pairs of id and record."""
        return [(call_id, decode(summary) or {}) for _, call_id, summary in self._shelf(account).summaries]
