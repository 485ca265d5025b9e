"""The switchboard: how calls begin, on which Asterisk.

It starts sessions; which there are, and how they end, is in the register, and how they are taken in ``taking``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, cast

import structlog

from otpvoice.ari.inbound import InboundParty
from otpvoice.ari.leg import MediaLeg
from otpvoice.ari.line import Line
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.party import OutboundParty
from otpvoice.ari.streaming import Opener
from otpvoice.core.events import CallDialed, OnSecond
from otpvoice.core.flow import CallFlow
from otpvoice.core.outcome import Fault, OwnAction
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord, State
from otpvoice.media.g711 import Law
from otpvoice.rehearsal import RehearsalLine, script_for
from otpvoice.session import CallSession
from otpvoice.stasis.call import Call
from otpvoice.stasis.named import named
from otpvoice.stasis.needs import free_leg, line_up, ready_node, step_out, turn_when_ready
from otpvoice.stasis.pacing import Slot
from otpvoice.stasis.ports import Found, NotTaken, Origin
from otpvoice.stasis.streams import opener_of
from otpvoice.stasis.taking import Taking, new_call_id
from otpvoice.stasis.tap import Tap
from otpvoice.stasis.trunk import Trunk, order_of, seconds_of
from otpvoice.stasis.waiting import WAIT, NoRoom

log = structlog.get_logger(__name__)

INTENT_WITHIN: Final = 15.0
"""Seconds for the store to take down that somebody is about to be dialled; longer, and nobody is."""
SECOND_WITHIN: Final = 1.0
"""Seconds for the same of a second party, who is dialled then in any case, unless the call is another life's."""


@dataclass(slots=True)
class StasisApp(Taking):
    """The register of all calls, and the ways in which they begin."""

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
        self._dial(record, flow, trunk, node, turn=turn, leg=leg)
        return record.to_json()

    def _dial(
        self,
        record: CallRecord,
        flow: CallFlow,
        trunk: Trunk,
        node: AsteriskNode,
        *,
        turn: asyncio.Task[Slot],
        leg: MediaLeg | None = None,
    ) -> None:
        """Begin a call that is to be dialled when its turn has come."""
        order = order_of(flow.plan, trunk, node, record.id)
        party = OutboundParty(node, f"{record.id}-1", order, ahead=partial(self._write_ahead, record))
        slots: list[Slot] = []
        seconds = self._seconds(record, flow.plan, trunk, node, slots)
        line = Line(node, party, leg, second=seconds, opener=self._opener(record, node))
        self._begin(node, flow, record, line, turn=turn, slots=slots)

    async def _write_ahead(self, record: CallRecord, dialed: CallDialed) -> bool:
        """Have it kept that a call is being dialled. Told from here, and not by way of the session: it can't wait."""
        record.note(dialed)
        self._follow(record, dialed)
        if self.next_life is None or await self.next_life.intend(record, INTENT_WITHIN):
            valid_until = record.plan.valid_until
            if valid_until is None or valid_until > self.clock.wall():
                return True
            if (call := self._calls.get(record.id)) is not None:
                call.hang_up(OwnAction.EXPIRED)
        record.dialed_at = None
        return False

    async def _write_second_ahead(self, record: CallRecord, number: int, dialed: CallDialed) -> bool:
        """Have it kept that a second party is being dialled. Nobody would dial it again: so not at any price."""
        event = OnSecond(number, dialed)
        record.note(event)
        self._follow(record, event)
        if self.next_life is not None:
            self.records.save(record)
            return await self.next_life.intend(record, SECOND_WITHIN) is not False
        return True

    def _seconds(
        self, record: CallRecord, plan: CallPlan, trunk: Trunk, node: AsteriskNode, slots: list[Slot]
    ) -> Callable[[int, str, str | None, float], OutboundParty]:
        return seconds_of(plan, trunk, node, record.id, slots, ahead=partial(self._write_second_ahead, record))

    async def rehearse(
        self, plan: CallPlan, *, account: str, door: str, call_id: str | None = None, token: str | None = None
    ) -> dict[str, Any]:
        """Take a call that rings nobody: a script is at its number. Needs no Asterisk. As ``place`` otherwise."""
        self.check_open()
        flow = self._flow(plan, rehearsed=True)
        record = self._record(call_id or new_call_id(), flow, account, door)
        record.test, record.channel = True, f"{record.id}-1"
        with named(record):
            await self._accept(record, None, token)
            self._rehearse(record, flow)
        return record.to_json()

    def _rehearse(self, record: CallRecord, flow: CallFlow) -> None:
        self._begin(None, flow, record, RehearsalLine(script_for(flow.plan.to or ""), wall=self.clock.wall))

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

    def resume(self, plan: CallPlan, trunk: Trunk, *, found: Found) -> None:
        """Go on with a call of a former life that nobody was dialled for. Raises ``NotTaken`` while we drain.

        It stands in line, as any call whose turn it is not yet, until there is an Asterisk that takes calls.
        """
        self.check_open()
        rehearsed = found.test and not plan.inbound
        plan = plan if plan.inbound else replace(plan, streams=trunk.streams)
        flow = self._flow(plan, rehearsed=rehearsed)
        record = self._record(found.call_id, flow, found.account, found.door)
        record.created_at, record.test = found.created_at, found.test
        record.state = State.WAITING if plan.inbound else State.QUEUED
        if self.next_life is not None:
            self.next_life.resume(record, found.events)
        within = max(0.0, found.until - self.clock.wall())
        with named(record):
            log.info("call.resumed", account=record.account, state=record.state.value)
            if plan.inbound:
                self._waiting.keep(record, trunk, within)
                return
            record.channel = f"{record.id}-1"
            if rehearsed:
                self._rehearse(record, flow)
                return
            node = self.nodes[0]
            record.node = node.settings.name
            turn = asyncio.create_task(turn_when_ready(node, trunk, record.account, within), name="turn")
            self._dial(record, flow, trunk, node, turn=turn)

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

    # --- inside -----------------------------------------------------------------------------------------------------

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
        call.may_be_left = self.next_life is not None and self.next_life.keeps_plans
        self._calls[record.id] = call
        call.begin()

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
        line = Line(node, party, second=self._seconds(record, plan, trunk, node, slots), opener=opener)
        record.plan, record.proof, record.state = flow.plan, flow.proof, State.QUEUED
        record.voice = plan.voice or self.voice_name
        record.node, record.channel, record.sip_call_id = node.settings.name, party.channel_id, party.sip_call_id
        self.records.save(record)
        log.info("call.arrived", call=record.id, account=record.account, channel=party.channel_id, prepared=prepared)
        self._begin(node, flow, record, line, slots=slots)
