"""The waiting room: calls that were prepared over HTTP, until a dialplan comes for them or their time is over.

It knows neither Asterisk nor a store.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from otpvoice.core.outcome import OwnAction
from otpvoice.core.record import CallRecord

T = TypeVar("T")

WAIT: Final = 300.0
"""Seconds that a call waits where nothing else was said."""
ROOM: Final = 10_000
"""Calls that may wait at once: each is a plan in memory."""
SHARE: Final = 5_000
"""How many of them may be one account's, so that nobody keeps the others out."""


class NoRoom(Exception):
    """Too many calls wait, of all accounts or of this one."""


@dataclass(slots=True)
class WaitingCall(Generic[T]):
    """A prepared call; ``way``: the trunk of its second legs."""

    record: CallRecord
    way: T
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)


class WaitingRoom(Generic[T]):
    """``ended`` is told of each call that leaves without having been claimed, and why: in time, by API, at shutdown."""

    def __init__(self, ended: Callable[[CallRecord, OwnAction], None], room: int = ROOM, share: int = SHARE) -> None:
        self._ended, self._room, self._share = ended, room, share
        self._calls: dict[str, WaitingCall[T]] = {}
        self._accounts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def records(self) -> Iterator[CallRecord]:
        """What is known of those who wait."""
        return (call.record for call in self._calls.values())

    @contextmanager
    def place(self, account: str) -> Iterator[None]:
        """Hold a place while a call is written down, before it is kept. Raises ``NoRoom``."""
        if self._accounts.total() >= self._room or self._accounts[account] >= self._share:
            raise NoRoom
        self._accounts[account] += 1
        try:
            yield
        finally:
            self._leave(account)

    def keep(self, record: CallRecord, way: T, seconds: float) -> None:
        """Let a call wait for so many seconds."""
        call = self._calls[record.id] = WaitingCall(record, way)
        self._accounts[record.account] += 1
        call.timer = asyncio.get_running_loop().call_later(seconds, self.end, record.id, OwnAction.EXPIRED)

    def find(self, call_id: str) -> CallRecord | None:
        """Return a call that waits."""
        call = self._calls.get(call_id)
        return call.record if call is not None else None

    def claim(self, call_id: str) -> WaitingCall[T] | None:
        """Hand a call out: once. None: it is unknown, or was claimed, or its time is over."""
        call = self._calls.pop(call_id, None)
        if call is not None:
            self._leave(call.record.account)
            if call.timer is not None:
                call.timer.cancel()
        return call

    def end(self, call_id: str, by: OwnAction) -> bool:
        """Let a call go that nobody came for. False: it does not wait here."""
        call = self.claim(call_id)
        if call is None:
            return False
        self._ended(call.record, by)
        return True

    def leave_all(self) -> None:
        """Empty the room and end nothing: a next life lets them wait on."""
        for call_id in list(self._calls):
            self.claim(call_id)

    def end_all(self, by: OwnAction) -> None:
        """Empty the room."""
        for call_id in list(self._calls):
            self.end(call_id, by)

    def _leave(self, account: str) -> None:
        self._accounts[account] -= 1
        if not self._accounts[account]:
            del self._accounts[account]
