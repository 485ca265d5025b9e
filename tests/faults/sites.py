"""A service in a process of its own, the Redis it writes to, and phones to be called: all that a customer has.

It asks the service by HTTP, reads its log and its Redis, and knows nothing of its inside.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Call
from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance
from tests.fakes import FakeAsterisk
from tests.faults.asking import Asking
from tests.scenarios.phones import SOON, AgentNetwork, AgentPhone, Answers, FakeNetwork, NeverAnswers, Phone, Rejects

POLL: Final = 0.05
LEGS: Final = 2
"""Media legs that are ready when nothing happens."""
_sites = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. ``retry_after``: the header, as it came."""

    status: int
    body: dict[str, Any]
    retry_after: str | None = None

    @property
    def code(self) -> Any:
        """The problem's code."""
        return self.body.get("code")

    @property
    def reasons(self) -> list[str]:
        """Why it is not ready."""
        return [reason["code"] for reason in self.body["reasons"]]


class Site:
    """Made by ``open_site``. Every wait takes ``within`` seconds, else ``TimeoutError``."""

    def __init__(
        self,
        instance: str,
        service: ServeInstance,
        redis: RedisInstance,
        network: AgentNetwork | FakeNetwork,
        http: aiohttp.ClientSession,
    ) -> None:
        self.instance, self.service, self.redis, self.network = instance, service, redis, network
        self.leg_prefix = f"otpvoice-{instance}-leg-"
        self.phones: list[Phone] = []
        self.calls: list[str] = []
        self._http = http

    # --- phones -----------------------------------------------------------------------------------------------------

    def answers(self, ring: float = 0.0) -> Phone:
        """Return a phone that rings for so many seconds and picks up."""
        return self._phone(Answers(ring))

    def never_answers(self) -> Phone:
        """Return a phone that rings, and nobody picks up."""
        return self._phone(NeverAnswers())

    def rejects(self, status: int) -> Phone:
        """Return a phone that refuses."""
        return self._phone(Rejects(status))

    def _phone(self, manner: Answers | NeverAnswers | Rejects) -> Phone:
        phone = self.network.phone(manner)
        self.phones.append(phone)
        return phone

    @property
    def invites(self) -> int:
        """Count the INVITEs that came out of Asterisk."""
        assert isinstance(self.network, AgentNetwork)
        return len(self.network.agent.calls)

    # --- HTTP -------------------------------------------------------------------------------------------------------

    async def post(self, phone: Phone, *actions: dict[str, Any], **fields: Any) -> Answer:
        """Ask for a call; again, as an application does, where the machine has no strength for it just now."""
        body = {"to": phone.number, "actions": actions} | fields
        async with asyncio.timeout(SOON):
            while (answer := await self.ask("POST", "/v1/calls", json=body)).code == "overloaded":  # noqa: ASYNC110
                await asyncio.sleep(float(answer.retry_after or 1))
        if answer.status == 202:
            self.calls.append(answer.body["id"])
        return answer

    async def place(self, phone: Phone, *actions: dict[str, Any], **fields: Any) -> str:
        """Ask for a call and get it. Returns its id."""
        answer = await self.post(phone, *actions, **fields)
        assert answer.status == 202, answer
        return str(answer.body["id"])

    async def show(self, call_id: str) -> Answer:
        """Ask for a call's record."""
        return await self.ask("GET", f"/v1/calls/{call_id}")

    async def readyz(self) -> Answer:
        """Ask whether it is ready."""
        return await self.ask("GET", "/readyz")

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request, with the key."""
        async with self._http.request(method, self.service.url + path, **options) as answer:
            return Answer(answer.status, await answer.json(content_type=None), answer.headers.get("Retry-After"))

    async def followed(self, call_id: str) -> list[str]:
        """Return what a call's stream of events told until it ended, by type."""
        headers, path = {"Accept": "text/event-stream"}, f"/v1/calls/{call_id}/events"
        async with self._http.get(f"{self.service.url}{path}", headers=headers) as answer:
            assert answer.status == 200
            lines = (await answer.text()).splitlines()
        return [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]

    async def metrics(self) -> bytes:
        """Scrape it."""
        async with self._http.get(f"{self.service.url}/metrics", headers={"Authorization": ""}) as answer:
            assert answer.status == 200
            return await answer.read()

    async def not_ready(self, reason: str, within: float = SOON) -> Answer:
        """Wait until ``/readyz`` says no, for this reason."""
        async with asyncio.timeout(within):
            while True:
                answer = await self.readyz()
                if answer.status == 503 and reason in answer.reasons:
                    return answer
                await asyncio.sleep(POLL)

    async def full(self, within: float = SOON) -> None:
        """Wait until it is ready and all legs that are to wait do."""
        async with asyncio.timeout(within):
            while True:
                answer = await self.readyz()
                if answer.status == 200 and answer.body["nodes"][0]["legs"]["free"] >= LEGS:
                    return
                await asyncio.sleep(POLL)

    async def legs_back(self, within: float = SOON) -> None:
        """Wait until no call has a media leg any more: each is proven clean first."""
        async with asyncio.timeout(within):
            while True:
                if (await self.readyz()).body["nodes"][0]["legs"]["taken"] == 0:
                    return
                await asyncio.sleep(POLL)

    # --- its log ----------------------------------------------------------------------------------------------------

    async def told(self, event: str, call: str | None = None, count: int = 1, within: float = SOON) -> dict[str, Any]:
        """Wait for the ``count``-th line of this kind (about this call) since its log began."""
        async with asyncio.timeout(within):
            async for line in self.service.events():
                if line["event"] == event and call in (None, line.get("call")):
                    count -= 1
                    if count == 0:
                        return line
        raise AssertionError(f"it ended without {event}")

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return all lines of this kind that it wrote so far."""
        lines = map(json.loads, self.service.log_path.read_text().splitlines())
        return [line for line in lines if line["event"] == event]

    # --- its Redis --------------------------------------------------------------------------------------------------

    async def summary(self, call_id: str, within: float = SOON) -> dict[str, Any]:
        """Wait for a call's summary in the stream. There must be one; and it is what the call's key holds."""
        async with asyncio.timeout(within), Redis.from_url(self.redis.url) as redis:
            while True:
                try:
                    found = [summary for summary in await summaries(redis) if summary["id"] == call_id]
                except (RedisError, OSError):
                    found = []  # it is away
                if found:
                    break
                await asyncio.sleep(POLL)
            assert len(found) == 1
            assert json.loads(await redis.get(f"otpvoice:{{default}}:call:{call_id}") or "null") == found[0]
            return found[0]

    async def all_summaries(self) -> list[dict[str, Any]]:
        """Return all summaries there are, in the order in which they were written."""
        async with Redis.from_url(self.redis.url) as redis:
            return await summaries(redis)

    # --- Asterisk ---------------------------------------------------------------------------------------------------

    async def left(self, asterisk: AsteriskInstance) -> list[str]:
        """Return what Asterisk still has of this service: channels and bridges, by id."""
        ours = (self.leg_prefix, *self.calls)
        async with Asking(asterisk) as ask:
            objects = [*await ask("channels"), *await ask("bridges")]
        # The last field is the channel's id.
        shown = [line.split("!")[-1] for line in (await asterisk.cli("core show channels concise")).splitlines()]
        return [one for one in (*(found["id"] for found in objects), *shown) if one.startswith(ours)]


async def delivers(site: Site) -> None:
    """The next call is delivered."""
    phone = site.answers()
    summary = await site.summary(await site.place(phone, say_code("705")))
    assert verdict(summary) == ("completed", None, "plan")
    assert summary["delivered"] is True
    assert phone.rung == 1


async def refuses(site: Site, code: str) -> None:
    """A call is refused, for this reason, and nobody is rung."""
    phone = site.answers()
    answer = await site.post(phone, say_code("705"))
    assert (answer.status, answer.code) == (503, code)
    assert answer.retry_after is not None
    assert phone.rung == 0


async def summaries(redis: Redis) -> list[dict[str, Any]]:
    """Return all summaries in the stream."""
    entries: list[Any] = await redis.xrange("otpvoice:{default}:summaries") or []
    return [json.loads(fields[b"summary"]) for _, fields in entries]


def call_of(phone: Phone) -> Call:
    """Return a phone's last call, as its agent knows it."""
    assert isinstance(phone, AgentPhone)
    return phone.call


def verdict(summary: dict[str, Any]) -> tuple[str, str | None, str]:
    """Return class, reason and who ended it."""
    return summary["outcome"]["class"], summary["outcome"]["reason"], summary["outcome"]["ended_by"]


def say_code(code: str, times: int = 1, **fields: Any) -> dict[str, Any]:
    """Return the action that reads a code, quickly and with nothing around it."""
    quick = {"template": "{code}", "gap": 0.1, "group": 0, "speed": 1.5, "slow_down": 0}
    return {"type": "say_code", "code": code, "times": times} | quick | fields


def gather(count: int, **fields: Any) -> dict[str, Any]:
    """Return the action that collects keys, and waits long for them."""
    return {"type": "gather", "max_digits": count, "first_digit_timeout": 60} | fields


@asynccontextmanager
async def open_site(
    folder: Path,
    asterisk: AsteriskInstance | FakeAsterisk,
    *,
    ari_url: str | None = None,
    redis_url: str | None = None,
    redis: RedisInstance | None = None,
    ready: bool = True,
    serve: type[ServeInstance] = ServeInstance,
    **settings: Any,
) -> AsyncIterator[Site]:
    """Start a service with a Redis that keeps what it has. ``ari_url`` and ``redis_url``: by way of a proxy.

    ``serve``: what is started. ``settings``: those that are not as below, by name.
    """
    name = f"s{next(_sites)}"
    async with AsyncExitStack() as stack:
        if redis is None:
            redis = await stack.enter_async_context(await RedisInstance.start(folder / "redis", appendonly=True))
        network: AgentNetwork | FakeNetwork
        if isinstance(asterisk, FakeAsterisk):
            network = FakeNetwork(asterisk)
            login = {"ari_url": asterisk.url, "ari_user": asterisk.user, "ari_password": asterisk.password}
        else:
            network = await stack.enter_async_context(AgentNetwork())
            login = {"ari_url": asterisk.ari_url, "ari_user": asterisk.ari_user, "ari_password": asterisk.ari_password}
        if ari_url is not None:
            login["ari_url"] = ari_url
        values = {
            "instance": name,
            "ari_app": f"otpvoice-{name}",
            **login,
            "trunk": network.dial,
            "caller_ids": "+15550199",
            "allow_destinations": "+1555",
            "redis_url": redis_url or redis.url,
            "media_legs": f"{LEGS}:20",
            "lead_in": 0.1,
            "tail": 0.1,
        } | settings
        service = await stack.enter_async_context(await serve.start(folder / name, values))
        http = await stack.enter_async_context(aiohttp.ClientSession(headers=service.headers))
        site = Site(str(values["instance"]), service, redis, network, http)
        if ready:
            await site.full()
        yield site
