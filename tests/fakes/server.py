"""The TCP side: one port of loopback that is ours from the start to the end, listened on or not; and its sockets.

Knows the paths of the two WebSockets, ``/ari/events`` and ``/media/{connection id}``, and nothing of what is said.
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from tests.fakes.outbox import CLOSE_TIMEOUT, Outbox
from tests.fakes.rest import Request, Rest, missing_or_wrong_credentials
from tests.fakes.rest_bridges import Bridges, System
from tests.fakes.rest_channels import Channels

if TYPE_CHECKING:
    from tests.fakes.asterisk import FakeAsterisk


class Server:
    def __init__(self, asterisk: FakeAsterisk) -> None:
        self._asterisk = asterisk
        rest = Rest(asterisk)
        application = web.Application(client_max_size=2**20)
        for group in (Channels(asterisk, rest), Bridges(asterisk, rest), System(asterisk, rest)):
            application.add_routes(group.routes())
        application.add_routes([web.get("/ari/events", self._events), web.get("/media/{id}", self._media)])
        application.router.add_route("*", "/{path:.*}", self._not_found)
        self._runner = web.AppRunner(application, access_log=None, keepalive_timeout=15.0, shutdown_timeout=0.1)
        self._site: web.SockSite | None = None
        # Bound, never listening: keeps the port for us while connections to it are refused.
        self._holder = _bound(0)
        self.port: int = self._holder.getsockname()[1]

    async def start(self) -> None:
        await self._runner.setup()
        await self.listen()

    async def listen(self) -> None:
        if self._site is None:
            self._listening = _bound(self.port)
            self._site = web.SockSite(self._runner, self._listening)
            await self._site.start()

    async def refuse(self) -> None:
        if self._site is not None:
            # asyncio drops a connection on the floor that it has accepted but not made a transport of when its
            # server closes (Python 3.11: "unclosed transport"): accept no more, let those through, then close.
            asyncio.get_running_loop().remove_reader(self._listening)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await self._site.stop()
            self._site = None
        self.reset()

    def reset(self) -> None:
        """Every connection is reset, whatever goes on in it."""
        for connection in list(self._runner.server.connections) if self._runner.server is not None else []:
            if connection.transport is not None:
                connection.transport.abort()

    async def stop(self) -> None:
        await self.refuse()
        await self._runner.cleanup()
        self._holder.close()

    async def _not_found(self, request: web.Request) -> web.StreamResponse:
        """Any other path, and any other method on a path that is known."""
        resources = list(request.app.router.resources())[:-1]
        known = any(methods for _, methods in [await resource.resolve(request) for resource in resources])
        status, message = (405, "Invalid method") if known else (404, "Resource not found")
        logged = Request("?", request.method, request.path, dict(request.query), at=self._asterisk.clock.now())
        logged.status = status
        self._asterisk.requests.append(logged)
        return web.json_response({"message": message}, status=status)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        logged = Request("events", request.method, request.path, dict(request.query), at=self._asterisk.clock.now())
        self._asterisk.requests.append(logged)
        names = [name.strip() for name in request.query.get("app", "").split(",") if name.strip()]
        if missing_or_wrong_credentials(self._asterisk, request):
            logged.status = 401
            return web.json_response({"message": "Authentication required"}, status=401)
        if self._asterisk.booting:
            logged.status = 503
            return web.json_response({"message": "Asterisk not booted"}, status=503)
        if not names:
            logged.status = 400
            return web.Response(status=400, text="HTTP request is missing param: [app]")
        if request.headers.get("Upgrade", "").lower() != "websocket":
            logged.status = 426
            return web.Response(status=426, text="Upgrade Required")
        opened = web.WebSocketResponse(
            protocols=("ari",), autoping=False, autoclose=False, timeout=CLOSE_TIMEOUT, compress=False
        )
        await opened.prepare(request)
        logged.status = 101
        outbox = Outbox(opened, request)
        everything = request.query.get("subscribeAll", "").lower() in {"true", "yes", "1"}
        self._asterisk.stasis.connect(names, outbox, everything=everything)
        try:
            await self._read(opened, outbox)
        finally:
            if not outbox.black_holed:
                self._asterisk.stasis.disconnect(outbox)
            await outbox.finish()
        return opened

    async def _read(self, opened: web.WebSocketResponse, outbox: Outbox) -> None:
        while True:
            message = await opened.receive()
            match message.type:
                case WSMsgType.PING:
                    await outbox.pong(message.data)
                case WSMsgType.TEXT:
                    refused = {"type": "RESTResponse", "transaction_id": "", "request_id": "", "status_code": 501}
                    outbox.send(json.dumps(refused | {"reason_phrase": "the fake takes REST over HTTP only"}))
                case WSMsgType.CLOSE if outbox.black_holed:
                    await self._asterisk.wait(lambda: self._asterisk.stopping)
                    return
                case WSMsgType.CLOSE:
                    await opened.close()
                    return
                case WSMsgType.CLOSING | WSMsgType.CLOSED | WSMsgType.ERROR:
                    return
                case _:
                    continue

    async def _media(self, request: web.Request) -> web.StreamResponse:
        """No credentials: the connection id is the secret."""
        asterisk = self._asterisk
        if asterisk.faults.wedged:
            life = asterisk.life
            await asterisk.wait(lambda: asterisk.life != life)
        leg = asterisk.legs.get(request.match_info["id"])
        if leg is None:
            return await _refuse_and_close(request, 404, "WebSocket instance not found")
        if leg.outbox is not None:
            text = "Another websocket connection exists for this connection id"
            return await _refuse_and_close(request, 409, text)
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=426, text="Upgrade Required")
        return await leg.attach(request)


async def _refuse_and_close(request: web.Request, status: int, text: str) -> web.StreamResponse:
    """Asterisk closes such a connection without saying so: a client that keeps it loses its next request."""
    refused = web.Response(status=status, text=text)
    await refused.prepare(request)
    await refused.write_eof()
    if request.transport is not None:
        request.transport.close()
    return refused


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound
