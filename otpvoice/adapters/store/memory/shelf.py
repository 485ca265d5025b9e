"""All that is kept of one account, and how it goes with events, locks and lists: what the scripts share in Redis."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from otpvoice.adapters.store import Change, Estate, Owner, Registration, StoredEvent, Terms
from otpvoice.adapters.store.memory.lapsing import Lapsing
from otpvoice.adapters.store.owning import plan_of
from otpvoice.adapters.store.position import Place
from otpvoice.adapters.store.waiting import Waiters

DAY: Final = 24 * 3600 * 1000
MONTH: Final = 30 * DAY


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it was written."""

    json: bytes
    state: str


@dataclass(slots=True)
class Trail:
    """Where a call left traces: its events by their numbers, its messages, its locked destination, its owner."""

    events: dict[int, tuple[Place, str]] = field(default_factory=dict)
    messages: set[str] = field(default_factory=set)
    lock: str | None = None
    owner: Owner | None = None
    adopted: bool = False
    over_by: int | None = None
    telling: bytes | None = None
    erased: bool = False


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """An idempotency key. ``answer``: None until there is one, empty where it was erased."""

    fingerprint: str
    token: str
    answer: bytes | None = None


@dataclass(slots=True)
class Parcel:
    """What is delivered."""

    type: str
    endpoint: str
    created: int
    body: bytes
    auth: str | None = None
    attempts: int = 0
    reason: str | None = None


class Shelf:
    """One account. Instants are ms."""

    def __init__(self, clock: Callable[[], float], ttl: int, dead_letters: int) -> None:
        self._clock = clock
        self._latest = 0
        self._last: Place = (0, 0)
        self.ttl = ttl
        self.dead_letters = dead_letters
        self.records: Lapsing[str, Kept] = Lapsing()
        self.trails: Lapsing[str, Trail] = Lapsing()
        self.plans: Lapsing[str, bytes] = Lapsing()
        self.summaries: deque[tuple[int, str, bytes]] = deque()
        self.calls: dict[str, int] = {}
        self.live: dict[str, int] = {}
        self.busy: Lapsing[str, str] = Lapsing()
        self.windows: defaultdict[tuple[str, str, float], dict[str, int]] = defaultdict(dict)
        self.keys: Lapsing[str, KeyEntry] = Lapsing()
        self.events: list[tuple[Place, StoredEvent]] = []
        self.places: Lapsing[str, Place] = Lapsing()
        self.waiters = Waiters()
        self.parcels: Lapsing[str, Parcel] = Lapsing()
        self.outbox: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.dead: dict[str, int] = {}
        self.disabled: dict[str, int] = {}
        self.hooks: dict[str, Registration] = {}

    def now(self) -> int:
        """The time, ms; it never goes back."""
        self._latest = max(self._latest, int(self._clock() * 1000))
        return self._latest

    # --- calls ------------------------------------------------------------------------------------------------------

    def list_call(self, call_id: str, now: int, over_within: int | None) -> None:
        """Put a call into the list, and among those in progress."""
        self.calls[call_id] = now
        if over_within is not None:
            self.live[call_id] = now + over_within
        _trim(self.calls, now - self.ttl - DAY)
        _trim(self.live, now - self.ttl - DAY)

    def keep(self, call_id: str, change: Change, json: bytes, trail: Trail, now: int) -> None:
        """Write the record, and keep the trail as long."""
        self.records.put(call_id, Kept(json, change.record["state"]), now=now, until=now + self.ttl)
        self.trails.put(call_id, trail, now=now, until=now + self.ttl)

    def own(self, call_id: str, change: Change, owner: Owner, trail: Trail, now: int) -> None:
        """Put down whose a call is that is written for the first time, and what it leaves."""
        trail.owner = owner
        if change.estate is not None:
            trail.over_by = now + round(change.estate.over_within * 1000)
            trail.telling = change.estate.telling
        if (plan := plan_of(change)) is not None:
            self.plans.put(call_id, plan[0], now=now, until=now + plan[1])

    def prolong(self, call_id: str, estate: Estate, trail: Trail, now: int, counts: int) -> None:
        """A call begins anew in another life: it may last, and its destination is locked, as if it began now."""
        within = round(estate.over_within * 1000)
        trail.over_by = now + within
        if counts > 0 and call_id in self.live:
            self.live[call_id] = now + counts
        if trail.lock is not None and self.busy.get(trail.lock, now) in {None, call_id}:
            self.busy.put(trail.lock, call_id, now=now, until=now + within)

    def over(self, call_id: str, now: int) -> None:
        """A call is not in progress any more: others may call there."""
        self.live.pop(call_id, None)
        trail = self.trails.get(call_id, now)
        if trail is not None and trail.lock is not None and self.busy.get(trail.lock, now) == call_id:
            self.busy.pop(trail.lock)

    def calls_in_progress(self, now: int) -> int:
        """How many calls have not ended, as far as can be known."""
        return sum(over_at > now for over_at in self.live.values())

    def limited(self, terms: Terms, now: int) -> tuple[str, int] | None:
        """Which limit is reached, and for how many ms; of several the one that is longest so."""
        reached: tuple[str, int] | None = None
        for limit in terms.limits:
            span = round(limit.seconds * 1000)
            inside = sorted(at for at in self.windows[limit.name, limit.key, limit.seconds].values() if at > now - span)
            if len(inside) >= limit.most:
                wait = inside[len(inside) - limit.most] + span - now if limit.most > 0 else span
                if reached is None or wait > reached[1]:
                    reached = limit.name, wait
        return reached

    def count(self, call_id: str, terms: Terms, now: int) -> None:
        """Count a call that is taken."""
        for limit in terms.limits:
            window = self.windows[limit.name, limit.key, limit.seconds]
            window[call_id] = now
            _trim(window, now - round(limit.seconds * 1000))

    # --- events -----------------------------------------------------------------------------------------------------

    def tell(self, call_id: str, change: Change, now: int) -> Trail:
        """Write the events and messages that are not told yet, and return the trail."""
        # They hold the whole call each time, so they are kept for a day at most, however long records are.
        kept = min(self.ttl, DAY)
        trail = self.trails.get(call_id, now) or Trail()
        new = [event for event in change.events if event.number not in trail.events]
        for event in new:
            at, nth = self._last
            self._last = (now, 0) if now > at else (at, nth + 1)
            self.events.append((self._last, event))
            trail.events[event.number] = self._last, event.id
            self.places.put(event.id, self._last, now=now, until=now + kept)
            if event.endpoint:
                self.post(event.id, Parcel(event.type, event.endpoint, now, event.body), now)
        messages = [message for message in change.messages if message.id not in trail.messages]
        for message in messages:
            trail.messages.add(message.id)
            self.post(message.id, Parcel(message.type, message.endpoint, now, message.body, message.auth or None), now)
        if new or messages:
            self.trails.put(call_id, trail, now=now, until=now + self.ttl)
        if new:
            del self.events[: bisect_left(self.events, (now - kept, 0), key=lambda told: told[0])]
            self.waiters.told(self._last)
        return trail

    # --- the outbox -------------------------------------------------------------------------------------------------

    def post(self, event_id: str, parcel: Parcel, now: int) -> None:
        """Put something on its way; or among the dead letters at once, where nothing is sent any more."""
        self.parcels.put(event_id, parcel, now=now, until=now + MONTH)
        if parcel.endpoint in self.disabled:
            parcel.reason = "disabled"
            self.bury(event_id, now)
        else:
            self.outbox[parcel.endpoint][event_id] = now

    def kill(self, event_id: str, parcel: Parcel, reason: str, now: int) -> None:
        """Put a delivery from its way among the dead letters."""
        parcel.reason = reason
        self.parcels.put(event_id, parcel, now=now, until=now + MONTH)
        self.bury(event_id, now)
        self.off_its_way(event_id, parcel.endpoint)

    def bury(self, event_id: str, now: int) -> None:
        """Keep a dead letter; the oldest go when there are too many."""
        self.dead[event_id] = now
        oldest_first = sorted(self.dead, key=lambda each: (self.dead[each], each))
        over = len(oldest_first) - self.dead_letters
        for place, each in enumerate(oldest_first):
            if place >= over and self.dead[each] > now - MONTH:
                break
            del self.dead[each]
            self.parcels.pop(each)

    def off_its_way(self, event_id: str, endpoint: str) -> None:
        """Send it no more."""
        waiting = self.outbox.get(endpoint)
        if waiting is not None:
            waiting.pop(event_id, None)
            if not waiting:
                del self.outbox[endpoint]


def _trim(times: dict[str, int], oldest: int) -> None:
    for name in [name for name, at in times.items() if at <= oldest]:
        del times[name]
