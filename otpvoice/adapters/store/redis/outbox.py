"""The outbox in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

from otpvoice.adapters.store import Delivery, Depth, Letter, keys
from otpvoice.adapters.store.record import nameable
from otpvoice.adapters.store.redis.connection import Connection

_ENDPOINTS: Final = 1000
"""So many that are due are named at once; the others are when these are taken."""
_DISABLED_AT_ONCE: Final = 500
"""So many deliveries are given up in one script, which holds the server up for a millisecond or two."""


class Deliveries:
    """The outbox; see Outbox."""

    _server: Connection
    _dead_letters: int

    async def due(self, account: str, /) -> tuple[Sequence[str], float | None]:
        """Endpoints with a delivery that is due; see Outbox."""
        if not nameable(account):
            return (), None
        endpoints, later = await self._server.run("due", account, _ENDPOINTS)
        return [endpoint.decode() for endpoint in endpoints], None if later < 0 else later / 1000

    async def take(self, account: str, endpoint: str, /, *, most: int, lease: float) -> Sequence[Delivery]:
        """Take what is due for an endpoint; see Outbox."""
        if not nameable(account):
            return ()
        taken = await self._server.run("take", account, endpoint, most, round(lease * 1000), self._dead_letters)
        return [
            Delivery(
                account=account,
                id=event_id.decode(),
                type=kind.decode(),
                endpoint=endpoint,
                attempts=int(attempts),
                created_at=int(created) / 1000,
                body=body,
                leased_until=int(until) / 1000,
                auth=auth.decode() or None,
            )
            for event_id, kind, attempts, created, body, until, auth in taken
        ]

    async def delivered(self, /, *deliveries: Delivery) -> None:
        """They arrived; see Outbox."""
        named = chain.from_iterable((delivery.id, delivery.endpoint) for delivery in deliveries)
        await self._server.run("delivered", deliveries[0].account, *named)

    async def give_back(self, /, *deliveries: Delivery) -> None:
        """They were not tried; see Outbox."""
        named = chain.from_iterable((each.id, each.endpoint, _lease_end(each)) for each in deliveries)
        await self._server.run("give_back", deliveries[0].account, *named)

    async def put_back(self, delivery: Delivery, seconds: float, reason: str, /) -> None:
        """It did not; see Outbox."""
        again = round(seconds * 1000)
        await self._server.run("put_back", delivery.account, delivery.id, delivery.attempts, again, reason)

    async def give_up(self, delivery: Delivery, reason: str, /) -> None:
        """It never will; see Outbox."""
        tried = delivery.attempts
        await self._server.run("give_up", delivery.account, delivery.id, tried, reason, self._dead_letters)

    async def disable(self, account: str, endpoint: str, /) -> None:
        """Nothing is sent there any more; see Outbox."""
        while await self._server.run("disable", account, endpoint, _DISABLED_AT_ONCE, self._dead_letters):
            pass

    async def enable(self, account: str, endpoint: str, /) -> bool:
        """Send there again; see Outbox."""
        if not nameable(account):
            return False
        return bool(await self._server.within_deadline(self._server.redis.zrem(keys.disabled(account), endpoint)))

    async def disabled(self, account: str, /) -> Sequence[str]:
        """Endpoints that are disabled, the longest so first; see Outbox."""
        if not nameable(account):
            return ()
        endpoints = await self._server.within_deadline(self._server.redis.zrange(keys.disabled(account), 0, -1))
        return [endpoint.decode() for endpoint in endpoints]

    async def letters(self, account: str, /, *, dead: bool, limit: int = 100) -> Sequence[Letter]:
        """Dead letters, or what is on its way; see Outbox."""
        if not nameable(account):
            return ()
        found = await self._server.run("letters", account, "dead" if dead else "on_its_way", limit)
        return [
            Letter(
                account=account,
                id=event_id.decode(),
                type=kind.decode(),
                endpoint=endpoint.decode(),
                attempts=int(attempts),
                created_at=int(created) / 1000,
                reason=reason.decode() or None,
                due_at=float(due) / 1000 if due else None,
            )
            for event_id, kind, endpoint, attempts, created, reason, due in found
        ]

    async def depth(self, account: str, /) -> Depth:
        """How much there is; see Outbox."""
        if not nameable(account):
            return Depth(0, 0)
        return Depth(*await self._server.run("depth", account, _ENDPOINTS))

    async def replay(self, account: str, event_id: str, /) -> bool:
        """Make a dead letter due now; see Outbox."""
        if not (nameable(account) and nameable(event_id)):
            return False
        return bool(await self._server.run("replay", account, event_id))


def _lease_end(delivery: Delivery) -> str:
    return str(round((delivery.leased_until or 0) * 1000))
