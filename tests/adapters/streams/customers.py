"""The other end of streams: customers who behave, on the ``websockets`` library, and customers who do not.

Those read with ``websockets``, too, and write whatever bytes they are told to. All of them live on loopback.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close, Frame
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.adapters.sites import AUTHORITY, Host
from tests.adapters.sites import Visit as PlainVisit

PLENTY = 20.0
CERTIFICATE = AUTHORITY.issue_cert("hooks.example", "other.example")


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CERTIFICATE.configure_cert(context)
    return context


def client_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


class Visit:
    """One connection to a customer who behaves. ``heard``: the texts, in order."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.heard: list[str] = []
        self.over = asyncio.Event()
        self._news = asyncio.Condition()

    @property
    def path(self) -> str:
        return self._request.path

    @property
    def headers(self) -> Any:
        return self._request.headers

    @property
    def _request(self) -> Request:
        assert self.connection.request is not None
        return self.connection.request

    @property
    def close(self) -> tuple[int | None, str | None]:
        """What it was closed with: by us, where we were first."""
        return self.connection.close_code, self.connection.close_reason

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.heard]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message.get("event") == event]

    async def say(self, *messages: dict[str, Any] | str) -> None:
        for message in messages:
            await self.connection.send(message if isinstance(message, str) else json.dumps(message))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds; asked after each message."""
        async with asyncio.timeout(PLENTY), self._news:
            await self._news.wait_for(condition)

    async def event(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many messages of a kind."""
        await self.until(lambda: len(self.of(event)) >= count)
        return self.of(event)

    async def end(self) -> tuple[int | None, str | None]:
        """Wait for the end. Returns the close code and reason."""
        async with asyncio.timeout(PLENTY):
            await self.over.wait()
        return self.close

    async def listen(self) -> None:
        try:
            async for message in self.connection:
                async with self._news:
                    self.heard.append(message if isinstance(message, str) else repr(message))
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        finally:
            self.over.set()


class Customer:
    """``visits`` are the connections that came, in order."""

    def __init__(self) -> None:
        self.port = 0
        self.scheme = "ws"
        self.visits: list[Visit] = []
        self._came = asyncio.Condition()

    def url(self, path: str = "/stream", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def visit(self, number: int = 1) -> Visit:
        """Wait for the ``number``-th connection."""
        async with asyncio.timeout(PLENTY), self._came:
            await self._came.wait_for(lambda: len(self.visits) >= number)
        return self.visits[number - 1]

    async def came(self, visit: Visit) -> None:
        async with self._came:
            self.visits.append(visit)
            self._came.notify_all()


Doing: TypeAlias = Callable[[Visit], Awaitable[None]]


@asynccontextmanager
async def a_customer(
    doing: Doing | None = None,
    *,
    tls: bool = False,
    port: int = 0,
    refuses: Callable[[int], int | None] = lambda number: None,
    gate: asyncio.Event | None = None,
    **options: Any,
) -> AsyncIterator[Customer]:
    """A customer who listens, and does something beside.

    ``refuses``: the n-th handshake, with what status. ``gate``: nobody is answered before it is open.
    """
    customer = Customer()
    tried = 0

    async def answer(connection: ServerConnection, request: Request) -> Any:
        nonlocal tried
        if gate is not None:
            await gate.wait()
        tried += 1
        status = refuses(tried)
        return None if status is None else connection.respond(status, "no\n")

    async def receive(connection: ServerConnection) -> None:
        visit = Visit(connection)
        await customer.came(visit)
        beside = asyncio.create_task(doing(visit)) if doing is not None else None  # type: ignore[arg-type, var-annotated]
        await visit.listen()
        if beside is not None:
            beside.cancel()
            with suppress(asyncio.CancelledError, ConnectionClosed):
                await beside

    tls_context = server_tls() if tls else None
    options = {"compression": None, "ping_interval": None, "process_request": answer, **options}
    async with serve(receive, "127.0.0.1", port, ssl=tls_context, **options) as server:
        customer.port = next(iter(server.sockets)).getsockname()[1]
        customer.scheme = "wss" if tls else "ws"
        yield customer
        server.close()


def accepts(**otherwise: str | None) -> Host:
    """A site that shakes hands as it should, but for some headers."""

    async def host(visit: PlainVisit) -> None:
        request = await visit.request()
        [key] = [line[19:] for line in request.decode().split("\r\n") if line.startswith("Sec-WebSocket-Key: ")]
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Accept": base64.b64encode(digest).decode(),
        } | {name.replace("_", "-"): value for name, value in otherwise.items()}
        lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
        await visit.say("\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""]).encode() + b"\x81\x02hi")
        await visit.gone()

    return host


class Rogue:
    """One connection, after its handshake, to somebody who writes what he likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: ServerProtocol) -> None:
        self.reader, self.writer, self.protocol = reader, writer, protocol
        self.frames: list[Frame] = []

    async def write(self, data: bytes) -> None:
        """Write bytes. Who is gone by now hears no more, and does not care."""
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def closed_with(self) -> Close | None:
        """Read until they close. Returns what their close frame said; None: there was none."""
        async with asyncio.timeout(PLENTY):
            while self.protocol.close_rcvd is None:
                try:
                    data = await self.reader.read(65_536)
                except ConnectionError:
                    break
                if not data:
                    break
                self.protocol.receive_data(data)
                self.frames += [event for event in self.protocol.events_received() if isinstance(event, Frame)]
        return self.protocol.close_rcvd

    async def gone(self) -> None:
        """Read until there is nothing left to be read."""
        async with asyncio.timeout(PLENTY):
            with suppress(ConnectionError):
                while await self.reader.read(65_536):
                    pass

    def reset(self) -> None:
        """End the connection by RST."""
        name: socket.socket = self.writer.get_extra_info("socket")
        name.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@asynccontextmanager
async def a_rogue(
    does: Callable[[Rogue], Awaitable[None]], *, window: int | None = None, tls: bool = False
) -> AsyncIterator[Customer]:
    """Somebody who shakes hands and then ``does`` as he likes. ``window``: bytes that his kernel takes for him."""
    customer = Customer()
    tasks: set[asyncio.Task[None]] = set()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            protocol = ServerProtocol(max_size=None)
            while not (events := protocol.events_received()):
                protocol.receive_data(await reader.read(65_536))
            [request] = events
            assert isinstance(request, Request)
            protocol.send_response(protocol.accept(request))
            writer.write(b"".join(protocol.data_to_send()))
            await does(Rogue(reader, writer, protocol))
        except (ConnectionError, asyncio.CancelledError):
            pass  # they left, or the test is over
        finally:
            tasks.discard(task)
            writer.transport.abort()

    listening = socket.socket()
    if window is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    listening.bind(("127.0.0.1", 0))
    # What is read beyond this waits in the kernel, and no more of it than the window.
    server = await asyncio.start_server(receive, sock=listening, limit=1024, ssl=server_tls() if tls else None)
    customer.port = listening.getsockname()[1]
    customer.scheme = "wss" if tls else "ws"
    try:
        yield customer
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
