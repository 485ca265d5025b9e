"""The switchboard: which calls there are, on which Asterisk, and how they begin and end.

It starts sessions and finds them again; what a call does is the flow's business, what it knows the record's.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final, cast

import structlog

from otpvoice.ari.inbound import InboundParty
from otpvoice.ari.leg import MediaLeg
from otpvoice.ari.line import Line
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.party import OutboundParty
from otpvoice.ari.router import AriEvent
from otpvoice.ari.streaming import Opener
from otpvoice.core.chance import drawn
from otpvoice.core.events import Event, SecondEnded
from otpvoice.core.flow import CallFlow
from otpvoice.core.locale import Locales
from otpvoice.core.outcome import Ending, Fault, OwnAction, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord, State
from otpvoice.media.g711 import Law
from otpvoice.rehearsal import RehearsalLine, script_for
from otpvoice.session import Asker, CallSession, Voice
from otpvoice.stasis.call import Call
from otpvoice.stasis.named import named
from otpvoice.stasis.needs import free_leg, line_up, ready_node, step_out
from otpvoice.stasis.pacing import Slot
from otpvoice.stasis.ports import Clock, Door, Follower, NotTaken, Origin, Records, SystemClock
from otpvoice.stasis.streams import Relays, opener_of
from otpvoice.stasis.tap import Tap
from otpvoice.stasis.trunk import Trunk, order_of, seconds_of
from otpvoice.stasis.waiting import WAIT, NoRoom, WaitingRoom

log = structlog.get_logger(__name__)

END_WITHIN: Final = 3.0
"""Seconds for calls that we hang up to end."""


@dataclass(slots=True)
class StasisApp:
    """All calls of this process. ``followers`` hear every event of every call; ``voice_name`` is the configured one.

    ``asker``: who asks what interactive plans are to do next. ``draw``: chooses the random keys of gates. ``relays``:
    who carries streams of their audio; None: nobody does.
    """

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
    asker: Asker | None = None
    draw: Callable[[Sequence[str]], str] = secrets.choice
    relays: Relays | None = None
    _calls: dict[str, Call | Tap] = field(default_factory=dict)
    _waiting: WaitingRoom[Trunk] = field(init=False)

    def __post_init__(self) -> None:
        self._waiting = WaitingRoom(self._end_unbegun)

    # --- calls ------------------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raise ``NotTaken`` when no new calls are taken."""
        if self.draining:
            raise NotTaken("draining")

    async def place(
        self,
        plan: CallPlan,
        trunk: Trunk,
        *,
        account: str,
        door: str,
        call_id: str | None = None,
        token: str | None = None,
    ) -> dict[str, Any]:
        """Take a call and begin it, or let it wait for its turn. Returns its record. Raises ``NotTaken``: nobody rings.

        ``call_id``, ``token``: of the idempotency key that it was asked for with.
        """
        self.check_open()
        flow = self._flow(replace(plan, streams=trunk.streams))
        node = ready_node(self.nodes)
        record = self._record(call_id or new_call_id(), flow, account, door)
        record.node, record.channel = node.settings.name, f"{record.id}-1"
        with named(record):
            return await self._place(record, flow, trunk, node, token)

    async def _place(
        self, record: CallRecord, flow: CallFlow, trunk: Trunk, node: AsteriskNode, token: str | None
    ) -> dict[str, Any]:
        valid_until = flow.plan.valid_until
        within = None if valid_until is None else valid_until - self.clock.wall()
        turn = await line_up(trunk, record.account, within)
        leg: MediaLeg | None = None
        try:
            # A call whose turn it is has all that it needs before it is taken; one that waits takes its leg then.
            leg = await free_leg(node) if turn.done() else None
            await self._accept(record, node, token)
        except BaseException:
            await step_out(turn)
            if leg is not None:
                await node.pool.give_back(leg)
            raise
        party = OutboundParty(node, f"{record.id}-1", order_of(flow.plan, trunk, node, record.id))
        slots: list[Slot] = []
        seconds = seconds_of(flow.plan, trunk, node, record.id, slots)
        line = Line(node, party, leg, second=seconds, opener=self._opener(record, node))
        self._begin(node, flow, record, line, turn=turn, slots=slots)
        return record.to_json()

    async def rehearse(
        self, plan: CallPlan, *, account: str, door: str, call_id: str | None = None, token: str | None = None
    ) -> dict[str, Any]:
        """Take a call that rings nobody: a script is at its number. Needs no Asterisk. As ``place`` otherwise."""
        self.check_open()
        # Nobody listens: what is drawn is what a scripted callee presses.
        flow = CallFlow(drawn(plan, min), self.locales)
        record = self._record(call_id or new_call_id(), flow, account, door)
        record.test, record.channel = True, f"{record.id}-1"
        with named(record):
            await self._accept(record, None, token)
            self._begin(None, flow, record, RehearsalLine(script_for(plan.to or ""), wall=self.clock.wall))
        return record.to_json()

    async def prepare(
        self,
        plan: CallPlan,
        trunk: Trunk,
        *,
        account: str,
        door: str,
        call_id: str | None = None,
        token: str | None = None,
        test: bool = False,
    ) -> dict[str, Any]:
        """Take a call that waits for a dialplan to come for it. Returns its record. Raises ``NotTaken``.

        ``test``: nobody can come for it.
        """
        self.check_open()
        record = self._record(call_id or new_call_id(), self._flow(plan), account, door)
        record.state, record.test = State.WAITING, test
        with named(record):
            try:
                with self._waiting.place(account):
                    await self._accept(record, None, token)
            except NoRoom:
                raise NotTaken("too_many_waiting", 30) from None
            seconds = WAIT if plan.valid_until is None else max(0.0, plan.valid_until - self.clock.wall())
            self._waiting.keep(record, trunk, seconds)
        return record.to_json()

    def prepared(self, call_id: str) -> CallRecord | None:
        """Return a call that waits, of whatever account: who knows its id may come for it. None of a test key."""
        record = self._waiting.find(call_id)
        return None if record is None or record.test else record

    def admit(self, plan: CallPlan, trunk: Trunk, party: InboundParty, node: AsteriskNode, *, origin: Origin) -> None:
        """Begin a call on a channel that was handed to us.

        Nothing is waited for, and no store is asked: a caller is on the line.
        """
        record = self._record(origin.call_id, self._flow(plan), origin.account, origin.door)
        self._admit(record, plan, trunk, party, node, prepared=False)

    def tap(self, plan: CallPlan, party: InboundParty, node: AsteriskNode, *, origin: Origin) -> None:
        """Stream a channel that goes on in its dialplan at once: what the plan's one action says."""
        record = self._record(origin.call_id, self._flow(plan), origin.account, origin.door)
        opener = self._opener(record, node)
        if opener is None:
            raise LookupError("nobody carries streams")
        record.node, record.channel, record.sip_call_id = node.settings.name, party.channel_id, party.sip_call_id
        self.records.save(record)
        log.info("call.tapped", call=record.id, account=record.account, channel=party.channel_id)
        tap = Tap(node, party, record, opener, self.records, self.clock, self._follow, self._forget)
        self._calls[record.id] = tap
        tap.begin()

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
        record = call.record if call is not None else self._waiting.find(call_id)
        if record is None or record.account != account or record.state is State.ENDED:
            return None
        return record

    def hang_up(self, call_id: str) -> None:
        """End a call by request. Unknown ids are fine: it has ended."""
        if not self._waiting.end(call_id, OwnAction.HANG_UP_BY_API) and (call := self._calls.get(call_id)) is not None:
            call.hang_up(OwnAction.HANG_UP_BY_API)

    @property
    def count(self) -> int:
        """Calls in progress, and taps."""
        return len(self._calls)

    @property
    def records_in_progress(self) -> Iterator[CallRecord]:
        """What is known of these, and of the calls that wait to be called for."""
        return chain((call.record for call in self._calls.values()), self._waiting.records)

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
            call.hang_up(OwnAction.SHUTDOWN)
        if not await self._finished(END_WITHIN):
            log.error("stasis.calls_left", calls=self.count)
            for call in (left := list(self._calls.values())):
                call.abandon()
            if left:
                await self._finished(END_WITHIN)

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
        for call in self._on(node):
            call.after_gap(alive, restarted=restarted)

    def node_lost(self, node: AsteriskNode) -> None:
        """An Asterisk is away for good, as far as the calls on it go."""
        for call in self._on(node):
            call.node_lost()

    def stranger(self, node: AsteriskNode, event: AriEvent) -> None:
        """An event of a channel that is no call of ours: one that a dialplan hands to us, or that is over."""
        if event["type"] == "StasisStart" and event["application"] == node.settings.app and self.door is not None:
            self.door.arrive(node, event)
        else:
            log.debug("stasis.stranger", type=event["type"])

    # --- inside -----------------------------------------------------------------------------------------------------

    def _flow(self, plan: CallPlan) -> CallFlow:
        return CallFlow(drawn(plan, self.draw), self.locales)

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

    def _begin(
        self,
        node: AsteriskNode | None,
        flow: CallFlow,
        record: CallRecord,
        line: Line | RehearsalLine,
        *,
        turn: asyncio.Task[Slot] | None = None,
        slots: list[Slot] | None = None,
    ) -> None:
        session = CallSession(
            flow=flow,
            record=record,
            line=line,
            voice=self.voice,
            clock=self.clock,
            follow=self._follow,
            asker=self.asker,
        )
        call = Call(
            node, session, line, self.records, self.clock, self._forget, turn, slots if slots is not None else []
        )
        self._calls[record.id] = call
        call.begin()

    def _forget(self, call_id: str) -> None:
        self._calls.pop(call_id, None)

    def _opener(self, record: CallRecord, node: AsteriskNode) -> Opener | None:
        return None if self.relays is None else opener_of(self.relays, record, cast("Law", node.settings.law))

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
        flow = self._flow(plan)
        slots: list[Slot] = []
        opener = self._opener(record, node)
        line = Line(node, party, second=seconds_of(plan, trunk, node, record.id, slots), opener=opener)
        record.plan, record.proof, record.state = flow.plan, flow.proof, State.QUEUED
        record.voice = plan.voice or self.voice_name
        record.node, record.channel, record.sip_call_id = node.settings.name, party.channel_id, party.sip_call_id
        self.records.save(record)
        log.info("call.arrived", call=record.id, account=record.account, channel=party.channel_id, prepared=prepared)
        self._begin(node, flow, record, line, slots=slots)

    def _end_unbegun(self, record: CallRecord, own: OwnAction | None = None, fault: Fault | None = None) -> None:
        """What lies in the store has an end, also where it never began."""
        record.end(classify(Ending(answered=False, own=own, fault=fault)), self.clock.wall())
        self.records.finish(record)

    def _on(self, node: AsteriskNode) -> list[Call | Tap]:
        return [call for call in self._calls.values() if call.node is node]

    def _check(self, node: AsteriskNode | None) -> None:
        """Is there still a way to call (where one is needed)? Asked again after each wait. Raises ``NotTaken``."""
        self.check_open()
        if node is not None:
            ready_node([node])

    async def _accept(self, record: CallRecord, node: AsteriskNode | None, token: str | None) -> None:
        """Have a new record kept. Whoever drains waits for calls that have begun, not for those that are about to."""
        self._check(node)
        kept = False
        try:
            await self.records.accept(record, token=token)
            kept = True
            self._check(node)
        except NotTaken as refused:
            if kept or refused.recorded:
                own, fault = (OwnAction.SHUTDOWN, None) if self.draining else (None, Fault.LOST_BEFORE_DIALING)
                self._end_unbegun(record, own=own, fault=fault)
            raise

    def _follow(self, record: CallRecord, event: Event) -> None:
        if isinstance(event, SecondEnded) and isinstance(call := self._calls.get(record.id), Call):
            call.second_ended(event.number)
        for follower in self.followers:
            follower(record, event)


def new_call_id() -> str:
    """Return an id that nobody can guess."""
    return "call_" + secrets.token_hex(12)
