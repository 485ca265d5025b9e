"""The pace of one trunk: a call that was taken waits here until the trunk takes it, or until it is not worth it.

It knows no calls and no Asterisk, and it counts this process only: where several share a trunk, each has a share of its
limits.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from otpvoice.stasis.turns import LineFull, Ticket, Turns

GRAIN: Final = 0.001
"""Seconds between two looks. uvloop's timers and its clock know nothing finer, and a timer may be that early."""
LONGEST_QUEUE: Final = 10_000
"""Calls that may wait for one trunk: each is a plan in memory."""


class Expired(Exception):
    """The time to wait was over before it was this call's turn. Nobody was rung."""


class NoTurn(Expired):
    """The trunk lets nobody wait for longer; the call itself would still have been worth it."""


class QueueFull(Exception):
    """Too many calls wait already, of all accounts or of this one. Nobody was rung."""


@dataclass(slots=True, eq=False)
class Slot:
    """A call on a trunk, from its turn until its channel is gone. ``with slot:`` releases it."""

    pace: Pace = field(repr=False)
    released: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.pace.release(self)


class Pace:
    """One trunk, of all accounts. None: no limit. ``queue_seconds``: 0 lets nobody wait."""

    def __init__(
        self,
        *,
        calls_per_second: float | None = None,
        max_calls: int | None = None,
        queue_seconds: float = 30.0,
        longest_queue: int = LONGEST_QUEUE,
    ) -> None:
        self._turns: Turns[asyncio.Future[Slot]] = Turns(
            calls_per_second=calls_per_second, max_calls=max_calls, longest=longest_queue
        )
        self._queue_seconds = queue_seconds
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """Calls in line."""
        return self._turns.waiting

    @property
    def in_progress(self) -> int:
        """Slots that are out, second legs included."""
        return self._turns.in_progress

    def free(self) -> bool:
        """Would ``turn`` return at once? True until the next ``await``."""
        return self._turns.free(asyncio.get_running_loop().time())

    async def turn(self, account: str, within: float | None = None) -> Slot:
        """Wait for a turn, for so many seconds at most, and never longer than the trunk lets anybody wait.

        Raises ``Expired``, ``NoTurn`` or ``QueueFull``. Where it raises, or is cancelled, nothing is held.
        """
        if within is not None and within <= 0:
            raise Expired
        loop = asyncio.get_running_loop()
        patience = self._queue_seconds if within is None else min(within, self._queue_seconds)
        turn: asyncio.Future[Slot] = loop.create_future()
        ticket = self._join(account, loop.time(), patience, turn)
        try:
            if not turn.done() and patience > 0:
                await asyncio.wait({turn}, timeout=patience)
        except asyncio.CancelledError:
            if turn.done():  # it came in the same moment: not lost
                self.release(turn.result())
            raise
        finally:
            if not turn.done():
                turn.cancel()
                self._leave(ticket)
        if turn.cancelled():
            raise Expired if within is not None and within <= self._queue_seconds else NoTurn
        return turn.result()

    def second(self) -> Slot:
        """Return a slot for a call's second leg: at once, whatever the limits say.

        The first party is on the line, so it is neither refused nor kept waiting; while it is there, others wait.
        """
        self._turns.add()
        return Slot(self)

    def release(self, slot: Slot) -> None:
        """The call's channel is gone. A second time, nothing happens."""
        if slot.released:
            return
        slot.released = True
        self._turns.done()
        self._call()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _join(
        self, account: str, now: float, patience: float, turn: asyncio.Future[Slot]
    ) -> Ticket[asyncio.Future[Slot]]:
        # Who has no patience at all is served at once, or not: the line drops tickets at their last moment.
        until = now + max(patience, GRAIN)
        try:
            ticket = self._turns.join(account, until, turn)
        except LineFull:
            raise QueueFull from None
        self._call()
        return ticket

    def _leave(self, ticket: Ticket[asyncio.Future[Slot]]) -> None:
        self._turns.leave(ticket)
        self._call()

    def _call(self) -> None:
        """Call all whose turn it is, and come back when it is the next one's."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        while (turn := self._turns.call(now)) is not None:
            turn.set_result(Slot(self))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._turns.deadline is not None:
            # In a context of its own: it is all who wait that are called, and not for whoever came first.
            self._timer = loop.call_at(max(self._turns.deadline, now + GRAIN), self._call, context=Context())
