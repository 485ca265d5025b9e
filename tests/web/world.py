"""A door as tests see it: a switchboard that remembers what it was told, a store, and real HTTP on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import structlog

from otpvoice import logs
from otpvoice.adapters.locales import load_locales
from otpvoice.core.flow import CallFlow
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord, State
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.stasis import Trunk
from otpvoice.web.app import Health, Hook, make_app
from otpvoice.web.auth import Account
from otpvoice.web.server import Listener, listen

KEY: Final = "key-of-the-shop-0123456789"
SECOND_KEY: Final = "the-shop-s-next-key-012345"
OTHER_KEY: Final = "key-of-somebody-else-01234"
TEST_KEY: Final = "otp_test_0123456789abcdef0"
NUMBER: Final = "+442079460123"
CODE: Final = "918273"
BODY: Final = {"to": NUMBER, "code": CODE}
LOCALES: Final = load_locales()

DEFAULTS: Final = CallDefaults(
    trunks={"default": TrunkOffer("default", ("+442079460000",))},
    destinations=Destinations(("+44",)),
    language="en-US",
)


def digest(key: str) -> bytes:
    """SHA-256 of a key."""
    return hashlib.sha256(key.encode()).digest()


ACCOUNTS: Final = (
    Account("shop", (digest(KEY), digest(SECOND_KEY), digest(TEST_KEY)), DEFAULTS),
    Account("other", (digest(OTHER_KEY),), DEFAULTS),
)


@dataclass
class Legs:
    """Media legs of a node."""

    free: int = 8
    taken: int = 0
    wedged: bool = False


@dataclass(frozen=True)
class Named:
    """What a node is called."""

    name: str


@dataclass
class FakeNode:
    """One Asterisk, up unless it is told otherwise."""

    settings: Named = field(default_factory=lambda: Named("http://127.0.0.1:8088"))
    connected: bool = True
    replaced: bool = False
    reason: str = ""
    version: str = "22.10.1"
    pool: Legs = field(default_factory=Legs)

    @property
    def ready(self) -> bool:
        """As the node itself has it."""
        return self.connected and not self.replaced and not self.pool.wedged


@dataclass
class Switchboard:
    """Calls that never ring. ``fault``: what ``place`` raises. ``gate``: what it waits for."""

    instance: str = "otp-1"
    draining: bool = False
    nodes: list[FakeNode] = field(default_factory=lambda: [FakeNode()])
    fault: Exception | None = None
    gate: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    placed: list[tuple[CallPlan, Trunk, str, str]] = field(default_factory=list)
    live: dict[str, CallRecord] = field(default_factory=dict)
    hung_up: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Calls in progress."""
        return len(self.live)

    async def prepare(self, plan: CallPlan, trunk: Trunk, *, account: str, door: str) -> dict[str, Any]:
        """Take a call that waits."""
        await self.place(plan, trunk, account=account, door=door)
        record = self.live[f"call_{len(self.placed)}"]
        record.state, record.node = State.WAITING, None
        return record.to_json()

    async def place(self, plan: CallPlan, trunk: Trunk, *, account: str, door: str) -> dict[str, Any]:
        """Take a call."""
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.placed.append((plan, trunk, account, door))
        proof = CallFlow(plan, LOCALES).proof
        record = CallRecord(
            id=f"call_{len(self.placed)}",
            account=account,
            door=door,
            plan=plan,
            proof=proof,
            node="node",
            instance=self.instance,
            created_at=1_800_000_000.0,
        )
        self.live[record.id] = record
        self.done.set()
        return record.to_json()

    def find(self, account: str, call_id: str) -> CallRecord | None:
        """Return a live call of the account."""
        record = self.live.get(call_id)
        return record if record is not None and record.account == account else None

    def hang_up(self, call_id: str) -> None:
        """Remember."""
        self.hung_up.append(call_id)


@dataclass
class FakeStore:
    """Records by account and id. ``fault``: what everything raises."""

    records: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    fault: Exception | None = None
    asked: int = 0
    failed: asyncio.Event = field(default_factory=asyncio.Event)

    async def get(self, account: str, call_id: str) -> dict[str, Any] | None:
        """Return a record."""
        self.asked += 1
        if self.fault is not None:
            self.failed.set()
            raise self.fault
        return self.records.get((account, call_id))

    async def ping(self) -> None:
        """Return if all is well."""
        self.asked += 1
        if self.fault is not None:
            raise self.fault


class Door:
    """Both doors on one address, and a client with the shop's key."""

    def __init__(self, http: aiohttp.ClientSession, listener: Listener, calls: Switchboard, store: FakeStore) -> None:
        self.http, self.listener, self.calls, self.store = http, listener, calls, store
        self.base = f"http://127.0.0.1:{listener.port}"

    async def ask(
        self, method: str, path: str, *, key: str | None = KEY, headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        """Ask for something; ``json=`` or ``data=`` is the body."""
        sent = ({"Authorization": f"Bearer {key}"} if key else {}) | (headers or {})
        async with self.http.request(method, self.base + path, headers=sent, **more) as response:
            content = await response.read()
            is_json = response.content_type.endswith("json") and content
            body = await response.json(content_type=None) if is_json else None
            return Answer(response.status, body, response)

    async def send(self, request: bytes, until: Callable[[bytes], bool] = lambda _: False) -> bytes:
        """Send these very bytes on a connection of their own; return what comes back until the end, or ``until``."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.listener.port)
        try:
            writer.write(request)
            answer = b""
            async with asyncio.timeout(10):
                while not until(answer) and (some := await reader.read(65_536)):
                    answer += some
            return answer
        finally:
            writer.close()
            await writer.wait_closed()


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    response: aiohttp.ClientResponse

    @property
    def headers(self) -> Any:
        """Its headers."""
        return self.response.headers


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Send all logs into a text, as JSON lines; afterwards logging is as it was."""
    root, output = logging.getLogger(), io.StringIO()
    level, handlers = root.level, list(root.handlers)
    logs.configure("json", "debug", output, cache=False)
    try:
        yield output
    finally:
        structlog.reset_defaults()
        root.setLevel(level)
        root.handlers[:] = handlers


@asynccontextmanager
async def opened() -> AsyncIterator[Door]:
    """Open the doors."""
    calls, store = Switchboard(), FakeStore()
    hook = Hook(calls, store, ACCOUNTS, {"default": Trunk("default", "PJSIP/{number}@trunk")})
    listener = await listen(make_app(hook=hook, health=Health(calls, store)), "127.0.0.1", 0)
    async with aiohttp.ClientSession() as http:
        try:
            yield Door(http, listener, calls, store)
        finally:
            await listener.close()
