"""Listen to the ends of streams: one connection for each account, however many wait, and none while nobody does.

It says that there is something new, and not what. While the server is away it asks again, and what this process itself
has written still wakes whoever waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Context
from typing import Any, Final

from otpvoice.adapters.backoff import pause_after
from otpvoice.adapters.store import StoreUnavailable, keys
from otpvoice.adapters.store.position import BEGINNING, Place, place
from otpvoice.adapters.store.record import nameable
from otpvoice.adapters.store.redis.connection import Connection
from otpvoice.adapters.store.waiting import Waiters

_BLOCK: Final = 5.0
"""Seconds for which one XREAD waits. So long, too, it listens on for nobody: whoever reads a stream waits again."""


class Tail:
    """The ends of all streams. ``block``: seconds for which one XREAD waits."""

    def __init__(self, server: Connection, *, block: float = _BLOCK) -> None:
        self._server = server
        self._block = block
        self._waiters: dict[str, Waiters] = {}
        self._listening: dict[str, asyncio.Task[None]] = {}

    @property
    def listening(self) -> int:
        """How many accounts' streams are listened to."""
        return len(self._listening)

    def told(self, account: str, last: bytes) -> None:
        """Tell of an event that was written here; empty: there was none."""
        if last and (waiters := self._waiters.get(account)) is not None:
            waiters.told(place(last.decode()))

    async def wait(self, account: str, behind: Place, seconds: float) -> bool:
        """Wait for an event behind this place; see Events.wait."""
        if not nameable(account):
            await asyncio.sleep(seconds)
            return False
        waiters = self._waiters.setdefault(account, Waiters())
        if account not in self._listening:
            # In a context of its own: it is for all who wait, and not for whoever came first.
            listening = self._listen(account, waiters)
            task = asyncio.create_task(listening, name="tail of events", context=Context())
            self._listening[account] = task
        return await waiters.wait(behind, seconds)

    async def close(self) -> None:
        """Listen no more, until somebody waits again."""
        listening = tuple(self._listening.values())
        self._listening.clear()
        self._waiters.clear()
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        await self._server.close()

    async def _listen(self, account: str, waiters: Waiters) -> None:
        """Until nobody waits at the end of an XREAD that heard nothing."""
        heard: bytes | None = None  # None: where the stream ends is not known
        failures = 0
        try:
            while True:
                try:
                    came = await self._next(account, heard)
                except StoreUnavailable:
                    failures += 1
                    heard = None
                    if not waiters:
                        return
                    await asyncio.sleep(pause_after(failures))
                    continue
                failures = 0
                if came is None and not waiters:
                    return
                # After a silence it looks anew: the server may have lost what was there (FLUSHALL, a restart).
                heard = came
                if heard is not None:
                    waiters.ends_at(place(heard.decode()))
        finally:
            if self._listening.get(account) is asyncio.current_task():
                del self._listening[account], self._waiters[account]

    async def _next(self, account: str, heard: bytes | None) -> bytes | None:
        """The newest entry; or the one that follows what was heard, None if none does in time."""
        stream = keys.events(account)
        redis = self._server.redis
        if heard is None:
            newest = await self._server.within_deadline(redis.xrevrange(stream, count=1))
            return bytes(newest[0][0]) if newest else BEGINNING.encode()
        answer: Any = await self._server.within_deadline(
            redis.xread({stream: heard}, count=1, block=round(self._block * 1000)), longer=self._block
        )
        entries: Sequence[tuple[bytes, Any]] = answer[0][1] if answer else ()
        return entries[-1][0] if entries else None
