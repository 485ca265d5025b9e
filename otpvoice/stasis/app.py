"""The switchboard: which calls there are, on which Asterisk, and how they begin and end.

It starts sessions and finds them again; what a call does is the flow's business, what it knows the record's.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from otpvoice.ari import errors
from otpvoice.ari.inbound import InboundParty
from otpvoice.ari.leg import MediaLeg
from otpvoice.ari.line import Line
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.party import OutboundParty
from otpvoice.ari.pool import NoLegFree
from otpvoice.ari.router import AriEvent
from otpvoice.core.events import Event
from otpvoice.core.flow import CallFlow
from otpvoice.core.locale import Locales
from otpvoice.core.outcome import Ending, Fault, OwnAction, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord, State
from otpvoice.session import CallSession, Clock, Voice
from otpvoice.stasis.ports import Door, Follower, NotTaken, Origin, Records, SystemClock
from otpvoice.stasis.trunk import Trunk, order_of, seconds_of
from otpvoice.stasis.waiting import WAIT, NoRoom, WaitingRoom

log = structlog.get_logger(__name__)

END_WITHIN: Final = 3.0
"""Seconds for calls that we hang up to end."""
LEG_WAIT: Final = 5.0
"""Seconds that a request to call may wait for a media leg before it is told to come back."""


@dataclass(slots=True)
class _Call:
    node: AsteriskNode
    session: CallSession
    line: Line
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class StasisApp:
    """All calls of this process. ``followers`` hear every event of every call; ``voice_name`` is the configured one."""

    instance: str
    locales: Locales
    voice: Voice
    records: Records
    followers: Sequence[Follower] = ()
    clock: Clock = field(default_factory=SystemClock)
    voice_name: str | None = None
    nodes: list[AsteriskNode] = field(default_factory=list)
    draining: bool = False
    door: Door | None = None
    _calls: dict[str, _Call] = field(default_factory=dict)
    _waiting: WaitingRoom[Trunk] = field(init=False)

    def __post_init__(self) -> None:
        self._waiting = WaitingRoom(self._end_unbegun)

    # --- calls ------------------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raise ``NotTaken`` when no new calls are taken."""
        if self.draining:
            raise NotTaken("draining")

    async def place(self, plan: CallPlan, trunk: Trunk, *, account: str, door: str) -> dict[str, Any]:
        """Take a call and begin it. Returns its record as it stands. Raises ``NotTaken``: then nobody is rung."""
        self.check_open()
        flow = CallFlow(plan, self.locales)
        node = self._choose()
        leg = await self._take_leg(node)
        call_id = new_call_id()
        channel = f"{call_id}-1"
        record = self._record(call_id, flow, account, door)
        record.node, record.channel = node.settings.name, channel
        try:
            await self._accept(record, node)
        except BaseException:
            await node.pool.give_back(leg)
            raise
        party = OutboundParty(node, channel, order_of(plan, trunk, node, call_id))
        self._begin(node, flow, record, Line(node, party, leg, second=seconds_of(plan, trunk, node, call_id)))
        return record.to_json()

    async def prepare(self, plan: CallPlan, trunk: Trunk, *, account: str, door: str) -> dict[str, Any]:
        """Take a call that waits for a dialplan to come for it. Returns its record. Raises ``NotTaken``."""
        self.check_open()
        record = self._record(new_call_id(), CallFlow(plan, self.locales), account, door)
        record.state = State.WAITING
        try:
            with self._waiting.place(account):
                await self._accept(record, None)
        except NoRoom:
            raise NotTaken("too_many_waiting", 30) from None
        seconds = WAIT if plan.valid_until is None else max(0.0, plan.valid_until - self.clock.wall())
        self._waiting.keep(record, trunk, seconds)
        return record.to_json()

    def prepared(self, call_id: str) -> CallRecord | None:
        """Return a call that waits, of whatever account: who knows its id may come for it."""
        return self._waiting.find(call_id)

    def admit(self, plan: CallPlan, trunk: Trunk, party: InboundParty, node: AsteriskNode, *, origin: Origin) -> None:
        """Begin a call on a channel that was handed to us.

        Nothing is waited for, and no store is asked: a caller is on the line.
        """
        record = self._record(origin.call_id, CallFlow(plan, self.locales), origin.account, origin.door)
        self._admit(record, plan, trunk, party, node, prepared=False)

    def admit_prepared(
        self, call_id: str, party: InboundParty, node: AsteriskNode, claimed: Callable[[CallPlan], CallPlan]
    ) -> bool:
        """Begin a prepared call: claim it, and begin it with what its plan becomes by that. False: it does not wait.

        In one step: a call that is claimed and not begun would be nobody's, and could not be ended.
        """
        waiting = self._waiting.claim(call_id)
        if waiting is None:
            return False
        try:
            self._admit(waiting.record, claimed(waiting.record.plan), waiting.way, party, node, prepared=True)
        except Exception:
            self._end_unbegun(waiting.record, fault=Fault.INTERNAL_ERROR)
            raise
        return True

    def find(self, account: str, call_id: str) -> CallRecord | None:
        """Return a call that waits or is in progress here, if it is this account's."""
        call = self._calls.get(call_id)
        record = call.session.record if call is not None else self._waiting.find(call_id)
        if record is None or record.account != account or record.state is State.ENDED:
            return None
        return record

    def hang_up(self, call_id: str) -> None:
        """End a call by request. Unknown ids are fine: it has ended."""
        if not self._waiting.end(call_id, OwnAction.HANG_UP_BY_API) and (call := self._calls.get(call_id)) is not None:
            call.session.hang_up(OwnAction.HANG_UP_BY_API)

    @property
    def count(self) -> int:
        """Calls in progress."""
        return len(self._calls)

    # --- shutdown ---------------------------------------------------------------------------------------------------

    async def drain(self, within: float) -> None:
        """Take no new calls; let the others finish; after so many seconds hang them up."""
        self.draining = True
        self._waiting.end_all(OwnAction.SHUTDOWN)
        if not await self._finished(within):
            log.warning("stasis.drain_over", calls=self.count)
            await self.end_all()

    async def end_all(self) -> None:
        """Hang up every call, now."""
        self.draining = True
        for call in self._calls.values():
            call.session.hang_up(OwnAction.SHUTDOWN)
        if not await self._finished(END_WITHIN):
            log.error("stasis.calls_left", calls=self.count)

    async def _finished(self, within: float) -> bool:
        """Wait for the calls there are, for those that were about to begin, and for those at the door."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while (tasks := self._tasks()) and (left := deadline - loop.time()) > 0:
            await asyncio.wait(tasks, timeout=left)
        return not tasks

    def _tasks(self) -> set[asyncio.Task[None]]:
        at_the_door = set(self.door.arriving) if self.door is not None else set()
        return at_the_door | {call.task for call in self._calls.values() if call.task is not None}

    # --- what a node tells ------------------------------------------------------------------------------------------

    def after_gap(self, node: AsteriskNode, alive: Set[str], *, restarted: bool) -> None:
        """The events socket is back: which of the calls there outlived the gap?"""
        for line in self._lines(node):
            line.after_gap(alive, restarted=restarted)

    def node_lost(self, node: AsteriskNode) -> None:
        """An Asterisk is away for good, as far as the calls on it go."""
        for line in self._lines(node):
            line.node_lost()

    def stranger(self, node: AsteriskNode, event: AriEvent) -> None:
        """An event of a channel that is no call of ours: one that a dialplan hands to us, or that is over."""
        if event["type"] == "StasisStart" and event["application"] == node.settings.app and self.door is not None:
            self.door.arrive(node, event)
        else:
            log.debug("stasis.stranger", type=event["type"])

    # --- inside -----------------------------------------------------------------------------------------------------

    def _record(self, call_id: str, flow: CallFlow, account: str, door: str) -> CallRecord:
        return CallRecord(
            id=call_id,
            account=account,
            door=door,
            plan=flow.plan,
            proof=flow.proof,
            node=None,
            instance=self.instance,
            created_at=self.clock.wall(),
            voice=flow.plan.voice or self.voice_name,
        )

    def _begin(self, node: AsteriskNode, flow: CallFlow, record: CallRecord, line: Line) -> None:
        session = CallSession(
            flow=flow, record=record, line=line, voice=self.voice, clock=self.clock, follow=self._follow
        )
        call = self._calls[record.id] = _Call(node, session, line)
        call.task = asyncio.create_task(self._run(call), name=record.id)

    def _admit(
        self,
        record: CallRecord,
        plan: CallPlan,
        trunk: Trunk,
        party: InboundParty,
        node: AsteriskNode,
        *,
        prepared: bool,
    ) -> None:
        flow = CallFlow(plan, self.locales)
        line = Line(node, party, second=seconds_of(plan, trunk, node, record.id))
        record.plan, record.proof, record.state = plan, flow.proof, State.QUEUED
        record.voice = plan.voice or self.voice_name
        record.node, record.channel, record.sip_call_id = node.settings.name, party.channel_id, party.sip_call_id
        self.records.save(record.to_json())
        log.info("call.arrived", call=record.id, account=record.account, channel=party.channel_id, prepared=prepared)
        self._begin(node, flow, record, line)

    def _end_unbegun(self, record: CallRecord, own: OwnAction | None = None, fault: Fault | None = None) -> None:
        """What lies in the store has an end, also where it never began."""
        record.end(classify(Ending(answered=False, own=own, fault=fault)), self.clock.wall())
        self.records.finish(record.to_json())

    def _lines(self, node: AsteriskNode) -> list[Line]:
        return [call.line for call in self._calls.values() if call.node is node]

    def _choose(self) -> AsteriskNode:
        for node in self.nodes:
            if node.ready:
                return node
        raise self._unready(self.nodes)

    def _unready(self, nodes: Sequence[AsteriskNode]) -> NotTaken:
        wedged = any(node.connected and node.pool.wedged for node in nodes)
        return NotTaken("media_wedged", 30) if wedged else NotTaken("asterisk_unavailable")

    async def _take_leg(self, node: AsteriskNode) -> MediaLeg:
        try:
            return await node.pool.take(LEG_WAIT)
        except NoLegFree as error:
            raise NotTaken("no_media_leg") from error
        except errors.MediaWedged as error:
            raise NotTaken("media_wedged", 30) from error

    def _check(self, node: AsteriskNode | None) -> None:
        """Is there still a way to call (where one is needed)? Asked again after each wait. Raises ``NotTaken``."""
        self.check_open()
        if node is not None and not node.ready:
            raise self._unready([node])

    async def _accept(self, record: CallRecord, node: AsteriskNode | None) -> None:
        """Have a new record kept. Whoever drains waits for calls that have begun, not for those that are about to."""
        self._check(node)
        kept = False
        try:
            await self.records.accept(record.to_json())
            kept = True
            self._check(node)
        except NotTaken as refused:
            if kept or refused.recorded:
                own, fault = (OwnAction.SHUTDOWN, None) if self.draining else (None, Fault.LOST_BEFORE_DIALING)
                self._end_unbegun(record, own=own, fault=fault)
            raise

    async def _run(self, call: _Call) -> None:
        record = call.session.record
        try:
            await call.session.run()
        finally:
            self.records.finish(record.to_json())
            try:
                await call.session.close()
            finally:
                # Only now: who drains waits until the leg is back, too.
                self._calls.pop(record.id, None)

    def _follow(self, record: CallRecord, event: Event) -> None:
        for follower in self.followers:
            follower(record, event)


def new_call_id() -> str:
    """Return an id that nobody can guess."""
    return "call_" + secrets.token_hex(12)
