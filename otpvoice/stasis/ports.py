"""What the switchboard needs of the rest of the program, and what it says when it can't take a call."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.router import AriEvent
from otpvoice.core.events import Event
from otpvoice.core.record import CallRecord


class NotTaken(Exception):
    """The call was not taken, and nobody was rung.

    ``reason`` is a word; ``retry_after`` in seconds. ``recorded``: its record may be in the store all the same.
    """

    def __init__(self, reason: str, retry_after: float = 5.0, *, recorded: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.recorded = reason, recorded
        self.retry_after = math.ceil(retry_after)


class Door(Protocol):
    """Who receives the channels that dialplans hand to us."""

    def arrive(self, node: AsteriskNode, start: AriEvent, /) -> None:
        """A channel has come, just now. Never waits."""

    @property
    def arriving(self) -> Set[asyncio.Task[None]]:
        """Those who are at the door now."""


class Records(Protocol):
    """Where records are kept. ``accept`` raises ``NotTaken``; the others never wait and never fail."""

    async def accept(self, record: dict[str, Any], /) -> None: ...
    def save(self, record: dict[str, Any], /) -> None: ...
    def finish(self, record: dict[str, Any], /) -> None: ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from that nobody has prepared."""

    call_id: str
    account: str
    door: str


Follower: TypeAlias = Callable[[CallRecord, Event], None]


class SystemClock:
    """The event loop's time for timers, the system's for what is written down."""

    def now(self) -> float:
        """Return seconds that never jump."""
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        """Return Unix seconds."""
        return time.time()
