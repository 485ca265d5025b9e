"""Where webhooks go in the tests: a server that behaves as it is told, and an outbox with a clock of its own."""

from __future__ import annotations

import asyncio
import base64
import socket
import struct
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from aiohttp import web
from standardwebhooks import Webhook

from otpvoice.adapters.store.ports import Delivery, Depth, Letter, StoreUnavailable
from otpvoice.adapters.webhooks import AccountHooks
from otpvoice.trust.signing_secret import parse_secret

T = TypeVar("T")
SOON = 20.0
NOW = 1_800_000_000.0
NEW, OLD = ("whsec_" + base64.b64encode(bytes(range(first, first + 32))).decode() for first in (100, 0))
PIECE = bytes(65_536)


def hooks(*trusted: str) -> AccountHooks:
    """Two secrets, and these endpoints."""
    return AccountHooks((parse_secret(NEW), parse_secret(OLD)), frozenset(trusted))


@dataclass(frozen=True, slots=True)
class Posted:
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self) -> None:
        """By the reference library, with either secret; at the time that was signed, which may be a virtual one."""
        at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        expected = [Webhook(secret).sign(self.id, at, self.body.decode()) for secret in (NEW, OLD)]
        assert self.headers["webhook-signature"].split(" ") == expected


class Sink:
    """An endpoint for each path. ``modes``: how a path answers; ``ok`` where nothing is said.

    ``ok`` · a status, or one with headers · ``hang`` until ``release`` · ``reset`` · ``huge``: 200 without end ·
    ``half``: of an answer. ``answers``: what ``ok`` says to a path; 204 where it is nothing.
    ``peak``: how many posts to a path there were at once.
    """

    def __init__(self) -> None:
        self.modes: dict[str, str | int | tuple[int, dict[str, str]]] = {}
        self.answers: dict[str, bytes] = {}
        self.posted: list[Posted] = []
        self.port = 0
        self.peak: Counter[str] = Counter()
        self.hung_up = asyncio.Event()
        self._inside: Counter[str] = Counter()
        self._open = False
        self._released: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._changed = asyncio.Condition()

    def url(self, path: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Posted]:
        return [one for one in self.posted if one.path == path]

    def release(self, *paths: str) -> None:
        """Answer what hangs at these paths; or what does anywhere, now and later."""
        self._open = self._open or not paths
        for path in paths or tuple(self._released):
            self._released[path].set()

    async def until(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON), self._changed:
            await self._changed.wait_for(seen)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        self._inside[path] += 1
        self.peak[path] = max(self.peak[path], self._inside[path])
        try:
            post = Posted(path, {name.lower(): value for name, value in request.headers.items()}, await request.read())
            async with self._changed:
                self.posted.append(post)
                self._changed.notify_all()
            return await self._respond(request, self.modes.get(path, "ok"))
        finally:
            self._inside[path] -= 1

    async def _respond(
        self, request: web.BaseRequest, mode: str | int | tuple[int, dict[str, str]]
    ) -> web.StreamResponse:
        match mode:
            case int(status):
                return web.Response(status=status)
            case (int(status), dict(headers)):
                return web.Response(status=status, headers=headers)
            case "hang":
                if not self._open:
                    await self._released[request.path].wait()
            case "half":
                started = web.StreamResponse(headers={"Content-Length": "10"})
                await started.prepare(request)
                await started.write(b"{")
                assert request.transport is not None
                request.transport.close()
            case "reset":
                assert request.transport is not None
                at_once = struct.pack("ii", 1, 0)
                request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
                request.transport.abort()
            case "huge":
                response = web.StreamResponse()
                await response.prepare(request)
                try:
                    while True:
                        await response.write(PIECE)
                except ConnectionError:
                    self.hung_up.set()
                    raise
        answer = self.answers.get(request.path)
        return web.Response(status=204) if answer is None else web.Response(body=answer)


@asynccontextmanager
async def opened_sink() -> AsyncIterator[Sink]:
    sink = Sink()
    runner = web.ServerRunner(web.Server(sink.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sink.port = runner.addresses[0][1]
    try:
        yield sink
    finally:
        sink.release()
        await runner.cleanup()


@dataclass(slots=True)
class _Entry:
    delivery: Delivery
    due_at: float | None
    """None: dead."""
    reason: str | None = None
    leased: bool = False


@dataclass
class TimedOutbox:
    """An Outbox in memory whose clock is ``now``. ``away``: it answers nothing; ``lost``: names of operations that are
    carried out and not answered, ``refused``: of those that are not even that. ``until`` waits for what it is to look
    like.
    """

    now: float = NOW
    away: bool = False
    lost: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    entries: dict[tuple[str, str], _Entry] = field(default_factory=dict)
    closed: set[tuple[str, str]] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def clock(self) -> float:
        return self.now

    def write(
        self,
        *ids: str,
        endpoint: str,
        account: str = "default",
        body: bytes | None = None,
        auth: str | None = None,
    ) -> None:
        """As a store does it for what was told of a call."""
        for event_id in ids:
            told = body if body is not None else f'{{"id":"{event_id}","text":"Ž"}}'.encode()
            delivery = Delivery(account, event_id, "call.ended", endpoint, 0, self.now, told, auth=auth)
            self.entries[account, event_id] = _Entry(delivery, self.now)

    def entry(self, event_id: str, account: str = "default") -> _Entry:
        return self.entries[account, event_id]

    def at_rest(self, event_id: str) -> bool:
        """Is it waiting for its time, or dead?"""
        return not self.entry(event_id).leased

    async def until(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON), self._changed:
            await self._changed.wait_for(seen)

    async def due(self, account: str, /) -> tuple[Sequence[str], float | None]:
        def find() -> tuple[Sequence[str], float | None]:
            waiting = [entry for entry in self._of(account) if entry.due_at is not None]
            due = [entry.delivery.endpoint for entry in waiting if self._is_due(entry)]
            later = [
                entry.due_at - self.now for entry in waiting if entry.due_at is not None and entry.due_at > self.now
            ]
            return tuple(dict.fromkeys(due)), min(later, default=None)

        return await self._do("due", find)

    async def take(self, account: str, endpoint: str, /, *, most: int, lease: float) -> Sequence[Delivery]:
        def find() -> Sequence[Delivery]:
            found = [one for one in self._of(account) if one.delivery.endpoint == endpoint and self._is_due(one)]
            for entry in found[:most]:
                entry.due_at, entry.leased = self.now + lease, True
            return [replace(entry.delivery, leased_until=entry.due_at) for entry in found[:most]]

        return await self._do("take", find)

    async def delivered(self, /, *deliveries: Delivery) -> None:
        def forget() -> None:
            for delivery in deliveries:
                self.entries.pop((delivery.account, delivery.id), None)

        await self._do("delivered", forget)

    async def give_back(self, /, *deliveries: Delivery) -> None:
        def let_go() -> None:
            for delivery in deliveries:
                entry = self.entries.get((delivery.account, delivery.id))
                if entry is not None and entry.leased and entry.due_at == delivery.leased_until:
                    entry.due_at, entry.leased = delivery.created_at, False

        await self._do("give_back", let_go)

    async def put_back(self, delivery: Delivery, seconds: float, reason: str, /) -> None:
        tried = replace(delivery, attempts=delivery.attempts + 1)
        await self._do("put_back", lambda: self._put(_Entry(tried, self.now + seconds, reason)))

    async def give_up(self, delivery: Delivery, reason: str, /) -> None:
        tried = replace(delivery, attempts=delivery.attempts + 1)
        await self._do("give_up", lambda: self._put(_Entry(tried, None, reason)))

    async def disable(self, account: str, endpoint: str, /) -> None:
        def close() -> None:
            self.closed.add((account, endpoint))
            for entry in self._of(account):
                if entry.delivery.endpoint == endpoint and entry.due_at is not None:
                    entry.due_at, entry.reason = None, "disabled"

        await self._do("disable", close)

    async def enable(self, account: str, endpoint: str, /) -> bool:
        there = (account, endpoint) in self.closed
        self.closed.discard((account, endpoint))
        return there

    async def disabled(self, account: str, /) -> Sequence[str]:
        return [endpoint for owner, endpoint in self.closed if owner == account]

    async def letters(self, account: str, /, *, dead: bool, limit: int = 100) -> Sequence[Letter]:
        return [
            Letter(account, it.id, it.type, it.endpoint, it.attempts, it.created_at, entry.reason, entry.due_at)
            for entry in self._of(account)
            for it in [entry.delivery]
            if (entry.due_at is None) is dead
        ][:limit]

    async def depth(self, account: str, /) -> Depth:
        dead = sum(entry.due_at is None for entry in self._of(account))
        return Depth(len(self._of(account)) - dead, dead)

    async def replay(self, account: str, event_id: str, /) -> bool:
        dead = self.entries.get((account, event_id))
        if dead is None or dead.due_at is not None:
            return False
        self.entries[account, event_id] = _Entry(replace(dead.delivery, attempts=0), self.now)
        return True

    async def _do(self, name: str, change: Callable[[], T]) -> T:
        async with self._changed:
            self.asked[name] += 1
            try:
                if self.away or name in self.refused:
                    raise StoreUnavailable("unreachable")
                done = change()
                if name in self.lost:
                    raise StoreUnavailable("connection_lost")
                return done
            finally:
                self._changed.notify_all()

    def _put(self, entry: _Entry) -> None:
        self.entries[entry.delivery.account, entry.delivery.id] = entry

    def _of(self, account: str) -> list[_Entry]:
        return [entry for (owner, _), entry in self.entries.items() if owner == account]

    def _is_due(self, entry: _Entry) -> bool:
        return entry.due_at is not None and entry.due_at <= self.now
