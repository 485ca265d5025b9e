"""An application that is told what happens by webhook, and says what comes next where it is asked.

It verifies every post by the library of Standard Webhooks, and answers by the path as it is told. It reads no log.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from aiohttp import web
from standardwebhooks import Webhook

from tests.scenarios.phones import SOON

SECRET: Final = "whsec_" + base64.b64encode(bytes(range(32))).decode()
LARGE: Final = b" " * 70_000


@dataclass(frozen=True, slots=True)
class Post:
    """What arrived, as it came; ``event`` is its body."""

    path: str
    id: str
    body: bytes = field(repr=False)
    event: dict[str, Any] = field(repr=False)

    @property
    def type(self) -> str:
        return str(self.event["type"])

    @property
    def call(self) -> dict[str, Any]:
        """The call as it was then."""
        told: dict[str, Any] = self.event["data"]["call"]
        return told


Reply: TypeAlias = Callable[[Post], Any]
"""What is answered: actions, a status, the bytes of a body, ``HANGS``, or None for 204."""
HANGS: Final = object()


class Endpoint:
    """``replies``: how a path answers; 204 where nothing is said.

    ``posts``: in the order in which they came; ``taken``: those that were answered with 2xx.
    """

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.posts: list[Post] = []
        self.taken: list[Post] = []
        self.port = 0
        self._told = asyncio.Condition()
        self._over = asyncio.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str, type_: str | None = None) -> list[Post]:
        """Return what came to a path, of this type or of all."""
        return [post for post in self.posts if post.path == path and type_ in (None, post.type)]

    def times(self, path: str) -> Counter[str]:
        """Return how often each id came to a path."""
        return Counter(post.id for post in self.at(path))

    async def told(self, path: str, type_: str, count: int = 1, within: float = SOON) -> Post:
        """Wait for the ``count``-th post of this type at a path."""
        await self.until(lambda: len(self.at(path, type_)) >= count, within)
        return self.at(path, type_)[count - 1]

    async def until(self, condition: Callable[[], bool], within: float = SOON) -> None:
        """Wait until something holds; it is asked after each post."""
        async with asyncio.timeout(within), self._told:
            await self._told.wait_for(condition)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take a post. One that is not signed is a fault of the test's."""
        body = await request.read()
        Webhook(SECRET).verify(body, dict(request.headers))
        post = Post(request.path, request.headers["webhook-id"], body, json.loads(body))
        assert post.event["id"] == post.id
        replies = self.replies.get(request.path)
        reply = replies(post) if replies is not None else None
        async with self._told:
            self.posts.append(post)
            if reply is None or isinstance(reply, bytes | list):
                self.taken.append(post)
            self._told.notify_all()
        match reply:
            case None:
                return web.Response(status=204)
            case int(status):
                return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})
            case bytes(said):
                return web.Response(body=said)
            case list(actions):
                return web.json_response({"actions": actions})
            case _:
                await self._over.wait()
                return web.Response(status=204)

    def close(self) -> None:
        """Answer whatever hangs."""
        self._over.set()


@asynccontextmanager
async def opened_endpoint() -> AsyncIterator[Endpoint]:
    """Open one on loopback."""
    endpoint = Endpoint()
    runner = web.ServerRunner(web.Server(endpoint.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint.port = runner.addresses[0][1]
    try:
        yield endpoint
    finally:
        endpoint.close()
        await runner.cleanup()
