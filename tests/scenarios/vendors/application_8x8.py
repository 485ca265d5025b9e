"""An application as a customer of 8x8 has one, written from its public pages and knowing nothing of whom it talks to.

It posts callflows with its key, registers its webhooks, and serves them: it answers VCA by what was keyed, and keeps
VSS and VCS. It checks the header that it has registered, and that each post has what the pages say and nothing else.
It takes no post twice: an event that comes again is answered as before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import aiohttp
from aiohttp import web

from tests.scenarios.phones import SOON
from tests.scenarios.vendors.documents_8x8 import ANSWER, POSTED
from tests.scenarios.vendors.replies import answered
from tests.scenarios.vendors.tables import faults

Menu: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""What is done next, by the payload of a VCA: an object is answered, a number is a status, bytes are a body."""
LEAVES: Final = object()
"""The connection is closed, and nothing was said."""
TYPES: Final = ("VCA", "VSS", "VCS")


def action(name: str, /, **params: Any) -> dict[str, Any]:
    """Return an action of a callflow."""
    return {"action": name, "params": params} if params else {"action": name}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: Any


class NotSent(AssertionError):
    """The callflow was not taken."""


@dataclass(slots=True)
class Application:
    """``menus``: by the number that was called, without plus. ``wrong``: what is not as the pages say."""

    base: str
    subaccount: str
    key: str = field(repr=False)
    header: str = field(repr=False)
    http: aiohttp.ClientSession
    menus: dict[str, Menu] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    port: int = 0
    _events: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    _summaries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _answered: dict[str, Any] = field(default_factory=dict)
    _told: asyncio.Condition = field(default_factory=asyncio.Condition)

    # --- as a client ------------------------------------------------------------------------------------------------

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request with the key to ``…/subaccounts/{subAccountId}/`` and what follows there.

        Who is told to come later, does.
        """
        headers = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        url = f"{self.base}/api/v1/subaccounts/{self.subaccount}/{path}"
        async with asyncio.timeout(SOON):
            while True:
                async with self.http.request(method, url, headers=headers, **options) as answer:
                    if answer.status < 500 or "Retry-After" not in answer.headers:
                        return Answer(answer.status, await answer.json(content_type=None))
                await asyncio.sleep(float(answer.headers["Retry-After"]))

    async def register(self, types: Sequence[str] = TYPES) -> None:
        """Register its webhooks, as "Webhook Setup Guide for IVR" has it, and look whether they stand."""
        for kind in types:
            body = {"active": True, "type": kind, "url": self.url(kind), "httpAuthHeader": self.header}
            answer = await self.ask("POST", "webhooks", json=body)
            assert (answer.status, answer.body["statusCode"]) == (200, 0), answer
        shown = (await self.ask("GET", "webhooks")).body
        assert {one["type"]: one["url"] for one in shown["webhooks"]} == {kind: self.url(kind) for kind in types}
        assert all(one["enabled"] and one["httpAuthHeaderAvailable"] for one in shown["webhooks"])
        assert (shown["subAccountId"], shown["count"]) == (self.subaccount, len(types))

    async def post(self, body: Any) -> Answer:
        """Post a callflow, or what is meant to be one."""
        data = body if isinstance(body, str) else json.dumps(body)
        answer = await self.ask("POST", "callflows", data=data, headers={"Content-Type": "application/json"})
        self.wrong += faults(answer.body, ANSWER)
        return answer

    async def send(self, *callflow: dict[str, Any], **fields: Any) -> str:
        """Post a callflow and have it taken. Returns the session's id."""
        answer = await self.post({"callflow": callflow} | fields)
        if (answer.status, answer.body.get("statusCode")) != (200, 1):
            raise NotSent(answer)
        assert answer.body["sessionStatus"] == "CREATED"
        return str(answer.body["sessionId"])

    # --- as a server ------------------------------------------------------------------------------------------------

    def url(self, kind: str) -> str:
        """Where a type of webhook is received."""
        return f"http://127.0.0.1:{self.port}/voice/{kind.lower()}"

    def events(self, kind: str, session: str) -> list[Mapping[str, Any]]:
        """Return the payloads of a type that came for a session, each once, in order."""
        return [event for event in self._events.get(kind, []) if event["sessionId"] == session]

    def all(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the payloads of a type that came, each once, in order."""
        return self._events.get(kind, [])

    def statuses(self, session: str) -> list[tuple[str, str]]:
        """Return what VCS told of a session: of whom (the destination) and what, by the time that it says."""
        told = sorted(self.events("VCS", session), key=lambda event: str(event["timestamp"]))
        return [(event["destination"], event["callStatus"]) for event in told]

    async def asked(self, session: str, count: int = 1, within: float = SOON) -> Mapping[str, Any]:
        """Wait for the ``count``-th VCA of a session."""
        await self.until(lambda: len(self.events("VCA", session)) >= count, within)
        return self.events("VCA", session)[count - 1]

    async def summary(self, session: str, within: float = SOON) -> Mapping[str, Any]:
        """Wait for the VSS of a session."""
        await self.until(lambda: session in self._summaries, within)
        return self._summaries[session]

    async def until(self, condition: Callable[[], bool], within: float = SOON) -> None:
        """Wait until something holds; it is asked after each post."""
        async with asyncio.timeout(within), self._told:
            await self._told.wait_for(condition)

    async def receive(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take a post."""
        if request.headers.get("Authorization") != self.header:
            self.wrong.append(f"{request.path}: a stranger")
            return web.Response(status=401)
        document = json.loads(await request.read())
        kind = request.path.rpartition("/")[2].upper()
        self.wrong += (f"{kind} {fault}" for fault in faults(document, POSTED[kind]))
        payload = document["payload"]
        async with self._told:
            if kind == "VSS":
                kept = self._summaries.setdefault(payload["sessionId"], payload)
                if kept != payload:
                    self.wrong.append(f"two summaries of {payload['sessionId']}")
            elif payload["eventId"] not in self._answered:
                self._events.setdefault(kind, []).append(payload)
                menu = self.menus.get(payload["destination"].lstrip("+")) if kind == "VCA" else None
                self._answered[payload["eventId"]] = menu(payload) if menu is not None else 200
            self._told.notify_all()
        return answered(request, self._answered[payload["eventId"]] if kind != "VSS" else 200)


@asynccontextmanager
async def application(base: str, subaccount: str, key: str) -> AsyncIterator[Application]:
    """Run one, its webhooks not registered yet. At the end all that came must have been as the pages say."""
    async with aiohttp.ClientSession() as http:
        app = Application(base, subaccount, key, f"Basic header-of-{subaccount}", http)
        runner = web.ServerRunner(web.Server(app.receive), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        app.port = runner.addresses[0][1]
        try:
            yield app
        finally:
            await runner.cleanup()
        assert not app.wrong, app.wrong
