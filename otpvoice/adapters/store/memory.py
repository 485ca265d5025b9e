"""Call records in this process, for development without Redis: the same rules, and nothing survives a restart.

It is never unavailable, and it is not for production: a second instance does not see it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from otpvoice.adapters.store import CallRecord
from otpvoice.adapters.store.record import ENDED, CallKey, call_key, decode, encode, standing_before


@dataclass(frozen=True, slots=True)
class _Kept:
    json: bytes
    state: str
    expires: float


class MemoryStore:
    """A Store in memory. ``ttl``: how long records and summaries are kept, s; ``clock``: s, any origin, never back."""

    def __init__(self, *, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        if ttl <= 0:
            raise ValueError("ttl must be longer than nothing")
        self._ttl = ttl
        self._clock = clock
        # Every write goes to the end and all live equally long, so both are in the order of their ends.
        self._calls: dict[CallKey, _Kept] = {}
        self._summaries: dict[str, deque[tuple[float, str, bytes]]] = {}

    async def save(self, record: CallRecord, /) -> None:
        """Write a call that goes on; see Store."""
        key = call_key(record)
        if record["state"] == ENDED:
            raise ValueError("a call that ended is written by finish")
        self._put(key, record)

    async def finish(self, record: CallRecord, /) -> bool:
        """Write a call that ended and its summary; see Store."""
        key = call_key(record)
        if record["state"] != ENDED:
            raise ValueError("a call that goes on is written by save")
        if not self._put(key, record):
            return False
        now = self._clock()
        stream = self._summaries.setdefault(key.account, deque())
        stream.append((now, key.id, self._calls[key].json))
        while stream[0][0] < now - self._ttl:
            stream.popleft()
        return True

    async def get(self, account: str, call_id: str, /) -> dict[str, Any] | None:
        """The record or None; see Store."""
        self._expire()
        kept = self._calls.get(CallKey(account, call_id))
        return None if kept is None else decode(kept.json)

    async def ping(self) -> None:
        """Always ready."""

    async def close(self) -> None:
        """Nothing to let go of; the records stay."""

    def summaries(self, account: str) -> list[tuple[str, dict[str, Any]]]:
        """The account's ended calls, oldest first: what the stream holds in Redis. Pairs of id and record."""
        return [(call_id, decode(summary) or {}) for _, call_id, summary in self._summaries.get(account, ())]

    def _put(self, key: CallKey, record: CallRecord) -> bool:
        self._expire()
        json = encode(record)
        there = self._calls.get(key)
        if there is not None and there.state in standing_before(record["state"]):
            return False
        self._calls.pop(key, None)
        self._calls[key] = _Kept(json, record["state"], self._clock() + self._ttl)
        return True

    def _expire(self) -> None:
        now = self._clock()
        while self._calls:
            oldest = next(iter(self._calls))
            if self._calls[oldest].expires > now:
                return
            del self._calls[oldest]
