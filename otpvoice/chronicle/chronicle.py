"""Records and events of all calls go to the store, one change after the other.

It joins the switchboard to the store. It decides nothing of a call, and sends nothing itself: what is to be posted
lies in the outbox, written together with what it tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from otpvoice.adapters.sealing import Sealer
from otpvoice.adapters.store import (
    Change,
    ClaimLost,
    DestinationBusy,
    Erased,
    Estate,
    Limited,
    Page,
    Store,
    StoredEvent,
    StoreUnavailable,
    Taken,
    Verdict,
)
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.chronicle.allowance import Allowance
from otpvoice.chronicle.chapter import Chapter
from otpvoice.core.actions import Stream
from otpvoice.core.events import Asked, CallAnswered, Event
from otpvoice.core.plan import CallPlan
from otpvoice.core.plan_text import plan_to_text
from otpvoice.core.record import CallRecord, State
from otpvoice.dialects.native_events import ASKED, Envelope, told
from otpvoice.dialects.spelling import Spelling
from otpvoice.dialects.telling import Telling
from otpvoice.stasis import WAIT, NotTaken

log = structlog.get_logger(__name__)

UNSURE: Final = frozenset({"timeout", "connection_lost"})
"""Faults of the store after which a write may have been carried out."""
REVIVED_WITHIN: Final = 120.0
"""Seconds after its acceptance for which a call may still be dialled by a next life, or longer where it may wait longer
in line."""
A_DAY: Final = 86_400.0
"""Seconds after which a tap is over at the latest, for others: it has no end but its channel's."""
ENDED: Final[tuple[str, dict[str, Any]]] = ("call.ended", {})
"""The last event of every call, and what is said in it besides the call."""


@dataclass(slots=True)
class Chronicle:
    """``stasis.Records``, and a follower of all calls. ``wall``: Unix seconds.

    ``written`` is told of each new call that was written; ``writes`` tells of all else. ``sealer``: plans of calls that
    nobody was dialled for yet are kept sealed, for a next life; None: they are in memory alone. ``spellings``: others
    than ours, by their names.
    """

    store: Store
    writes: KeptWrites
    allowances: Mapping[str, Allowance]
    written: Callable[[Change], None]
    wall: Callable[[], float] = time.time
    sealer: Sealer | None = None
    spellings: Mapping[str, Spelling] = field(default_factory=dict)
    _chapters: dict[str, Chapter] = field(default_factory=dict)

    # --- records ----------------------------------------------------------------------------------------------------

    async def accept(self, record: CallRecord, /, *, token: str | None = None) -> None:
        """Write a new call. Raises ``NotTaken`` when it can't be kept, or is not to be."""
        if self.writes.kept(record.account, record.id) is not None:
            # Its key was given back by an attempt whose end is on its way, and would end this call.
            raise NotTaken("claim_lost")
        chapter, call = self._chapter(record), record.to_json()
        queued = chapter.event(call, ("call.queued", {}), record.created_at)
        change = Change(call, (queued,), counts_within=self._counts(record), estate=self._estate(record))
        try:
            verdict = await self.store.accept(change, self.allowances[record.account].terms(record, token))
        except StoreUnavailable as error:
            log.error("store.unavailable", call=record.id, account=record.account, reason=error.reason)
            unsure = error.reason in UNSURE
            if not unsure:
                self._chapters.pop(record.id, None)
            raise NotTaken("store_unavailable", recorded=unsure) from error
        if not isinstance(verdict, Taken):
            self._chapters.pop(record.id, None)
            raise _refusal(verdict)
        self.written(change)

    def save(self, record: CallRecord, /) -> None:
        """Keep a call that nobody has asked for over HTTP, or for which somebody came."""
        estate = None if record.id in self._chapters else self._estate(record)
        self.writes.save(Change(record.to_json(), counts_within=self._counts(record), estate=estate))

    async def intend(self, record: CallRecord, /, within: float) -> bool | None:
        """Wait until what was told of a call in this very step is written: that somebody is being dialled.

        None: it is not within so many seconds; False: it never will be.
        """
        return await self.writes.stands(record.account, record.id, within)

    @property
    def keeps_plans(self) -> bool:
        """Would a next life know what calls were to do for which nobody was dialled yet?"""
        return self.sealer is not None

    def resume(self, record: CallRecord, events: int, /) -> None:
        """Go on with a call of a former life, of which so many events were told."""
        self._chapters[record.id] = self._begun(Telling.of(record.plan.webhook), events)
        # From now on it may last as long as any that begins now; its plan is still of use, should we die, too.
        self.writes.save(Change(record.to_json(), counts_within=self._counts(record), estate=self._estate(record)))

    def bury(self, record: dict[str, Any], telling: Telling, events: int, /) -> None:
        """Keep how a call of a former life ended, and tell it. ``record``: closed, as JSON."""
        # By somebody who remembers nothing of the call: what its end is told by is in its record.
        chapter, at = self._begun(telling, events), self.wall()
        event = chapter.event(record, ENDED, at)
        self.writes.finish(Change(record, (event,), messages=chapter.last_messages(record, at)))

    def finish(self, record: CallRecord, /) -> None:
        """Keep how a call ended, and tell it."""
        chapter, call, at = self._chapter(record), record.to_json(), record.ended_at or self.wall()
        event = chapter.event(call, ENDED, at)
        messages = chapter.last_messages(call, at)
        self.writes.finish(Change(call, (event,), counts_within=self._counts(record), messages=messages))
        self._chapters.pop(record.id, None)

    def follow(self, record: CallRecord, event: Event) -> None:
        """Something happened: keep it, if it is anything for others."""
        about = told(event)
        if record.state is State.ENDED:
            return
        if about is None and not self._may_be_told(record, event):
            return
        asks = isinstance(event, Asked) or (isinstance(event, CallAnswered) and record.plan.asks_at_answer)
        chapter, call = self._chapter(record), record.to_json()
        at = getattr(event, "at", None) or self.wall()
        events: tuple[StoredEvent, ...] = ()
        if about is not None:
            events = (chapter.event(call, (about[0], {**about[1], ASKED: True}) if asks else about, at, asks=asks),)
        messages = chapter.messages(call, event, at)
        if asks:
            chapter.ask(call, event, at)
        if events or messages:
            self.writes.save(Change(call, events, counts_within=self._counts(record), messages=messages))

    def question(self, call_id: str) -> Envelope | None:
        """Return the event by which somebody is asked now what a call is to do next; None: by none."""
        chapter = self._chapters.get(call_id)
        return None if chapter is None else chapter.question

    # --- what is asked of it ----------------------------------------------------------------------------------------

    async def get(self, account: str, call_id: str) -> dict[str, Any] | None:
        """Return a record as it is last known here: what is on its way to the store comes first."""
        kept = self.writes.kept(account, call_id)
        return dict(kept) if kept is not None else await self.store.get(account, call_id)

    async def page(self, account: str, /, *, limit: int, cursor: str | None = None, state: str | None = None) -> Page:
        """Return calls, newest first; see ``Store``."""
        return await self.store.page(account, limit=limit, cursor=cursor, state=state)

    async def erase(self, account: str, call_id: str, /) -> Erased:
        """Forget a call that ended; see ``Store``. One whose end is not written yet has not ended."""
        if self.writes.kept(account, call_id) is not None:
            return Erased.IN_PROGRESS
        return await self.store.erase(account, call_id)

    async def ping(self) -> None:
        """Return if the store takes writes now."""
        await self.store.ping()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _may_be_told(self, record: CallRecord, event: Event) -> bool:
        """Is this, which is no event of ours, perhaps told in the call's other spelling?"""
        chapter = self._chapters.get(record.id)
        return chapter is not None and chapter.may_tell(event)

    def _chapter(self, record: CallRecord) -> Chapter:
        if record.id not in self._chapters:
            self._chapters[record.id] = self._begun(Telling.of(record.plan.webhook))
        return self._chapters[record.id]

    def _begun(self, telling: Telling, events: int = 0) -> Chapter:
        return Chapter(telling, self.spellings.get(telling.spelling), events)

    def _estate(self, record: CallRecord) -> Estate:
        """Return what a next life needs to know of a call that begins."""
        over_within = A_DAY if is_tap(record.plan) else self.allowances[record.account].longest(record)
        telling = Telling.of(record.plan.webhook)
        # What was refused at its birth is never dialled: a next life is not to find what it was to do.
        planless = record.refused is not None or (record.plan.inbound and record.state is State.QUEUED)
        if self.sealer is None or planless:
            return Estate(telling.to_text(), over_within)
        until = self._useful_until(record)
        sealed = self.sealer.seal(record.id, plan_to_text(record.plan))
        return Estate(replace(telling, until=until).to_text(), over_within, sealed, max(0.001, until - self.wall()))

    def _useful_until(self, record: CallRecord) -> float:
        """Return until when a call that was accepted may still begin, in Unix seconds."""
        plan = record.plan
        if plan.valid_until is not None:
            return plan.valid_until
        waits = WAIT if plan.inbound else max(REVIVED_WITHIN, self.allowances[record.account].waits)
        return record.created_at + waits

    def _counts(self, record: CallRecord) -> float:
        """Return for how long a call counts as in progress. Those of test keys are in nobody's way."""
        return 0.0 if record.test or record.refused is not None else self.allowances[record.account].longest(record)


def is_tap(plan: CallPlan) -> bool:
    """Is a call not ours, but only listened to?"""
    streams = bool(plan.actions) and all(isinstance(action, Stream) for action in plan.actions)
    return plan.inbound and plan.goes_on and streams


def _refusal(verdict: Verdict) -> NotTaken:
    match verdict:
        case DestinationBusy(call_id=call_id):
            return NotTaken("destination_busy", facts={"call": call_id})
        case Limited(name=name, retry_after=retry_after):
            return NotTaken("rate_limited", retry_after, facts={"limit": name})
        case ClaimLost():
            return NotTaken("claim_lost")
        case Taken():
            raise AssertionError("a call that is taken is not refused")
