"""Other servers than ours, and a command beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


async def run(command: Callable[..., int], *arguments: str, **options: Any) -> int:
    """Run a command beside the door."""
    return await asyncio.to_thread(command, *arguments, **options)


@asynccontextmanager
async def answering(answer: Callable[[web.Request], web.Response]) -> AsyncIterator[str]:
    """Another server than ours."""

    async def respond(request: web.Request) -> web.StreamResponse:
        return answer(request)

    runner = web.ServerRunner(web.Server(respond))  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield site.name
    finally:
        await runner.cleanup()
