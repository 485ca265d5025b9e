"""Call records and what is told of them, in Redis: a Store but for its connection."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from otpvoice.adapters.store import (
    Change,
    ClaimLost,
    DestinationBusy,
    Erased,
    Limited,
    Owner,
    Page,
    StoreUnavailable,
    Taken,
    Terms,
    Verdict,
    keys,
)
from otpvoice.adapters.store.change import going_on, over
from otpvoice.adapters.store.owning import plan_of, written
from otpvoice.adapters.store.pages import Entry, last_seen, next_cursor
from otpvoice.adapters.store.record import ENDED, decode, encode, nameable, standing_before
from otpvoice.adapters.store.redis.connection import Argument, Connection
from otpvoice.adapters.store.redis.tail import Tail

_CHUNK: Final = 100
"""Records that are read at once, while a page is filled."""


class Calls:
    """The records; see Store."""

    _server: Connection
    _tail: Tail
    _ttl_ms: int
    _dead_letters: int
    _owner: Owner

    async def accept(self, change: Change, terms: Terms, /) -> Verdict:
        """Write a new call, if the terms hold; see Store."""
        key = going_on(change)
        limits: list[tuple[Argument, ...]] = [
            (limit.name, keys.window(limit.name, limit.key, limit.seconds), limit.most, round(limit.seconds * 1000))
            for limit in terms.limits
        ]
        word, *more = await self._server.run(
            "accept",
            key.account,
            *self._record(change),
            terms.token or "",
            "" if terms.destination is None else keys.digest(terms.destination),
            round(terms.lock_seconds * 1000) or self._ttl_ms,
            "" if terms.most_in_progress is None else terms.most_in_progress,
            len(limits),
            *chain.from_iterable(limits),
            *_told(change),
        )
        match word:
            case b"taken":
                self._tail.told(key.account, more[0])
                return Taken()
            case b"busy":
                return DestinationBusy(more[0].decode())
            case b"limited":
                return Limited(more[0].decode(), more[1] / 1000)
            case _:
                return ClaimLost()

    async def save(self, change: Change, /) -> bool:
        """Write a call that goes on; see Store."""
        key = going_on(change)
        standing = f" {' '.join(standing_before(change.record['state']))} "
        return await self._write("save", key.account, *self._record(change), standing, *_told(change))

    async def finish(self, change: Change, /) -> bool:
        """Write a call that ended, and its summary; see Store."""
        key = over(change)
        return await self._write("finish", key.account, *self._record(change), *_told(change))

    async def get(self, account: str, call_id: str, /) -> dict[str, Any] | None:
        """The record or None; see Store."""
        if not (nameable(account) and nameable(call_id)):
            return None
        stored = await self._server.within_deadline(self._server.redis.get(keys.call(account, call_id)))
        if stored is None:
            return None
        record = decode(stored)
        if record is None:
            raise StoreUnavailable("unreadable_record")
        return record

    async def page(self, account: str, /, *, limit: int, cursor: str | None = None, state: str | None = None) -> Page:
        """The account's calls, newest first; see Store. A record that can't be read is skipped."""
        last = last_seen(cursor)
        if not nameable(account):
            return Page((), None)
        found: list[tuple[Entry, dict[str, Any]]] = []
        while len(found) <= limit:
            entries = await (
                self._listed(account, last) if state is None or state == ENDED else self._in_progress(account, last)
            )
            if not entries:
                break
            last = entries[-1]
            found += [
                (entry, record)
                for entry, record in zip(entries, await self._read(account, entries), strict=True)
                if record is not None and state in {None, record.get("state")}
            ]
        return Page(tuple(record for _, record in found[:limit]), next_cursor([entry for entry, _ in found], limit))

    async def erase(self, account: str, call_id: str, /) -> Erased:
        """Forget a call that ended; see Store."""
        if not (nameable(account) and nameable(call_id)):
            return Erased.UNKNOWN
        return Erased((await self._server.run("erase", account, call_id)).decode())

    def _record(self, change: Change) -> tuple[Argument, ...]:
        counts = self._ttl_ms if change.counts_within is None else round(change.counts_within * 1000)
        kept: tuple[Argument, ...] = (self._ttl_ms, self._dead_letters, counts)
        return (change.record["id"], encode(change.record), *kept, written(self._owner), *_left(change))

    async def _write(self, script: str, account: str, *arguments: Argument) -> bool:
        taken, last = await self._server.run(script, account, *arguments)
        self._tail.told(account, last)
        return bool(taken)

    async def _listed(self, account: str, last: Entry | None) -> Sequence[Entry]:
        """The next calls of all after this one."""
        newest: float | str = "+inf" if last is None else last.at
        offset = 0
        # Several may be of one millisecond: among these it goes on behind the last one by its id.
        while True:
            answer = await self._server.within_deadline(
                self._server.redis.zrange(
                    keys.calls(account),
                    newest,
                    "-inf",
                    desc=True,
                    withscores=True,
                    byscore=True,
                    offset=offset,
                    num=_CHUNK,
                )
            )
            entries = [Entry(at, member.decode()) for member, at in answer]
            later = entries if last is None else [entry for entry in entries if entry < last]
            if later or not entries:
                return later
            offset += len(entries)

    async def _in_progress(self, account: str, last: Entry | None) -> Sequence[Entry]:
        """The next calls after this one of those that have not ended: as few as there are lines."""
        redis = self._server.redis
        ids = await self._server.within_deadline(redis.zrange(keys.live(account), 0, -1))
        if not ids:
            return ()
        times = await self._server.within_deadline(redis.zmscore(keys.calls(account), ids))
        entries = sorted(
            (Entry(at, member.decode()) for member, at in zip(ids, times, strict=True) if at is not None), reverse=True
        )
        return [entry for entry in entries if last is None or entry < last][:_CHUNK]

    async def _read(self, account: str, entries: Sequence[Entry]) -> Sequence[dict[str, Any] | None]:
        names = [keys.call(account, entry.id) for entry in entries]
        stored = await self._server.within_deadline(self._server.redis.mget(names))
        return [None if text is None else decode(text) for text in stored]


def _left(change: Change) -> tuple[Argument, ...]:
    if change.estate is None:
        return "", "", "", 0
    plan, kept = plan_of(change) or (b"", 0)
    return round(change.estate.over_within * 1000), change.estate.telling, plan, kept


def _told(change: Change) -> list[Argument]:
    told: list[Argument] = [len(change.events)]
    for event in change.events:
        told += (event.id, event.number, event.type, event.body, event.endpoint or "")
    for message in change.messages:
        told += (message.id, message.type, message.body, message.endpoint, message.auth or "")
    return told
