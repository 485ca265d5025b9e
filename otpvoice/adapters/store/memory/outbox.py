"""The outbox in memory."""

from __future__ import annotations

from collections.abc import Sequence

from otpvoice.adapters.store import Delivery, Depth, Letter
from otpvoice.adapters.store.memory.shelf import MONTH, Parcel, Shelf
from otpvoice.adapters.store.memory.shelves import Shelves


class Deliveries(Shelves):
    """The outbox; see Outbox."""

    async def due(self, account: str, /) -> tuple[Sequence[str], float | None]:
        """Endpoints with a delivery that is due; see Outbox."""
        shelf = self._shelf(account)
        now = shelf.now()
        first = sorted((min(waiting.values()), endpoint) for endpoint, waiting in shelf.outbox.items() if waiting)
        later = [at for at, _ in first if at > now]
        return [endpoint for at, endpoint in first if at <= now], (later[0] - now) / 1000 if later else None

    async def take(self, account: str, endpoint: str, /, *, most: int, lease: float) -> Sequence[Delivery]:
        """Take what is due for an endpoint; see Outbox."""
        shelf = self._shelf(account)
        now = shelf.now()
        taken: list[Delivery] = []
        for at, event_id in sorted((at, event_id) for event_id, at in shelf.outbox.get(endpoint, {}).items())[:most]:
            if at > now:
                break
            parcel = shelf.parcels.get(event_id, now)
            if parcel is None:
                shelf.off_its_way(event_id, endpoint)
                continue
            until = shelf.outbox[endpoint][event_id] = now + round(lease * 1000)
            taken.append(
                Delivery(
                    account=account,
                    id=event_id,
                    type=parcel.type,
                    endpoint=endpoint,
                    attempts=parcel.attempts,
                    created_at=parcel.created / 1000,
                    body=parcel.body,
                    leased_until=until / 1000,
                    auth=parcel.auth,
                )
            )
        return taken

    async def delivered(self, /, *deliveries: Delivery) -> None:
        """They arrived; see Outbox."""
        for delivery in deliveries:
            shelf = self._shelf(delivery.account)
            shelf.off_its_way(delivery.id, delivery.endpoint)
            shelf.dead.pop(delivery.id, None)
            shelf.parcels.pop(delivery.id)

    async def give_back(self, /, *deliveries: Delivery) -> None:
        """They were not tried; see Outbox."""
        for delivery in deliveries:
            shelf = self._shelf(delivery.account)
            waiting = shelf.outbox.get(delivery.endpoint, {})
            parcel = shelf.parcels.get(delivery.id, shelf.now())
            if parcel is not None and waiting.get(delivery.id) == round((delivery.leased_until or 0) * 1000):
                waiting[delivery.id] = parcel.created

    async def put_back(self, delivery: Delivery, seconds: float, reason: str, /) -> None:
        """It did not; see Outbox."""
        shelf = self._shelf(delivery.account)
        if (parcel := _on_its_way(shelf, delivery)) is not None:
            parcel.attempts += 1
            parcel.reason = reason
            shelf.outbox[parcel.endpoint][delivery.id] = shelf.now() + round(seconds * 1000)

    async def give_up(self, delivery: Delivery, reason: str, /) -> None:
        """It never will; see Outbox."""
        shelf = self._shelf(delivery.account)
        if (parcel := _on_its_way(shelf, delivery)) is not None:
            parcel.attempts += 1
            shelf.kill(delivery.id, parcel, reason, shelf.now())

    async def disable(self, account: str, endpoint: str, /) -> None:
        """Nothing is sent there any more; see Outbox."""
        shelf = self._shelf(account)
        now = shelf.now()
        shelf.disabled.setdefault(endpoint, now)
        for event_id, _ in sorted(shelf.outbox.get(endpoint, {}).items(), key=lambda each: (each[1], each[0])):
            if (parcel := shelf.parcels.get(event_id, now)) is not None:
                shelf.kill(event_id, parcel, "disabled", now)
        shelf.outbox.pop(endpoint, None)

    async def enable(self, account: str, endpoint: str, /) -> bool:
        """Send there again; see Outbox."""
        return self._shelf(account).disabled.pop(endpoint, None) is not None

    async def disabled(self, account: str, /) -> Sequence[str]:
        """Endpoints that are disabled, the longest so first; see Outbox."""
        since = self._shelf(account).disabled
        return sorted(since, key=lambda endpoint: (since[endpoint], endpoint))

    async def letters(self, account: str, /, *, dead: bool, limit: int = 100) -> Sequence[Letter]:
        """Dead letters, or what is on its way; see Outbox."""
        shelf = self._shelf(account)
        places: list[tuple[int, str]]
        if dead:
            places = sorted(((at, event_id) for event_id, at in shelf.dead.items()), reverse=True)
        else:
            places = sorted((at, event_id) for waiting in shelf.outbox.values() for event_id, at in waiting.items())
        return [
            Letter(
                account=account,
                id=event_id,
                type=parcel.type,
                endpoint=parcel.endpoint,
                attempts=parcel.attempts,
                created_at=parcel.created / 1000,
                reason=parcel.reason,
                due_at=None if dead else at / 1000,
            )
            for at, event_id in places[:limit]
            if (parcel := shelf.parcels.get(event_id, shelf.now())) is not None
        ]

    async def depth(self, account: str, /) -> Depth:
        """How much there is; see Outbox."""
        shelf = self._shelf(account)
        return Depth(sum(map(len, shelf.outbox.values())), len(shelf.dead))

    async def replay(self, account: str, event_id: str, /) -> bool:
        """Make a dead letter due now; see Outbox."""
        shelf = self._shelf(account)
        now = shelf.now()
        parcel = shelf.parcels.get(event_id, now)
        if parcel is None or parcel.endpoint in shelf.disabled:
            return False
        if event_id not in shelf.dead:
            return parcel.attempts == 0 and event_id in shelf.outbox.get(parcel.endpoint, {})
        parcel.attempts = 0
        shelf.parcels.put(event_id, parcel, now=now, until=now + MONTH)
        shelf.outbox[parcel.endpoint][event_id] = now
        del shelf.dead[event_id]
        return True


def _on_its_way(shelf: Shelf, delivery: Delivery) -> Parcel | None:
    parcel = shelf.parcels.get(delivery.id, shelf.now())
    if parcel is None or parcel.attempts != delivery.attempts:
        return None
    return parcel if delivery.id in shelf.outbox.get(parcel.endpoint, {}) else None
