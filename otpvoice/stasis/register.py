"""The register of all calls of this process: which there are, who is told of what happens to them, how they end.

How they begin is the switchboard's business (``app``); what a call does is the flow's, what it knows the record's.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import structlog

from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.router import AriEvent
from otpvoice.core.events import Event, SecondEnded
from otpvoice.core.locale import Locales
from otpvoice.core.outcome import Ending, Fault, OwnAction, classify
from otpvoice.core.record import CallRecord, State
from otpvoice.session import Asker, Voice
from otpvoice.stasis.admission import Admission
from otpvoice.stasis.call import Call
from otpvoice.stasis.ports import Clock, Door, Follower, NextLife, NotTaken, Records, SystemClock, Takeover
from otpvoice.stasis.streams import Relays
from otpvoice.stasis.tap import Tap
from otpvoice.stasis.trunk import Trunk
from otpvoice.stasis.waiting import WaitingRoom

log = structlog.get_logger(__name__)

FEW: Final = 10
"""Calls in progress up to which nobody is refused for want of strength."""
END_WITHIN: Final = 3.0
"""Seconds for calls that we hang up to end."""


@dataclass(slots=True)
class Register:
    """All calls of this process. ``followers`` hear every event of every call; ``voice_name`` is the configured one.

    ``asker``: who asks what interactive plans are to do next. ``draw``: chooses the random keys of gates. ``relays``:
    who carries streams of their audio; None: nobody does. ``next_life``: None: there is none that would know of this.
    ``takeover``: calls of former lives that are not known here yet. ``admission``: is told from outside how late the
    event loop is.
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
    next_life: NextLife | None = None
    takeover: Takeover | None = None
    admission: Admission = field(default_factory=Admission)
    _calls: dict[str, Call | Tap] = field(default_factory=dict)
    _waiting: WaitingRoom[Trunk] = field(init=False)

    def __post_init__(self) -> None:
        self._waiting = WaitingRoom(self._end_unbegun)

    # --- calls ------------------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raise ``NotTaken`` when no new calls are taken."""
        if self.draining:
            raise NotTaken("draining")

    def check_strength(self) -> None:
        """Raise ``NotTaken`` when no new calls are taken, or this one would be one too many for those there are."""
        self.check_open()
        if self.count < FEW:
            return  # whoever keeps the machine busy, it is not these
        # Not the loop's own clock: it stands still while the loop is busy, which is what is asked here.
        if (retry_after := self.admission.refuses(time.monotonic())) is not None:
            raise NotTaken("overloaded", retry_after)

    def find(self, account: str, call_id: str) -> CallRecord | None:
        """Return a call that waits or is in progress here, if it is this account's."""
        call = self._calls.get(call_id)
        record = call.record if call is not None else self._waiting.find(call_id)
        if record is None or record.account != account or record.state is State.ENDED:
            return None
        return record

    def hang_up(self, call_id: str) -> None:
        """End a call by request. Unknown ids are fine: it has ended."""
        if self._waiting.end(call_id, OwnAction.HANG_UP_BY_API):
            return
        if (call := self._calls.get(call_id)) is not None:
            call.hang_up(OwnAction.HANG_UP_BY_API)
        elif self.takeover is not None:
            self.takeover.hang_up(call_id)

    def taken_away(self, call_id: str) -> None:
        """Another life has taken a call over: nothing more is done with it here."""
        if (call := self._calls.get(call_id)) is not None:
            call.hang_up(OwnAction.SHUTDOWN)

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
        may_be_left = self.next_life is not None and self.next_life.keeps_plans
        if not may_be_left:
            self._waiting.end_all(OwnAction.SHUTDOWN)
        if not await self._finished(within):
            log.warning("stasis.drain_over", calls=self.count)
            await self.end_all()
        if may_be_left:
            # Not before: until now they could be ended, and were found.
            self._waiting.leave_all()

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

    def _forget(self, call_id: str) -> None:
        self._calls.pop(call_id, None)

    def _end_unbegun(self, record: CallRecord, own: OwnAction | None = None, fault: Fault | None = None) -> None:
        """What lies in the store has an end, also where it never began."""
        record.end(classify(Ending(answered=False, own=own, fault=fault)), self.clock.wall())
        self.records.finish(record)

    def _on(self, node: AsteriskNode) -> list[Call | Tap]:
        return [call for call in self._calls.values() if call.node is node]

    def _follow(self, record: CallRecord, event: Event) -> None:
        if isinstance(event, SecondEnded) and isinstance(call := self._calls.get(record.id), Call):
            call.second_ended(event.number)
        for follower in self.followers:
            follower(record, event)
