"""An application as a customer of Telesign has one, written from its public pages and its demo alone.

It asks for calls by HTTP Basic, and is told and asked at its event URL. Each event is looked at against the pages; one
that comes again, by the header ``webhook-id``, is answered as before, and counted once.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import aiohttp
from aiohttp import web

from tests.scenarios.phones import SOON
from tests.scenarios.vendors.documents_telesign import missing
from tests.scenarios.vendors.replies import answered

Reply: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""What is answered to an event: an action is an object, a number is a status, bytes are a body; or ``LEAVES``."""
LEAVES: Final = object()
"""The connection is closed, and nothing was said."""


def basic(customer_id: str, api_key: str) -> str:
    """Return the header, as the demo makes it."""
    return "Basic " + b64encode(f"{customer_id}:{api_key}".encode()).decode()


def method(name: str, /, **params: Any) -> dict[str, Any]:
    """Return an action."""
    return {"jsonrpc": "2.0", "method": name, "params": params}


@dataclass(slots=True)
class Customer:
    """``replies``: by the path that was registered as event URL. ``wrong``: what is not as the pages say."""

    base: str
    http: aiohttp.ClientSession
    replies: dict[str, Reply] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    events: list[Mapping[str, Any]] = field(default_factory=list)
    port: int = 0
    _answered: dict[str, Any] = field(default_factory=dict)
    _told: asyncio.Condition = field(default_factory=asyncio.Condition)

    def url(self, path: str) -> str:
        """The event URL."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def post(self, customer_id: str, api_key: str, body: Any) -> tuple[int, Any]:
        """Send a request; who is told to come later, does. Returns the HTTP status and the body."""
        headers = {"Authorization": basic(customer_id, api_key), "Content-Type": "application/json"}
        async with asyncio.timeout(SOON):
            while True:
                async with self.http.post(f"{self.base}/v2/voice", data=json.dumps(body), headers=headers) as answer:
                    if answer.status != 503:
                        return answer.status, await answer.json(content_type=None)
                await asyncio.sleep(float(answer.headers["Retry-After"]))

    async def dial(self, customer_id: str, api_key: str, **params: Any) -> str:
        """Ask for a call and get it. Returns its ``reference_id``."""
        status, answer = await self.post(customer_id, api_key, {"id": "1", **method("dial", **params)})
        assert (status, answer["status"]) == (202, "dial_accepted"), answer
        return str(answer["reference_id"])

    def of(self, reference: str) -> list[Mapping[str, Any]]:
        """Return the events of a call, in the order in which they came."""
        return [event for event in self.events if event["reference_id"] == reference]

    async def told(self, event: str, reference: str, within: float = SOON) -> Mapping[str, Any]:
        """Wait for an event of a call."""

        def found() -> list[Mapping[str, Any]]:
            return [one for one in self.of(reference) if one["event"] == event]

        async with asyncio.timeout(within), self._told:
            await self._told.wait_for(lambda: bool(found()))
        return found()[0]

    async def receive(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take an event."""
        event = json.loads(await request.read())
        self.wrong += missing(event)
        id_ = request.headers.get("webhook-id", "")
        if not id_:
            self.wrong.append("an event without an id")
        if not request.headers.get("Content-Type", "").startswith("application/json"):
            self.wrong.append("an event that is not said to be JSON")
        async with self._told:
            if id_ not in self._answered:
                self.events.append(event)
                reply = self.replies.get(request.path)
                self._answered[id_] = reply(event) if reply is not None else method("hangup")
            self._told.notify_all()
        return answered(request, self._answered[id_])


@asynccontextmanager
async def customer() -> AsyncIterator[Customer]:
    """Run one; ``base`` is for who opens the service to say. At the end all events must have been as the pages say."""
    async with aiohttp.ClientSession() as http:
        here = Customer("", http)
        runner = web.ServerRunner(web.Server(here.receive), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        here.port = runner.addresses[0][1]
        try:
            yield here
        finally:
            await runner.cleanup()
        assert not here.wrong, here.wrong
