"""One WebSocket, written to in order and without waiting; and what can be done to it by force.

Says nothing about what is written: ARI events and media share it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

CLOSE_TIMEOUT: Final = 1.0  # Asterisk does not wait for the answer to its CLOSE at all


class Outbox:
    """The sending side of an accepted WebSocket. ``write_timeout``: seconds a peer may fail to read."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, write_timeout: float = 5.0) -> None:
        self.socket = socket
        self.black_holed = False
        self.open = True
        self._transport = request.transport
        self._write_timeout = write_timeout
        self._queue: asyncio.Queue[str | bytes | int] = asyncio.Queue()
        self._task = asyncio.create_task(self._write(), name="outbox")

    def send(self, message: str | bytes) -> None:
        if self.open:
            self._queue.put_nowait(message)

    def close(self, code: int) -> None:
        """A CLOSE frame, behind what is queued."""
        if self.open:
            self.open = False
            self._queue.put_nowait(code)

    def abort(self) -> None:
        """A reset of the connection: no CLOSE, nothing more is sent."""
        self.open = False
        self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def pong(self, payload: bytes) -> None:
        if not self.black_holed:
            await self.socket.pong(payload)

    async def finish(self) -> None:
        """The reader is done: let the writer end, so that no task outlives its socket."""
        if self.open:
            self.open = False
            self._task.cancel()
        await asyncio.wait([self._task])

    async def _write(self) -> None:
        while True:
            message = await self._queue.get()
            if self.black_holed:
                continue
            try:
                async with asyncio.timeout(self._write_timeout):
                    match message:
                        case str():
                            await self.socket.send_str(message)
                        case bytes():
                            await self.socket.send_bytes(message)
                        case code:
                            await self.socket.close(code=code)
                            return
            except TimeoutError:
                # A slow reader costs the socket: websocket_write_timeout in ari.conf.
                self.abort()
            except ConnectionError:
                self.open = False
                return
