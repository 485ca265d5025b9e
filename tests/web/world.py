"""A door as tests see it: a switchboard that rings nobody, a store that may be away, and real HTTP on loopback.

What the switchboard takes is written into the real store of development, in the way that the service has it written.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import aiohttp
import structlog
from multidict import CIMultiDict

from otpvoice import logs
from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.registry import Registry
from otpvoice.adapters.sealing import Sealer
from otpvoice.adapters.store import Change, Erased, Page, Registration, Told
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.chronicle import Allowance, Chronicle
from otpvoice.core.events import Event
from otpvoice.core.flow import CallFlow
from otpvoice.core.idempotency import Claim
from otpvoice.core.outcome import Ending, Fault, OwnAction, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord, State
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.stasis import NotTaken, Trunk
from otpvoice.web.app import Health, Hook, make_app
from otpvoice.web.auth import Account
from otpvoice.web.ports import Counts
from otpvoice.web.server import Listener, listen

T = TypeVar("T")

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


FICTION: Final = "+12025550100"
"""A number that only a test key may name here."""
REHEARSAL: Final = replace(DEFAULTS, destinations=Destinations(("+44", FICTION)))
ACCOUNTS: Final = (
    Account("shop", (digest(KEY), digest(SECOND_KEY), digest(TEST_KEY)), DEFAULTS, REHEARSAL),
    Account("other", (digest(OTHER_KEY),), DEFAULTS),
)
SECRET: Final = bytes(range(32))


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


class FakeStore:
    """A store, that of development by default, as the service has it.

    ``fault``: what every question raises; ``asked``: how many there were; ``failed``: one was asked in vain.
    """

    def __init__(self, store: MemoryStore | RedisStore | None = None, accounts: Sequence[Account] = ACCOUNTS) -> None:
        self.accounts = accounts
        self.lose_all(store)
        self.fault: Exception | None = None
        self.failed = asyncio.Event()
        self.asked = 0

    def lose_all(self, store: MemoryStore | RedisStore | None = None) -> None:
        """Know nothing any more; or what this store knows."""
        self.memory = store or MemoryStore(ttl=3600)
        self.writes = KeptWrites(self.memory)
        self.chronicle = Chronicle(
            self.memory, self.writes, {account.id: Allowance() for account in self.accounts}, lambda _: None
        )

    async def keep(self, record: dict[str, Any]) -> None:
        """Write a record as it is."""
        change = Change(record)
        await (self.memory.finish(change) if record["state"] == State.ENDED else self.memory.save(change))

    async def settled(self) -> None:
        """Wait until all is written."""
        while self.writes.pending:  # noqa: ASYNC110 - it has no event for that
            await asyncio.sleep(0)

    async def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        self.asked += 1
        if self.fault is not None:
            question.close()
            self.failed.set()
            raise self.fault
        return await question

    async def get(self, account: str, call_id: str, /) -> dict[str, Any] | None:
        """Return a record."""
        return await self._ask(self.chronicle.get(account, call_id))

    async def page(self, account: str, /, *, limit: int, cursor: str | None = None, state: str | None = None) -> Page:
        """Return calls."""
        return await self._ask(self.chronicle.page(account, limit=limit, cursor=cursor, state=state))

    async def erase(self, account: str, call_id: str, /) -> Erased:
        """Forget a call."""
        return await self._ask(self.chronicle.erase(account, call_id))

    async def claim(self, account: str, call_id: str, fingerprint: str, token: str, /) -> Claim:
        """Claim an idempotency key."""
        return await self._ask(self.memory.claim(account, call_id, fingerprint, token))

    async def release(self, account: str, call_id: str, token: str, /) -> None:
        """Give it back."""
        await self._ask(self.memory.release(account, call_id, token))

    async def after(
        self, account: str, position: str | None, /, *, call_id: str | None = None, limit: int = 100
    ) -> Sequence[Told]:
        """Return events."""
        return await self._ask(self.memory.after(account, position, call_id=call_id, limit=limit))

    async def position(self, account: str, event_id: str, /) -> str | None:
        """Return where an event is."""
        return await self._ask(self.memory.position(account, event_id))

    async def latest(self, account: str, /) -> str:
        """Return where the events end."""
        return await self._ask(self.memory.latest(account))

    async def wait(self, account: str, position: str, seconds: float, /) -> bool:
        """Wait for an event."""
        return await self._ask(self.memory.wait(account, position, seconds))

    async def registered(self, account: str, /) -> Sequence[Registration]:
        """Return what is registered."""
        return await self._ask(self.memory.registered(account))

    async def register(self, account: str, registration: Registration, /) -> None:
        """Keep an endpoint."""
        await self._ask(self.memory.register(account, registration))

    async def unregister(self, account: str, name: str, /) -> Registration | None:
        """Forget an endpoint."""
        return await self._ask(self.memory.unregister(account, name))

    async def enable(self, account: str, endpoint: str, /) -> bool:
        """Send there again."""
        return await self._ask(self.memory.enable(account, endpoint))

    async def ping(self) -> None:
        """Return if all is well."""
        await self._ask(self.memory.ping())


@dataclass
class Switchboard:
    """Calls that never ring. ``fault``: what ``place`` raises. ``gate``: what it waits for. ``weak``: takes nobody."""

    store: FakeStore
    instance: str = "otp-1"
    draining: bool = False
    nodes: list[FakeNode] = field(default_factory=lambda: [FakeNode()])
    fault: Exception | None = None
    weak: bool = False
    gate: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    placed: list[tuple[CallPlan, Trunk, str, str]] = field(default_factory=list)
    rehearsed: list[tuple[CallPlan, str, str]] = field(default_factory=list)
    refused: list[tuple[CallPlan, Fault, str, str]] = field(default_factory=list)
    live: dict[str, CallRecord] = field(default_factory=dict)
    hung_up: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Calls in progress."""
        return len(self.live)

    def check_strength(self) -> None:
        """Is there any left?"""
        if self.weak:
            raise NotTaken("overloaded", 3)

    async def place(
        self,
        plan: CallPlan,
        trunk: Trunk,
        *,
        account: str,
        door: str,
        call_id: str | None = None,
        token: str | None = None,
    ) -> dict[str, Any]:
        """Take a call."""
        record = await self._take(plan, account, door, call_id, token)
        self.placed.append((plan, trunk, account, door))
        return record

    async def rehearse(
        self, plan: CallPlan, *, account: str, door: str, call_id: str | None = None, token: str | None = None
    ) -> dict[str, Any]:
        """Take a call of a test key."""
        record = await self._take(plan, account, door, call_id, token, test=True)
        self.rehearsed.append((plan, account, door))
        return record

    async def prepare(
        self,
        plan: CallPlan,
        trunk: Trunk,
        *,
        account: str,
        door: str,
        call_id: str | None = None,
        token: str | None = None,
        test: bool = False,
    ) -> dict[str, Any]:
        """Take a call that waits."""
        record = await self._take(plan, account, door, call_id, token, test=test, state=State.WAITING)
        self.placed.append((plan, trunk, account, door))
        return record

    async def refuse(
        self,
        plan: CallPlan,
        *,
        fault: Fault,
        account: str,
        door: str,
        call_id: str | None = None,
        token: str | None = None,
        test: bool = False,
    ) -> dict[str, Any]:
        """Take a call that ends at once."""
        record = await self._take(plan, account, door, call_id, token, test=test, refused=fault)
        self.refused.append((plan, fault, account, door))
        return record

    async def _take(
        self, plan: CallPlan, account: str, door: str, call_id: str | None, token: str | None, **more: Any
    ) -> dict[str, Any]:
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        record = CallRecord(
            id=call_id or f"call_{len(self.placed) + len(self.rehearsed) + len(self.refused) + 1}",
            account=account,
            door=door,
            plan=plan,
            proof=CallFlow(plan, LOCALES).proof,
            node=None if plan.inbound else "node",
            instance=self.instance,
            created_at=1_800_000_000.0,
            **more,
        )
        await self.store.chronicle.accept(record, token=token)
        self.live[record.id] = record
        self.done.set()
        return record.to_json()

    def find(self, account: str, call_id: str, /) -> CallRecord | None:
        """Return a live call of the account."""
        record = self.live.get(call_id)
        return record if record is not None and record.account == account else None

    def hang_up(self, call_id: str, /) -> None:
        """Remember."""
        self.hung_up.append(call_id)

    async def happen(self, call_id: str, *events: Event) -> None:
        """Let something happen to a call."""
        record = self.live[call_id]
        for event in events:
            record.note(event)
            self.store.chronicle.follow(record, event)
        await self.store.settled()

    async def end(self, call_id: str) -> None:
        """Let a call end."""
        record = self.live.pop(call_id)
        record.end(classify(Ending(answered=True, own=OwnAction.HANG_UP_BY_PLAN)), record.created_at + 9.0)
        self.store.chronicle.finish(record)
        await self.store.settled()


class Door:
    """Both doors on one address, and a client with the shop's key."""

    def __init__(self, http: aiohttp.ClientSession, listener: Listener, calls: Switchboard, store: FakeStore) -> None:
        self.http, self.listener, self.calls, self.store = http, listener, calls, store
        self.base = f"http://127.0.0.1:{listener.port}"

    async def ask(
        self, method: str, path: str, *, key: str | None = KEY, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Answer:
        """Ask for something; ``json=`` or ``data=`` is the body."""
        sent = CIMultiDict(headers or {})
        if key:
            sent.setdefault("Authorization", f"Bearer {key}")
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


def hook_of(calls: Switchboard, store: FakeStore, *, secret: bytes | None = SECRET) -> Hook:
    """Return the door for applications."""
    names = {name for account in store.accounts for name in account.defaults.trunks}
    trunks = {name: Trunk(name, "PJSIP/{number}@trunk") for name in names}
    registry = Registry(store, Sealer(secret) if secret is not None else None)
    return Hook(calls, store, store, store, store.accounts, trunks, secret, registry)


@asynccontextmanager
async def opened(
    *,
    secret: bytes | None = SECRET,
    store: MemoryStore | RedisStore | None = None,
    accounts: Sequence[Account] = ACCOUNTS,
    counts: Counts | None = None,
) -> AsyncIterator[Door]:
    """Open the doors, before a store of their own or this one, which is closed with them."""
    shop = FakeStore(store, accounts)
    calls = Switchboard(shop)
    app = make_app(hook=hook_of(calls, shop, secret=secret), health=Health(calls, shop), counts=counts)
    listener = await listen(app, "127.0.0.1", 0)
    async with aiohttp.ClientSession() as http:
        try:
            yield Door(http, listener, calls, shop)
        finally:
            await listener.close()
            await shop.writes.drain(1.0)
            await shop.memory.close()
