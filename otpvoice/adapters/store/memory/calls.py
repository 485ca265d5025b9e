"""Call records and what is told of them, in memory: a Store but for its life."""

from __future__ import annotations

from typing import Any

from otpvoice.adapters.store import (
    Change,
    ClaimLost,
    DestinationBusy,
    Erased,
    Limited,
    Page,
    Taken,
    Terms,
    Verdict,
)
from otpvoice.adapters.store.change import going_on, over
from otpvoice.adapters.store.memory.shelf import DAY, KeyEntry, Shelf, Trail
from otpvoice.adapters.store.memory.shelves import Shelves
from otpvoice.adapters.store.owning import plan_of
from otpvoice.adapters.store.pages import Entry, last_seen, next_cursor
from otpvoice.adapters.store.record import ENDED, decode, encode, standing_before


class Calls(Shelves):
    """The records; see Store."""

    async def accept(self, change: Change, terms: Terms, /) -> Verdict:
        """Write a new call, if the terms hold; see Store."""
        key = going_on(change)
        json = encode(change.record)
        shelf = self._shelf(key.account)
        now = shelf.now()
        claim = None
        if terms.token is not None:
            claim = shelf.keys.get(key.id, now)
            if claim is None or claim.token != terms.token:
                return ClaimLost()
            if claim.answer is not None:
                return Taken()
        trail = shelf.trails.get(key.id, now)
        if shelf.records.get(key.id, now) is not None or (trail is not None and trail.erased):
            return Taken() if claim is None else ClaimLost()
        if terms.destination is not None:
            other = shelf.busy.get(terms.destination, now)
            if other not in {None, key.id}:
                return DestinationBusy(str(other))
        if terms.most_in_progress is not None and shelf.calls_in_progress(now) >= terms.most_in_progress:
            return Limited("calls_in_progress", 1.0)
        if (reached := shelf.limited(terms, now)) is not None:
            return Limited(reached[0], reached[1] / 1000)
        over_within = round(terms.lock_seconds * 1000) or shelf.ttl
        trail = shelf.tell(key.id, change, now)
        shelf.own(key.id, change, self._owner, trail, now)
        if terms.destination is not None:
            trail.lock = terms.destination
            shelf.busy.put(terms.destination, key.id, now=now, until=now + over_within)
        shelf.count(key.id, terms, now)
        shelf.list_call(key.id, now, _counts(change, shelf))
        if claim is not None:
            answered = KeyEntry(claim.fingerprint, claim.token, json)
            shelf.keys.put(key.id, answered, now=now, until=now + DAY)
        shelf.keep(key.id, change, json, trail, now)
        return Taken()

    async def save(self, change: Change, /) -> bool:
        """Write a call that goes on; see Store."""
        key = going_on(change)
        json = encode(change.record)
        shelf = self._shelf(key.account)
        now = shelf.now()
        if self._is_refused(shelf.trails.get(key.id, now)):
            return False
        there = shelf.records.get(key.id, now)
        trail = shelf.tell(key.id, change, now)
        if there is not None and there.state in standing_before(change.record["state"]):
            return True  # whoever has come so far has no plan any more
        if there is None:
            shelf.own(key.id, change, self._owner, trail, now)
            shelf.list_call(key.id, now, _counts(change, shelf))
        elif change.estate is not None:
            shelf.prolong(key.id, change.estate, trail, now, _counts(change, shelf))
        if plan_of(change) is None:  # else this is the first write of the call, or a repeat of that
            shelf.plans.pop(key.id)
        shelf.keep(key.id, change, json, trail, now)
        return True

    async def finish(self, change: Change, /) -> bool:
        """Write a call that ended, and its summary; see Store."""
        key = over(change)
        json = encode(change.record)
        shelf = self._shelf(key.account)
        now = shelf.now()
        if self._is_refused(shelf.trails.get(key.id, now)):
            return False
        there = shelf.records.get(key.id, now)
        if there is not None and there.state == ENDED:
            return False
        trail = shelf.tell(key.id, change, now)
        shelf.summaries.append((now, key.id, json))
        while shelf.summaries[0][0] < now - shelf.ttl:
            shelf.summaries.popleft()
        if there is None:
            shelf.own(key.id, change, self._owner, trail, now)
            shelf.list_call(key.id, now, None)
        shelf.keep(key.id, change, json, trail, now)
        shelf.over(key.id, now)
        shelf.plans.pop(key.id)
        return True

    async def get(self, account: str, call_id: str, /) -> dict[str, Any] | None:
        """The record or None; see Store."""
        shelf = self._shelf(account)
        kept = shelf.records.get(call_id, shelf.now())
        return None if kept is None else decode(kept.json)

    async def page(self, account: str, /, *, limit: int, cursor: str | None = None, state: str | None = None) -> Page:
        """The account's calls, newest first; see Store."""
        last = last_seen(cursor)
        shelf = self._shelf(account)
        now = shelf.now()
        found: list[tuple[Entry, dict[str, Any]]] = []
        for entry in sorted((Entry(float(at), call_id) for call_id, at in shelf.calls.items()), reverse=True):
            if last is not None and entry >= last:
                continue
            kept = shelf.records.get(entry.id, now)
            if kept is not None and state in {None, kept.state} and (record := decode(kept.json)) is not None:
                found.append((entry, record))
        return Page(tuple(record for _, record in found[:limit]), next_cursor([entry for entry, _ in found], limit))

    async def erase(self, account: str, call_id: str, /) -> Erased:
        """Forget a call that ended; see Store."""
        shelf = self._shelf(account)
        now = shelf.now()
        kept, trail = shelf.records.get(call_id, now), shelf.trails.get(call_id, now)
        if kept is not None and kept.state != ENDED:
            return Erased.IN_PROGRESS
        if kept is None and trail is None:
            return Erased.UNKNOWN
        shelf.records.pop(call_id)
        shelf.trails.put(call_id, Trail(erased=True), now=now, until=now + DAY)
        trail = Trail() if trail is None else trail
        told = {event_id for _, event_id in trail.events.values()}
        shelf.events = [(place, event) for place, event in shelf.events if event.id not in told]
        for event_id in told | trail.messages:
            shelf.places.pop(event_id)
            if (parcel := shelf.parcels.get(event_id, now)) is not None:
                shelf.dead.pop(event_id, None)
                shelf.off_its_way(event_id, parcel.endpoint)
            shelf.parcels.pop(event_id)
        for summary in [summary for summary in shelf.summaries if summary[1] == call_id]:
            shelf.summaries.remove(summary)
        if (key := shelf.keys.get(call_id, now)) is not None and key.answer is not None:
            shelf.keys.replace(call_id, KeyEntry(key.fingerprint, key.token, b""))
        shelf.calls.pop(call_id, None)
        shelf.live.pop(call_id, None)
        return Erased.DONE

    def _is_refused(self, trail: Trail | None) -> bool:
        return trail is not None and (trail.erased or trail.owner not in {None, self._owner})


def _counts(change: Change, shelf: Shelf) -> int:
    return shelf.ttl if change.counts_within is None else round(change.counts_within * 1000)
