"""Listen for requests to an application, and stop so that answers under way still arrive.

What is answered is the application's business.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from otpvoice.web.connection import Connection

LAST_ANSWERS: Final = 10.0
"""Seconds for answers that are under way when we stop."""


@dataclass(frozen=True, slots=True)
class Listener:
    """An application that is listened for. ``port`` is the real one, also where 0 was asked for."""

    host: str
    port: int
    _server: asyncio.Server
    _runner: web.AppRunner

    async def close(self) -> None:
        """Take no more connections, let answers under way arrive, then close all."""
        self._server.close()
        await self._runner.cleanup()


async def listen(app: web.Application, host: str, port: int) -> Listener:
    """Listen. Raises ``OSError`` where the address can't be had."""
    # A client that goes away does not undo what it asked for: half a request to call would be the worst of answers.
    runner = web.AppRunner(app, handler_cancellation=False, shutdown_timeout=LAST_ANSWERS)
    await runner.setup()
    manager: web.Server | None = runner.server
    assert manager is not None  # noqa: S101 - it is there after setup
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(lambda: Connection(manager, loop), host, port, backlog=1024)
    except BaseException:
        await runner.cleanup()
        raise
    return Listener(host, server.sockets[0].getsockname()[1], server, runner)
