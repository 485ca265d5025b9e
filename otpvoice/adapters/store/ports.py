"""What is kept of calls, and what can be asked of it: records, events, claims of idempotency keys, and the outbox.

It names the ports and their words, and opens nothing. Every operation is safe to repeat: a client whose answer was lost
sends it again (redis-py does so unasked), and nothing happens twice. A fault of the store is ``StoreUnavailable``, and
nothing else. ``now`` is the store's own clock; durations are seconds, instants Unix seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from otpvoice.adapters.store.estates import Estate
from otpvoice.adapters.store.record import CallRecord
from otpvoice.core.idempotency import Claim


class StoreUnavailable(Exception):
    """The store did not do what was asked, or did it and the answer was lost: asking again is always safe.

    ``reason`` comes from a closed list, so it can go to a log, a metric or an answer; it never holds an address,
    a password or a part of a record:
    ``timeout``, ``unreachable``, ``connection_lost``, ``authentication``, ``no_permission``, ``out_of_memory``,
    ``disk_error``, ``read_only``, ``loading``, ``busy``, ``too_few_replicas``, ``unreadable_record``, ``server_error``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# --- what is written ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """Something that was told of a call. ``number``: its place among those of its call, from 1.

    ``id``: ``evt_…``, made of the call's id and the number, so that a repeated write can't tell it twice. ``body``: the
    whole envelope as JSON, byte for byte what is posted and shown. ``endpoint``: the URL that it is to be posted to by
    the outbox; None: nobody asked for it.
    """

    id: str
    number: int
    type: str
    body: bytes = field(repr=False)
    endpoint: str | None = field(default=None, repr=False)  # it may hold a token


@dataclass(frozen=True, slots=True)
class Message:
    """Something that the outbox is to post, and that is no event of ours: what was told, in another spelling.

    It is not in the account's stream of events. ``id``: that of the last event of its call, a dot, and a number, so
    that a repeated write can't post it twice. ``type``: how deliveries call it. ``auth``: what is sent along in the
    header Authorization, sealed; None: nothing.
    """

    id: str
    type: str
    endpoint: str = field(repr=False)  # it may hold a token
    body: bytes = field(repr=False)
    auth: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """A call as it stands now, and what was told of it since it was last written; written together or not at all.

    ``counts_within``: so many seconds after it is first written, a call counts as in progress at most, should its end
    never be written; None: as long as records are kept; 0: it does not count. ``estate``: looked at where the call is
    written for the first time; any later write without one forgets the plan and keeps all else, one with it counts
    anew how long the call may last, and leaves the plan.
    """

    record: CallRecord
    events: tuple[StoredEvent, ...] = ()
    counts_within: float | None = None
    estate: Estate | None = None
    messages: tuple[Message, ...] = ()


# --- acceptance ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` calls accepted in any ``seconds`` (a sliding window) under this ``key`` of the account's.

    ``name`` is what a refusal calls it: ``account_rate``, ``destination_rate``.
    """

    name: str
    key: str
    most: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Terms:
    """On which a call is taken. All hold together, or nothing is written.

    ``destination``: there may be one call in progress to it; its lock goes with the call's end, or after
    ``lock_seconds`` should that never be written (0: as long as records are kept). ``most_in_progress``: calls of the
    account that have not ended (see ``Change``). ``token``: of the claim (``Keys.claim``) whose answer this call's
    record becomes; None: there was no key.
    """

    destination: str | None = None
    lock_seconds: float = 0.0
    limits: tuple[Limit, ...] = ()
    most_in_progress: int | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The call is written; also where this very write was carried out before."""


@dataclass(frozen=True, slots=True)
class ClaimLost:
    """The claim ran out, and nothing is written: claim the key again, and see what became of it."""


@dataclass(frozen=True, slots=True)
class DestinationBusy:
    """A call to the same destination is in progress: this one."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Limited:
    """A limit is reached. ``name``: the limit's (of several, the one that is longest so), or ``calls_in_progress``.

    ``retry_after``: when the oldest call leaves the window, s; 1 for calls in progress, whose ends nobody knows.
    """

    name: str
    retry_after: float


Verdict: TypeAlias = Taken | ClaimLost | DestinationBusy | Limited


class Erased(StrEnum):
    """What came of a wish to erase a call. ``DONE`` also where it was erased in the last 24 h."""

    DONE = "done"
    UNKNOWN = "unknown"
    IN_PROGRESS = "in_progress"


@dataclass(frozen=True, slots=True)
class Page:
    """Records, newest first. ``next_cursor``: what to ask on with; None: that was all."""

    records: tuple[dict[str, Any], ...]
    next_cursor: str | None


class Store(Protocol):
    """Call records by account and id, and what was told of the calls.

    A record holds at least ``id``, ``account`` and ``state``, and is not changed any more once it is handed over.
    One that is malformed raises ValueError, one that is not JSON (orjson's rules: integers of 64 bits, no lone
    surrogates) TypeError: both are the caller's mistake, and show at the first write of a call.
    """

    async def accept(self, change: Change, terms: Terms, /) -> Verdict:
        """Write a new call (any state but ``ended``), if the terms hold.

        They are looked at in this order: the claim, the destination, the calls in progress, the limits; a call that is
        refused is not counted.
        """

    async def save(self, change: Change, /) -> bool:
        """Write a call that goes on (any state but ``ended``), and forget its sealed plan.

        A record that has come further stays as it is, one that has ended above all; the events are written in any case.
        False: the call is another owner's by now (see ``estates``), or was erased, and nothing was written.
        """

    async def finish(self, change: Change, /) -> bool:
        """Write a call that ended (state ``ended``), and its one entry in the account's stream of summaries.

        The first one stands. False: there is one already, or the call is another owner's by now; perhaps this very
        call made it and lost the answer on the way, so what counts as the call's end is what ``get`` says. Of a second
        end the events are not written. The sealed plan is forgotten.
        """

    async def get(self, account: str, call_id: str, /) -> dict[str, Any] | None:
        """The record; None if there is none, none any more, or can be none of that name."""

    async def page(self, account: str, /, *, limit: int, cursor: str | None = None, state: str | None = None) -> Page:
        """The account's calls, newest first. ``state``: those in this one. ValueError: a cursor that is none of ours.

        Only the last page is shorter than ``limit``.
        """

    async def erase(self, account: str, call_id: str, /) -> Erased:
        """Forget a call that ended: record, summary, events, deliveries, the answer kept for its idempotency key.

        What remains is that the key was used (until it expires): the call is not placed again. And for a day, that it
        was erased: a write that comes late does not bring it back.
        """

    async def ping(self) -> None:
        """Return if the store takes writes now."""

    async def close(self) -> None:
        """Let go of the connections. Not an end: the next operation opens new ones."""


# --- idempotency keys ---------------------------------------------------------------------------------------------


class Keys(Protocol):
    """Which idempotency keys were used. A key is known by the id of its call, which derives from it."""

    async def claim(self, account: str, call_id: str, fingerprint: str, token: str, /) -> Claim:
        """Claim a key for a request. ``token``: random, of this attempt; a repeated claim with it is ``Claimed`` again.

        A claim that is neither answered nor released ends after 60 s; one that was answered is kept for 24 h.
        """

    async def release(self, account: str, call_id: str, token: str, /) -> None:
        """Give the key back: nothing came of it, and a later request may use it.

        Also where its call was written, and ended before it began: the next claim finds the key forgotten.
        """


# --- what was told ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it is read: ``position`` is what to go on after, in the account's stream."""

    position: str
    id: str
    type: str
    body: bytes = field(repr=False)


class Events(Protocol):
    """What was told of an account's calls, in the order in which it was written; trimmed by age."""

    async def after(
        self, account: str, position: str | None, /, *, call_id: str | None = None, limit: int = 100
    ) -> Sequence[Told]:
        """The next events after a position (None: from the oldest), of all calls or of one; empty: none so far.

        ValueError: a position that is none.

        With ``call_id`` the events of that call alone, found without reading those of the others.
        """

    async def position(self, account: str, event_id: str, /) -> str | None:
        """The position of an event; None: it is unknown, or was trimmed."""

    async def latest(self, account: str, /) -> str:
        """The position behind the newest event: what comes later is new."""

    async def wait(self, account: str, position: str, seconds: float, /) -> bool:
        """Wait until there is an event of the account's behind this position. False: there was none within the time."""


# --- the outbox ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to an endpoint. ``id``: the event's. ``attempts``: tries so far. ``created_at``: written.

    ``leased_until``: by the outbox's clock, and the mark by which it knows who took it; None: it was not taken.
    ``auth``: as in ``Message``.
    """

    account: str
    id: str
    type: str
    endpoint: str = field(repr=False)
    attempts: int
    created_at: float
    body: bytes = field(repr=False)
    leased_until: float | None = field(default=None, compare=False)
    auth: str | None = field(default=None, repr=False)

    @property
    def call(self) -> str:
        """Whose event it is: the id of an event is made of its call's (``StoredEvent``)."""
        return "call_" + self.id.removeprefix("evt_").rpartition("_")[0]


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery as it is listed. ``reason``: of the last failure, a word. ``due_at``: None for a dead letter."""

    account: str
    id: str
    type: str
    endpoint: str = field(repr=False)
    attempts: int
    created_at: float
    reason: str | None
    due_at: float | None


@dataclass(frozen=True, slots=True)
class Depth:
    """How many deliveries are on their way, and how many dead letters there are."""

    on_their_way: int
    dead: int


class Outbox(Protocol):
    """Deliveries that are due, by account and endpoint. ``save``, ``accept`` and ``finish`` of the store fill it.

    What is written for a disabled endpoint becomes a dead letter at once, with the reason ``disabled``. Deliveries and
    dead letters are kept for 30 days, of these so many at most as the store was told.

    Whose lease ran out changes nothing any more: ``put_back`` and ``give_up`` count from ``delivery.attempts``, and of
    a delivery that is not on its way, or was tried by somebody else meanwhile, they do nothing.
    """

    async def due(self, account: str, /) -> tuple[Sequence[str], float | None]:
        """Endpoints with a delivery that is due now; and in how many seconds another will have one (None: never)."""

    async def take(self, account: str, endpoint: str, /, *, most: int, lease: float) -> Sequence[Delivery]:
        """Take what is due for an endpoint, the longest due first; each is due again after ``lease``, should we die.

        A repeat finds nothing that is due: what the first one took and lost on the way comes after the lease.
        """

    async def delivered(self, /, *deliveries: Delivery) -> None:
        """They arrived, one at least and all of one account: forget them, also where one was given up meanwhile."""

    async def give_back(self, /, *deliveries: Delivery) -> None:
        """They were taken and not tried, one at least and all of one account: each is due since it was written.

        One whose lease ran out, or that was given back already, is left as it is.
        """

    async def put_back(self, delivery: Delivery, seconds: float, reason: str, /) -> None:
        """It did not: one more attempt was made, and the next is due in so many seconds."""

    async def give_up(self, delivery: Delivery, reason: str, /) -> None:
        """It never will: it becomes a dead letter."""

    async def disable(self, account: str, endpoint: str, /) -> None:
        """Nothing is sent there any more: what is on its way becomes dead letters, with the reason ``disabled``."""

    async def enable(self, account: str, endpoint: str, /) -> bool:
        """Send there again. False: it was not disabled. Dead letters stay dead until they are replayed."""

    async def disabled(self, account: str, /) -> Sequence[str]:
        """Endpoints that are disabled."""

    async def letters(self, account: str, /, *, dead: bool, limit: int = 100) -> Sequence[Letter]:
        """Dead letters, newest first; or what is on its way, the next due first."""

    async def depth(self, account: str, /) -> Depth:
        """How much there is; what goes to more than a thousand endpoints at once is not counted."""

    async def replay(self, account: str, event_id: str, /) -> bool:
        """Make a dead letter due now, with no attempts made; nothing else happens to one that is so already.

        False: there is no such one, or its endpoint is disabled.
        """
