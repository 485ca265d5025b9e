"""The bare loop: what a call takes on the wire and nothing else. The floor that the product is measured against.

It has no errors, no timers, no records, no proof and no second chance. A call that goes wrong is lost with its leg.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

from otpvoice.ari.events import UNWANTED


class Leg:
    """A media channel in a bridge of its own, and the socket to it."""

    def __init__(self, leg_id: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.id, self.socket, self.marks = leg_id, socket, 0
        self.awaited, self.told = "", asyncio.get_running_loop().create_future()
        self.reading = asyncio.create_task(self.read())

    async def read(self) -> None:
        async for message in self.socket:
            event = orjson.loads(message.data)
            if event.get("correlation_id", event["event"]) == self.awaited and not self.told.done():
                self.told.set_result(None)

    def expect(self, what: str) -> asyncio.Future[None]:
        self.awaited, self.told = what, asyncio.get_running_loop().create_future()
        return self.told

    async def command(self, name: str, **fields: str) -> None:
        await self.socket.send_str(orjson.dumps({"command": name, **fields}).decode())

    async def mark(self) -> None:
        self.marks += 1
        await self.command("MARK_MEDIA", correlation_id=str(self.marks))


class Bare:
    """Places calls. ``connect`` makes legs and a hook (returns its port): ask at ``POST /v1/calls``, or by ``call``."""

    leg: type[Leg] = Leg

    def __init__(self, url: str, user: str, password: str, messages: list[list[str]], endpoint: str) -> None:
        auth = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=auth)
        self.url, self.ari, self.endpoint, self.calls = url, url + "/ari/", endpoint, 0
        self.speech = [base64.b64decode(text) if kind == "audio" else None for kind, text in messages]
        self.sinks: dict[str, tuple[asyncio.Future[None], asyncio.Future[None]]] = {}
        self.free: deque[Leg] = deque()
        self.under_way: set[asyncio.Task[None]] = set()

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else orjson.dumps(body)
        headers = None if body is None else {"Content-Type": "application/json"}
        url = URL(self.ari + path, encoded=True)
        async with self.http.request(method, url, data=data, headers=headers) as response:
            content = await response.read()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status}")
        return orjson.loads(content) if content else None

    async def connect(self, legs: int) -> int:
        events = await self.http.ws_connect(self.ari + "events?app=bare")
        self.reading = asyncio.create_task(self.read(events))
        await self.ask("PUT", "applications/bare/eventFilter", {"disallowed": [{"type": name} for name in UNWANTED]})
        for number in range(legs):
            self.free.append(await self.make(f"bare-leg-{number}"))
        app = web.Application()
        app.router.add_post("/v1/calls", self.place)
        await (runner := web.AppRunner(app, access_log=None)).setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.stop = runner.cleanup
        return int(runner.addresses[0][1])

    async def close(self) -> None:
        await self.stop()
        await self.http.close()
        await asyncio.gather(self.reading, *(leg.reading for leg in self.free), return_exceptions=True)

    async def make(self, leg_id: str) -> Leg:
        order = {"channelId": leg_id, "app": "bare", "transport": "websocket", "encapsulation": "none"}
        order |= {"format": "ulaw", "connection_type": "server", "transport_data": "f(json)d(in)"}
        entered, _ = self.listen(leg_id)
        channel = await self.ask("POST", "channels/externalMedia", order)
        media = f"{self.url}/media/{channel['channelvars']['MEDIA_WEBSOCKET_CONNECTION_ID']}"
        leg = self.leg(leg_id, await self.http.ws_connect(media, protocols=("media",)))
        await entered
        await self.ask("POST", f"bridges/{leg_id}-bridge", {"type": "mixing", "name": leg_id})
        await self.ask("POST", f"bridges/{leg_id}-bridge/addChannel", {"channel": leg_id})
        return leg

    def listen(self, channel: str) -> tuple[asyncio.Future[None], asyncio.Future[None]]:
        loop = asyncio.get_running_loop()
        self.sinks[channel] = futures = (loop.create_future(), loop.create_future())
        return futures

    async def read(self, events: aiohttp.ClientWebSocketResponse) -> None:
        async for message in events:
            event = orjson.loads(message.data)
            if event["type"] == "StasisStart":
                self.sinks[event["channel"]["id"]][0].set_result(None)
            elif event["type"] == "ChannelDestroyed":
                self.sinks.pop(event["channel"]["id"])[1].set_result(None)

    async def call(self) -> None:
        self.calls += 1
        call_id, leg = f"bare-{self.calls}-1", self.free.popleft()
        answered, ended = self.listen(call_id)
        variables = {"OTPVOICE_CALL": call_id, "TIMEOUT(absolute)": "255"}
        order = {"endpoint": self.endpoint, "app": "bare", "timeout": 50, "callerId": "+12025550199"}
        await self.ask("POST", f"channels/{call_id}", order | {"variables": variables})
        await answered
        opened = leg.command("SET_MEDIA_DIRECTION", direction="out")
        await asyncio.gather(opened, self.ask("POST", f"bridges/{leg.id}-bridge/addChannel", {"channel": call_id}))
        spoken = leg.expect(str(leg.marks + self.speech.count(None)))
        for audio in self.speech:
            await (leg.mark() if audio is None else leg.socket.send_bytes(audio))
        await spoken
        key = leg.expect("DTMF_END")
        await self.ask("GET", f"channels/{call_id}/rtp_statistics")
        await key
        await self.ask("GET", f"channels/{call_id}/rtp_statistics")
        await self.ask("DELETE", f"channels/{call_id}")
        await ended
        flushed = leg.expect(str(leg.marks + 1))
        await leg.command("FLUSH_MEDIA")
        await leg.mark()
        await flushed
        known = leg.expect("STATUS")
        await leg.command("GET_STATUS")
        await known
        await leg.command("SET_MEDIA_DIRECTION", direction="in")
        self.free.append(leg)

    async def place(self, request: web.Request) -> web.Response:
        asked = orjson.loads(await request.read())
        if request.headers["Authorization"] != "Bearer bare" or not asked["to"]:
            return web.Response(status=401)
        self.under_way.add(task := asyncio.create_task(self.call()))
        task.add_done_callback(self.under_way.discard)
        return web.Response(status=202, body=orjson.dumps({"id": str(self.calls)}), content_type="application/json")
