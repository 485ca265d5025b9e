"""The switchboard: which calls there are, on which Asterisk, and how they begin and end.

It starts sessions and finds them again; what a call does is the flow's business, what it knows the record's.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog

from otpvoice.ari import errors
from otpvoice.ari.channel import Originate
from otpvoice.ari.leg import MediaLeg
from otpvoice.ari.line import Line
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.pool import NoLegFree
from otpvoice.ari.router import AriEvent
from otpvoice.core.events import Event
from otpvoice.core.flow import CallFlow
from otpvoice.core.locale import Locales
from otpvoice.core.outcome import Ending, Fault, OwnAction, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord, State
from otpvoice.session import CallSession, Clock, Voice

log = structlog.get_logger(__name__)

END_WITHIN: Final = 3.0
"""Seconds for calls that we hang up to end."""
LEG_WAIT: Final = 5.0
"""Seconds that a request to call may wait for a media leg before it is told to come back."""


class NotTaken(Exception):
    """The call was not taken, and nobody was rung.

    ``reason`` is a word; ``retry_after`` in seconds. ``recorded``: its record may be in the store all the same.
    """

    def __init__(self, reason: str, retry_after: float = 5.0, *, recorded: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.recorded = reason, recorded
        self.retry_after = math.ceil(retry_after)


@dataclass(frozen=True, slots=True)
class Trunk:
    """A way out. ``dial`` holds ``{number}`` (E.164 without plus) or ``{e164}`` (with)."""

    name: str
    dial: str

    def endpoint(self, to: str) -> str:
        """Return the dial string for a number that was checked before."""
        return self.dial.replace("{number}", to.removeprefix("+")).replace("{e164}", to)


class Records(Protocol):
    """Where records are kept. ``accept`` raises ``NotTaken``; the others never wait and never fail."""

    async def accept(self, record: dict[str, Any], /) -> None: ...
    def save(self, record: dict[str, Any], /) -> None: ...
    def finish(self, record: dict[str, Any], /) -> None: ...


Follower = Callable[[CallRecord, Event], None]


class SystemClock:
    """The event loop's time for timers, the system's for what is written down."""

    def now(self) -> float:
        """Return seconds that never jump."""
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        """Return Unix seconds."""
        return time.time()


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
    _calls: dict[str, _Call] = field(default_factory=dict)

    # --- calls ------------------------------------------------------------------------------------------------------

    async def place(self, plan: CallPlan, trunk: Trunk, *, account: str, door: str) -> dict[str, Any]:
        """Take a call and begin it. Returns its record as it stands. Raises ``NotTaken``: then nobody is rung."""
        self._check_draining()
        flow = CallFlow(plan, self.locales)
        node = self._choose()
        leg = await self._take_leg(node)
        call_id = "call_" + secrets.token_hex(12)
        record = CallRecord(
            id=call_id,
            account=account,
            door=door,
            plan=plan,
            proof=flow.proof,
            node=node.settings.name,
            instance=self.instance,
            created_at=self.clock.wall(),
            voice=plan.voice or self.voice_name,
            channel=f"{call_id}-1",
        )
        try:
            await self._accept(record, node)
        except BaseException:
            await node.pool.give_back(leg)
            raise
        line = Line(node, leg, f"{call_id}-1", _order(plan, trunk, node, call_id))
        session = CallSession(
            flow=flow, record=record, line=line, voice=self.voice, clock=self.clock, follow=self._follow
        )
        call = self._calls[call_id] = _Call(node, session, line)
        call.task = asyncio.create_task(self._run(call), name=call_id)
        return record.to_json()

    def find(self, account: str, call_id: str) -> CallRecord | None:
        """Return a call that is in progress here, if it is this account's."""
        call = self._calls.get(call_id)
        if call is None or call.session.record.account != account or call.session.record.state is State.ENDED:
            return None
        return call.session.record

    def hang_up(self, call_id: str) -> None:
        """End a call by request. Unknown ids are fine: it has ended."""
        if (call := self._calls.get(call_id)) is not None:
            call.session.hang_up(OwnAction.HANG_UP_BY_API)

    @property
    def count(self) -> int:
        """Calls in progress."""
        return len(self._calls)

    # --- shutdown ---------------------------------------------------------------------------------------------------

    async def drain(self, within: float) -> None:
        """Take no new calls; let the others finish; after so many seconds hang them up."""
        self.draining = True
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
        """Wait for the calls there are, and for those that were about to begin."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while self._calls and (left := deadline - loop.time()) > 0:
            await asyncio.wait({call.task for call in self._calls.values() if call.task is not None}, timeout=left)
        return not self._calls

    # --- what a node tells ------------------------------------------------------------------------------------------

    def after_gap(self, node: AsteriskNode, alive: Set[str], *, restarted: bool) -> None:
        """The events socket is back: which of the calls there outlived the gap?"""
        for line in self._lines(node):
            line.after_gap(alive, restarted=restarted)

    def node_lost(self, node: AsteriskNode) -> None:
        """An Asterisk is away for good, as far as the calls on it go."""
        for line in self._lines(node):
            line.node_lost()

    def stranger(self, event: AriEvent) -> None:
        """An event of a channel that is no call of ours (any more)."""
        log.debug("stasis.stranger", type=event["type"])

    # --- inside -----------------------------------------------------------------------------------------------------

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

    def _check(self, node: AsteriskNode) -> None:
        """Is there still a way to call? Asked again after each wait. Raises ``NotTaken``."""
        self._check_draining()
        if not node.ready:
            raise self._unready([node])

    def _check_draining(self) -> None:
        if self.draining:
            raise NotTaken("draining")

    async def _accept(self, record: CallRecord, node: AsteriskNode) -> None:
        """Have a new record kept. Whoever drains waits for calls that have begun, not for those that are about to."""
        self._check(node)
        kept = False
        try:
            await self.records.accept(record.to_json())
            kept = True
            self._check(node)
        except NotTaken as refused:
            if kept or refused.recorded:
                # What lies in the store has an end, too, also where it lies there unasked for.
                own, fault = (OwnAction.SHUTDOWN, None) if self.draining else (None, Fault.LOST_BEFORE_DIALING)
                record.end(classify(Ending(answered=False, own=own, fault=fault)), self.clock.wall())
                self.records.finish(record.to_json())
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


def _order(plan: CallPlan, trunk: Trunk, node: AsteriskNode, call_id: str) -> Originate:
    return Originate(
        endpoint=trunk.endpoint(plan.to),
        app=node.settings.own_app,
        caller_id=plan.caller_id,
        ring_timeout=plan.ring_timeout,
        max_duration=plan.max_duration,
        call_id=call_id,
        headers=plan.sip_headers,
    )
