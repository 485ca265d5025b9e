"""Servers of loopback that behave as badly as they are told, and a telephone book of names that changes its mind."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeAlias

import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

AUTHORITY: Final = trustme.CA()
"""Whom nobody trusts but who is told to."""
CERTIFICATE: Final = AUTHORITY.issue_cert("hooks.example")


class Visit:
    """A connection that somebody opened."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def request(self) -> bytes:
        """Read one request, body and all."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ),
            0,
        )
        return head + await self._reader.readexactly(length)

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, body: bytes = b"", status: str = "200 OK", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.say("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    async def gone(self) -> None:
        """Wait until the other side has ended the connection."""
        while await self._reader.read(65536):
            pass

    def reset(self) -> None:
        """End it by RST."""
        name: socket.socket = self._writer.get_extra_info("socket")
        name.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Host: TypeAlias = Callable[[Visit], Awaitable[None]]


class Site:
    """Where ``host`` receives; ``requests`` are those that it read to the end by ``answering``."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.visits = 0
        self.requests: list[bytes] = []

    def url(self, path: str = "/", host: str = "hooks.example", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def site(
    host: Host, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Site]:
    """Open a site. At its end, nobody is left waiting in it."""
    visits: set[asyncio.Task[None]] = set()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.visits += 1
        task = asyncio.current_task()
        assert task is not None
        visits.add(task)
        try:
            await host(Visit(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # they left
        except asyncio.CancelledError:
            pass  # asyncio's server complains of cancelled visits
        finally:
            visits.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(receive, address, port, ssl=tls)
    here = Site(server.sockets[0].getsockname()[1])
    try:
        yield here
    finally:
        server.close()
        for task in list(visits):
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)


@asynccontextmanager
async def answering(
    pages: Mapping[str, Callable[[Visit], Awaitable[None]]],
    address: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Site]:
    """Open a site of pages by path. Who asks for another, or twice on one connection, is answered, too."""

    async def host(visit: Visit) -> None:
        while True:
            request = await visit.request()
            here.requests.append(request)
            path = request.split(b" ", 2)[1].decode()
            if path in pages:
                await pages[path](visit)
            else:
                await visit.answer(status="404 Not Found")

    async with site(host, address, tls) as here:
        yield here


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that is taken, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class Book(AbstractResolver):
    """Names, and what each look-up of them says in turn; the last is said for ever. ``asked`` holds the look-ups."""

    def __init__(self, names: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._names = names
        self._turns: defaultdict[str, int] = defaultdict(int)
        self.asked: list[str] = []
        self.silent = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if self.silent:
            await asyncio.Event().wait()
        if host not in self._names:
            raise OSError(None, "no such name")
        answers = self._names[host]
        turn = self._turns[host]
        self._turns[host] += 1
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_UNSPEC, proto=0, flags=0)
            for address in answers[min(turn, len(answers) - 1)]
        ]

    async def close(self) -> None:
        pass
