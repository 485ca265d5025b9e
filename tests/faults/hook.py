"""A webhook endpoint that notes all that comes to it, and fails on command.

It notes a post before it answers: what was read and not answered arrived, and comes again. It judges nothing.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson
from aiohttp import web

from tests.faults.invariants import Posted, call_of

Manner: TypeAlias = int | str
"""A status; or ``slow``: 204 after ``SLOW`` seconds; or ``reset``: read, and reset instead of answered."""
OK: Final = 204
SLOW: Final = 3.0
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Hook:
    """``manner``: how it answers now. ``answer``: what it tells whoever asks: actions, for the event that asks."""

    manner: Manner = OK
    answer: Callable[[dict[str, Any]], list[dict[str, Any]]] | None = None
    posts: list[Posted] = field(default_factory=list)
    port: int = 0
    _runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/hook"

    def of(self, call: str) -> list[Posted]:
        """Return what came of a call, in the order in which it came."""
        return [post for post in self.posts if call_of(post.id) == call]

    async def down(self) -> None:
        """Refuse connections, until ``up``."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def up(self) -> None:
        """Listen, at the port of before."""
        if self._runner is not None:
            return
        self._runner = web.ServerRunner(web.Server(self._take), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def _take(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        event_id = request.headers.get("webhook-id")
        if event_id is None:
            return web.Response(status=OK)  # the doctor looks whether anybody is there
        manner = self.manner
        asked: list[dict[str, Any]] | None = None
        if self.answer is not None and b'"asked":true' in body:
            asked = self.answer(orjson.loads(body))
        if manner == "slow":
            # Long enough that who is in a hurry has gone; then it does not count as taken.
            await asyncio.sleep(SLOW)
        taken = manner in {OK, "slow"} and request.transport is not None
        self.posts.append(Posted(event_id, body, asyncio.get_running_loop().time(), taken))
        if manner == "reset" and request.transport is not None:
            request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            request.transport.abort()
        if asked is not None and taken:
            return web.json_response({"actions": asked})
        return web.Response(status=manner if isinstance(manner, int) else OK)


@asynccontextmanager
async def opened_hook() -> AsyncIterator[Hook]:
    """Open one on loopback."""
    hook = Hook()
    await hook.up()
    try:
        yield hook
    finally:
        await hook.down()
