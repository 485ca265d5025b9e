"""One call at the switchboard: where it is, who carries it, and the turn on its trunk that it waits for or has.

What a call does is the session's business; which calls there are, the switchboard's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from dataclasses import dataclass, field

import structlog

from otpvoice.ari.line import Line
from otpvoice.ari.node import AsteriskNode
from otpvoice.core.outcome import Ending, Fault, OwnAction, classify
from otpvoice.core.record import CallRecord, State
from otpvoice.rehearsal import RehearsalLine
from otpvoice.session import CallSession
from otpvoice.stasis.named import named
from otpvoice.stasis.pacing import Expired, NoTurn, Slot
from otpvoice.stasis.ports import Clock, Records

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Call:
    """A call that was taken. ``turn``: on its trunk; None where none is needed. ``over`` is called when all is done.

    ``node``: None for a call that is rehearsed. ``seconds``: what its second legs take of the trunk, by number.
    ``may_be_left``: at our shutdown, while it waits for its turn, to a next life.
    """

    node: AsteriskNode | None
    session: CallSession
    line: Line | RehearsalLine
    records: Records
    clock: Clock
    over: Callable[[str], None]
    turn: asyncio.Task[Slot] | None = None
    seconds: list[Slot] = field(default_factory=list)
    may_be_left: bool = False
    task: asyncio.Task[None] | None = None
    _called_off: OwnAction | None = None
    _left: bool = False

    @property
    def record(self) -> CallRecord:
        """What is known of it."""
        return self.session.record

    def begin(self) -> None:
        """Run it."""
        self.task = asyncio.create_task(self._run(), name=self.session.record.id)

    def hang_up(self, by: OwnAction) -> None:
        """End it: in line, where it waits for its turn, or on the telephone."""
        if self.turn is not None and not self.turn.done():
            self._called_off = self._called_off or by
            self.turn.cancel()
        else:
            self.session.hang_up(by)

    def second_ended(self, number: int) -> None:
        """The second leg of this number is over: what it took of the trunk is free."""
        if number <= len(self.seconds):
            self.seconds[number - 1].pace.release(self.seconds[number - 1])

    def after_gap(self, alive: Set[str], *, restarted: bool) -> None:
        """The events socket was away and is back: did it outlive the gap?"""
        if isinstance(self.line, Line):
            with named(self.record):
                self.line.after_gap(alive, restarted=restarted)

    def node_lost(self) -> None:
        """Its Asterisk is away for good."""
        if isinstance(self.line, Line):
            with named(self.record):
                self.line.node_lost()

    def abandon(self) -> None:
        """Let it be, with what is known of it: nobody can wait for its end any more."""
        if self.task is not None:
            self.task.cancel()

    async def _run(self) -> None:
        record = self.session.record
        slot: Slot | None = None
        try:
            try:
                if self.turn is not None:
                    slot = await self._wait(self.turn)
                if self.turn is None or slot is not None:
                    await self.session.run()
            finally:
                if record.state is not State.ENDED and not self._left:
                    # Cancelled: the process ends, and will not see the end of this call.
                    self.session.give_up(OwnAction.SHUTDOWN)
                if not self._left:
                    self.records.finish(record)
                await self.session.close()
        finally:
            if slot is not None:
                slot.pace.release(slot)
            for second in self.seconds:
                second.pace.release(second)
            # Only now: who drains waits until the leg is back, too.
            self.over(record.id)

    async def _wait(self, turn: asyncio.Task[Slot]) -> Slot | None:
        """Wait in line. None: it was called off, or its time was over, and the record has its end then; or it is left.

        At our shutdown nobody was dialled for it yet, and a next life knows what it was to do.
        """
        await asyncio.wait({turn})
        own: OwnAction | None = self._called_off or OwnAction.EXPIRED
        fault: Fault | None = None
        if not turn.cancelled():
            error = turn.exception()
            if error is None:
                return turn.result()
            if isinstance(error, NoTurn):
                own = self._called_off or OwnAction.NO_TURN
            elif not isinstance(error, Expired):
                log.error("call.turn_failed", call=self.session.record.id, exc_info=error)
                own, fault = None, Fault.INTERNAL_ERROR
        if own is OwnAction.SHUTDOWN and self.may_be_left:
            self._left = True
            log.info("call.left", call=self.session.record.id)
            return None
        ending = Ending(answered=False, own=own, fault=fault)
        self.session.record.end(classify(ending), self.clock.wall())
        return None
