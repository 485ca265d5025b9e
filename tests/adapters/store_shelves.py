"""Both stores, seen from behind, and what is written to them: for all tests that say the same sentences of each."""

from __future__ import annotations

import re
from typing import Any, Protocol, cast

import orjson
from redis.asyncio import Redis

from otpvoice.adapters.store import (
    Change,
    Estates,
    Events,
    Keys,
    Message,
    Outbox,
    Owner,
    Registrations,
    Store,
    StoredEvent,
    keys,
)
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.redis import RedisStore

TTL = 3600.0
ACCOUNT = "default"
HOOK = "https://hooks.example/otp?token=t0ken"


def record(state: str, call_id: str = "call_1", account: str = ACCOUNT, **more: Any) -> dict[str, Any]:
    return {"schema": 1, "id": call_id, "account": account, "state": state, **more}


def event(call_id: str, number: int, endpoint: str | None = None, *, kind: str = "call.queued") -> StoredEvent:
    return StoredEvent(f"evt_{call_id}_{number}", number, kind, f'{{"n": {number}, "é": "\\u0000"}}'.encode(), endpoint)


def change(
    state: str, call_id: str = "call_1", *numbers: int, to: str | None = None, account: str = ACCOUNT, **more: Any
) -> Change:
    """Return a call and events of these numbers, all to be posted ``to`` this endpoint."""
    return Change(record(state, call_id, account, **more), tuple(event(call_id, number, to) for number in numbers))


def message(call_id: str, number: int, nth: int, to: str = HOOK, auth: str | None = "sealed=") -> Message:
    """Return what is told in another spelling: the so-manieth of its call, behind the event of that number."""
    whose = call_id.removeprefix("call_")
    return Message(f"evt_{whose}_{number}.{nth}", "told.otherwise", to, f'{{"nth": {nth}}}'.encode(), auth)


class WholeStore(Store, Estates, Keys, Events, Outbox, Registrations, Protocol):
    """All six ports."""


class Shelf(Protocol):
    """A store, seen from behind."""

    store: WholeStore

    def of(self, owner: Owner) -> WholeStore:
        """The same, for another owner."""

    async def plan(self, account: str, call_id: str) -> bytes | None:
        """The sealed plan that lies there."""

    async def summaries(self, account: str) -> list[tuple[str, dict[str, Any]]]:
        """The stream of an account."""

    async def grow_older(self, seconds: float) -> None:
        """Let time pass for all that is there."""


class MemoryShelf:
    def __init__(self, **options: Any) -> None:
        self._now = 1_800_000_000.0
        self.memory = MemoryStore(ttl=TTL, clock=lambda: self._now, **options)
        self.store: WholeStore = self.memory

    def of(self, owner: Owner) -> WholeStore:
        return self.memory.as_owner(owner)

    async def plan(self, account: str, call_id: str) -> bytes | None:
        shelf = self.memory._shelf(account)
        return shelf.plans.get(call_id, shelf.now())

    async def summaries(self, account: str) -> list[tuple[str, dict[str, Any]]]:
        return self.memory.summaries(account)

    async def grow_older(self, seconds: float) -> None:
        self._now += seconds


class RedisShelf:
    def __init__(self, url: str, **options: Any) -> None:
        self.redis: Any = Redis.from_url(url)
        self.store: WholeStore = RedisStore(url, ttl=TTL, **options)
        self._of: dict[Owner, WholeStore] = {}
        self._url, self._options = url, options

    def of(self, owner: Owner) -> WholeStore:
        if owner not in self._of:
            self._of[owner] = RedisStore(self._url, ttl=TTL, owner=owner, **self._options)
        return self._of[owner]

    async def close(self) -> None:
        for store in (self.store, *self._of.values()):
            await store.close()
        await self.redis.aclose()

    async def plan(self, account: str, call_id: str) -> bytes | None:
        return cast("bytes | None", await self.redis.get(keys.plan(account, call_id)))

    async def summaries(self, account: str) -> list[tuple[str, dict[str, Any]]]:
        entries = await self.redis.xrange(f"otpvoice:{{{account}}}:summaries")
        return [(fields[b"id"].decode(), orjson.loads(fields[b"summary"])) for _, fields in entries]

    async def grow_older(self, seconds: float) -> None:
        """The server's clock can't be set: all that was written is moved back instead."""
        back = round(seconds * 1000)
        for key in await self.redis.keys("otpvoice:*"):
            match await self.redis.type(key):
                case b"stream":
                    entries = await self.redis.xrange(key)
                    await self.redis.delete(key)
                    for entry_id, fields in entries:
                        await self.redis.xadd(key, fields, id=_moved(entry_id, back))
                case b"zset":
                    for member in await self.redis.zrange(key, 0, -1):
                        await self.redis.zincrby(key, -back, member)
                case b"hash" if b":trail:" in key or b":delivery:" in key:
                    for field, value in (await self.redis.hgetall(key)).items():
                        if field != b"body":
                            await self.redis.hset(key, field, _moved(value, back))
                case b"string" if b":event:" in key:
                    await self.redis.set(key, _moved(await self.redis.get(key), back), keepttl=True)
            left = await self.redis.pttl(key)
            if left > back:
                await self.redis.pexpire(key, left - back)
            elif left >= 0:
                await self.redis.delete(key)


def _moved(text: bytes, back: int) -> bytes:
    """Move an instant back: 13 digits at the beginning."""
    return re.sub(rb"^\d{13}\b", lambda found: b"%d" % (int(found[0]) - back), text)
