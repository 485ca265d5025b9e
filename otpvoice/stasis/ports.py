"""What the switchboard needs of the rest of the program, and what it says when it can't take a call."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.router import AriEvent
from otpvoice.core.events import Event
from otpvoice.core.record import CallRecord
from otpvoice.session import Clock


class NotTaken(Exception):
    """The call was not taken, and nobody was rung.

    ``reason`` is a word; ``retry_after`` in seconds. ``recorded``: its record may be in the store all the same.
    ``facts``: what else there is to say, by name: the ``call`` that is in the way, the ``limit`` that is reached.
    """

    def __init__(
        self,
        reason: str,
        retry_after: float = 5.0,
        *,
        recorded: bool = False,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.recorded = reason, recorded
        self.retry_after = max(1, math.ceil(retry_after))
        self.facts: Mapping[str, str] = facts or {}


class Door(Protocol):
    """Who receives the channels that dialplans hand to us."""

    def arrive(self, node: AsteriskNode, start: AriEvent, /) -> None:
        """A channel has come, just now. Never waits."""

    @property
    def arriving(self) -> Set[asyncio.Task[None]]:
        """Those who are at the door now."""


class Records(Protocol):
    """Where records are kept. ``accept`` raises ``NotTaken``; the others never wait and never fail.

    ``token``: of the idempotency key under which a call was asked for; None: there was none.
    """

    async def accept(self, record: CallRecord, /, *, token: str | None = None) -> None: ...
    def save(self, record: CallRecord, /) -> None: ...
    def finish(self, record: CallRecord, /) -> None: ...


class NextLife(Protocol):
    """What is seen to for the next life of this process, and taken on from the one before.

    ``keeps_plans``: it would know what those calls were to do for which nobody was dialled yet.
    """

    @property
    def keeps_plans(self) -> bool: ...

    async def intend(self, record: CallRecord, /, within: float) -> bool | None:
        """Is it written what was told of this call just now? Waits for that for so many seconds, and never fails.

        None: not yet; False: it never will be, since another life has the call.
        """

    def resume(self, record: CallRecord, events: int, /) -> None:
        """Go on with a call of which so many events were told."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from that nobody has prepared."""

    call_id: str
    account: str
    door: str


@dataclass(frozen=True, slots=True)
class Found:
    """A call that a former life has taken, and nobody was dialled for.

    ``events``: so many were told of it. ``until``: it is of use, Unix s.
    """

    call_id: str
    account: str
    door: str
    created_at: float
    test: bool
    events: int
    until: float


class Takeover(Protocol):
    """Calls of former lives, until they are known to the switchboard."""

    def hang_up(self, call_id: str, /) -> None:
        """Somebody wants this call to end: it does, instead of going on. Unknown ids are fine."""

    async def done(self, within: float, /) -> None:
        """Wait until all are known that there are, or so many seconds."""


Follower: TypeAlias = Callable[[CallRecord, Event], None]


__all__ = ["Clock", "Door", "Follower", "Found", "NextLife", "NotTaken", "Origin", "Records", "SystemClock"]


class SystemClock:
    """The event loop's time for timers, the system's for what is written down."""

    def now(self) -> float:
        """Return seconds that never jump."""
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        """Return Unix seconds."""
        return time.time()
