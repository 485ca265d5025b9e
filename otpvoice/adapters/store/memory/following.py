"""What was told, read from memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from otpvoice.adapters.store import Told
from otpvoice.adapters.store.memory.shelves import Shelves
from otpvoice.adapters.store.position import BEGINNING, place


class Following(Shelves):
    """The events; see Events."""

    async def after(
        self, account: str, position: str | None, /, *, call_id: str | None = None, limit: int = 100
    ) -> Sequence[Told]:
        """The next events after a position; see Events."""
        behind = place(BEGINNING if position is None else position)
        shelf = self._shelf(account)
        told = shelf.events[bisect_right(shelf.events, behind, key=lambda told: told[0]) :]
        if call_id is not None:
            trail = shelf.trails.get(call_id, shelf.now())
            of_the_call = {at for at, _ in trail.events.values()} if trail is not None else set()
            told = [(at, event) for at, event in told if at in of_the_call]
        return [Told(f"{at[0]}-{at[1]}", event.id, event.type, event.body) for at, event in told[:limit]]

    async def position(self, account: str, event_id: str, /) -> str | None:
        """The position of an event; see Events."""
        shelf = self._shelf(account)
        at = shelf.places.get(event_id, shelf.now())
        return None if at is None else f"{at[0]}-{at[1]}"

    async def latest(self, account: str, /) -> str:
        """The position behind the newest event; see Events."""
        events = self._shelf(account).events
        return f"{events[-1][0][0]}-{events[-1][0][1]}" if events else BEGINNING

    async def wait(self, account: str, position: str, seconds: float, /) -> bool:
        """Wait until there is an event behind this position; see Events."""
        shelf = self._shelf(account)
        shelf.waiters.ends_at(place(await self.latest(account)))
        return await shelf.waiters.wait(place(position), seconds)
