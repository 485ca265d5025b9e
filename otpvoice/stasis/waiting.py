"""The waiting room: calls that were prepared over HTTP, until a dialplan comes for them or their time is over.

It knows neither Asterisk nor a store. What waits here holds its code in memory and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from otpvoice.core.outcome import OwnAction
from otpvoice.core.record import CallRecord

T = TypeVar("T")

WAIT: Final = 300.0
"""Seconds that a call waits where nothing else was said."""
ROOM: Final = 10_000
"""Calls that may wait at once: each is a plan in memory."""


@dataclass(slots=True)
class WaitingCall(Generic[T]):
    """A prepared call; ``way``: the trunk of its second legs."""

    record: CallRecord
    way: T
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)


class WaitingRoom(Generic[T]):
    """``ended`` is told of each call that leaves without having been claimed, and why: in time, by API, at shutdown."""

    def __init__(self, ended: Callable[[CallRecord, OwnAction], None], room: int = ROOM) -> None:
        self._ended, self._room = ended, room
        self._calls: dict[str, WaitingCall[T]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def full(self) -> bool:
        """Is there no room for another?"""
        return len(self._calls) >= self._room

    def keep(self, record: CallRecord, way: T, seconds: float) -> None:
        """Let a call wait for so many seconds."""
        call = self._calls[record.id] = WaitingCall(record, way)
        call.timer = asyncio.get_running_loop().call_later(seconds, self.end, record.id, OwnAction.EXPIRED)

    def find(self, call_id: str) -> CallRecord | None:
        """Return a call that waits."""
        call = self._calls.get(call_id)
        return call.record if call is not None else None

    def claim(self, call_id: str) -> WaitingCall[T] | None:
        """Hand a call out: once. None: it is unknown, or was claimed, or its time is over."""
        call = self._calls.pop(call_id, None)
        if call is not None and call.timer is not None:
            call.timer.cancel()
        return call

    def end(self, call_id: str, by: OwnAction) -> bool:
        """Let a call go that nobody came for. False: it does not wait here."""
        call = self.claim(call_id)
        if call is None:
            return False
        self._ended(call.record, by)
        return True

    def end_all(self, by: OwnAction) -> None:
        """Empty the room."""
        for call_id in list(self._calls):
            self.end(call_id, by)
