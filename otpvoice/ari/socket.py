"""The events socket: one connection, read without pause, parsed and routed; dead within seconds when silent.

The reader does nothing else: a client that leaves Asterisk's write waiting longer than ``websocket_write_timeout`` is
cut off (``res/ari/ari_websockets.c``). Reconnecting and what follows from it is the node's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Final

import aiohttp
import orjson
import structlog

from otpvoice.ari import errors
from otpvoice.ari.router import Sink

log = structlog.get_logger(__name__)

PING_EVERY: Final = 5.0
"""Seconds between our pings; Asterisk never pings."""
SILENT_AFTER: Final = 10.0
"""Seconds without any sign of life after which the socket is given up."""
CONNECT: Final = 5.0
MAX_EVENT: Final = 4 * 1024 * 1024
FRAMES: Final = frozenset(
    {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG}
)
"""What a connection that lives gives; anything else is its end."""


class EventsSocket:
    """One life of the connection. ``base``: ``http://host:port``. ``heard_at``: its last sign of life, Unix seconds."""

    def __init__(self, http: aiohttp.ClientSession, base: str, apps: Sequence[str]) -> None:
        self._http = http
        self._url = base.rstrip("/") + "/ari/events"
        self._apps = ",".join(apps)
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._heard = 0.0
        self.heard_at: float | None = None
        self.malformed = 0

    async def connect(self) -> None:
        """Open it. Raises ``Unreachable`` or ``Refused``."""
        try:
            async with asyncio.timeout(CONNECT):
                self._socket = await self._http.ws_connect(
                    self._url, params={"app": self._apps}, autoping=False, max_msg_size=MAX_EVENT
                )
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 503:
                raise errors.NotBooted("Asterisk has not booted yet") from error
            raise errors.Refused(error.status, error.message) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise errors.Unreachable(type(error).__name__) from error

    async def read(self, route: Sink) -> None:
        """Route events until the socket ends or falls silent. Returns then; raises nothing of the network's."""
        if (socket := self._socket) is None:
            raise RuntimeError("connect first")
        both = {
            asyncio.create_task(self._read(socket, route), name="ari-events"),
            asyncio.create_task(self._watch(socket), name="ari-ping"),
        }
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            ended = await asyncio.gather(*both, return_exceptions=True)
            await self.close()
        for result in ended:
            if isinstance(result, Exception):
                raise result

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, route: Sink) -> None:
        loop = asyncio.get_running_loop()
        while True:
            message = await socket.receive()
            if message.type not in FRAMES:
                return
            self._heard, self.heard_at = loop.time(), time.time()
            if message.type is aiohttp.WSMsgType.TEXT:
                self._route(message.data, route)
            elif message.type is aiohttp.WSMsgType.PING:
                with contextlib.suppress(aiohttp.ClientError, OSError):  # closed: the next message says so
                    await socket.pong(message.data)

    async def _watch(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Ping; return when nothing at all has come back for too long."""
        loop = asyncio.get_running_loop()
        self._heard = loop.time()
        while loop.time() - self._heard < SILENT_AFTER:
            try:
                await socket.ping()
            except (aiohttp.ClientError, OSError):
                return  # closed; the reader has seen, or sees now, why
            await asyncio.sleep(min(PING_EVERY, self._heard + SILENT_AFTER - loop.time()))
        log.warning("ari.silent", seconds=SILENT_AFTER)

    async def close(self) -> None:
        """Close it, without waiting for a peer that may be gone."""
        socket, self._socket = self._socket, None
        if socket is not None and not socket.closed:
            try:
                async with asyncio.timeout(1.0):
                    await socket.close()
            except TimeoutError:
                log.debug("ari.close_unanswered")

    def _route(self, text: str, route: Sink) -> None:
        try:
            event = orjson.loads(text)
            if not isinstance(event, dict) or not isinstance(event.get("type"), str):
                raise ValueError("no event")
        except ValueError:
            # Counted and left: one bad message is no reason to lose a connection with calls on it.
            self.malformed += 1
            log.warning("ari.malformed_event", size=len(text))
            return
        try:
            route(event)
        except Exception as error:
            # A field that is missing costs one event; the reader serves all calls.
            where = errors.place_of(error)
            log.error("ari.event_not_understood", type=event["type"], error=type(error).__name__, where=where)
