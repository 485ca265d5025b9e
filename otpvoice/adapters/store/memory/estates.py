"""Calls that a former life left behind, in memory: there where several owners write to the same shelves."""

from __future__ import annotations

from collections.abc import Sequence

from otpvoice.adapters.store import Inherited
from otpvoice.adapters.store.memory.shelf import Shelf, Trail
from otpvoice.adapters.store.memory.shelves import Shelves
from otpvoice.adapters.store.owning import A_WHILE
from otpvoice.adapters.store.record import ENDED, decode


class Inheritance(Shelves):
    """The calls of others; see Estates."""

    async def left_behind(self, account: str, /, *, ours: bool) -> Sequence[str]:
        """The account's calls whose owner will not see their end; see Estates."""
        shelf = self._shelf(account)
        now = shelf.now()
        oldest_first = sorted(shelf.live, key=lambda call_id: (shelf.live[call_id], call_id))
        return [call_id for call_id in oldest_first if self._is_left_behind(shelf, call_id, now, ours=ours)]

    async def adopt(self, account: str, call_id: str, /) -> Inherited | None:
        """Take a call over; see Estates."""
        shelf = self._shelf(account)
        now = shelf.now()
        kept, trail = shelf.records.get(call_id, now), shelf.trails.get(call_id, now) or Trail()
        if kept is None or kept.state == ENDED or (trail.owner == self._owner and not trail.adopted):
            return None
        if trail.owner != self._owner:
            if not self._is_left_behind(shelf, call_id, now, ours=True):
                return None
            trail.owner, trail.adopted = self._owner, True
            if _is_overdue(trail, now):
                trail.over_by = now + A_WHILE
            shelf.trails.put(call_id, trail, now=now, until=now + shelf.ttl)
        last = max(trail.events, default=0)
        return Inherited(decode(kept.json) or {}, last, trail.telling, shelf.plans.get(call_id, now))

    def _is_left_behind(self, shelf: Shelf, call_id: str, now: int, *, ours: bool) -> bool:
        kept, trail = shelf.records.get(call_id, now), shelf.trails.get(call_id, now) or Trail()
        if kept is None or trail.owner is None or trail.owner == self._owner:
            return False
        return _is_overdue(trail, now) or (ours and trail.owner.instance == self._owner.instance)


def _is_overdue(trail: Trail, now: int) -> bool:
    return trail.over_by is not None and trail.over_by < now
