"""Sockets to other people's servers: three kinds that are never lent to each other, each checked where it is made.

That is behind everything that could change the address: look-ups that answer differently the second time, addresses
that are looked up by nobody. They keep no cookies and take no proxy from the environment.
"""

from __future__ import annotations

import errno
import socket
import ssl
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import Connection

from otpvoice import __version__
from otpvoice.adapters.outbound.names import Names
from otpvoice.trust.addresses import UrlAllow, parsed

CONNECTIONS: Final = 512
"""At once, for each of the three doors."""
CONNECTIONS_PER_HOST: Final = 32
KEEP_ALIVE: Final = 15.0
"""Seconds."""
NAME_SECONDS: Final = 10
"""For which a look-up is believed. Whatever it said, the address is checked at each connection."""
LONGEST_LINE: Final = 8190
"""Bytes of a header, or of the line before them."""
MOST_HEADERS: Final = 100


class Shut(OSError):
    """At the socket: this address is none that may be reached."""


class Door(Enum):
    """Connections that are kept apart. What may be reached depends on nothing else."""

    PUBLIC = auto()
    NAMED = auto()
    """To hosts of the allow list, which may be private."""
    TRUSTED = auto()


@dataclass(slots=True)
class Attempt:
    """How far a request came."""

    sent: bool = False
    answer: aiohttp.ClientResponse | None = None
    """Not None: the answer to a request that is not repeated has begun."""
    body: bytearray = field(default_factory=bytearray)


current_attempt: ContextVar[Attempt] = ContextVar("attempt")


class _Request(aiohttp.ClientRequest):
    """Notes in the attempt that a byte may leave now. A ``TraceConfig`` could, for a fifth of what a request costs."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        current_attempt.get().sent = True
        return await super().send(conn)


class Connections:
    """One session for each door, made when it is first used. ``per_host`` of ``most`` at once may lead to one host."""

    def __init__(
        self,
        allow: UrlAllow,
        resolver: AbstractResolver | None,
        tls: ssl.SSLContext | None,
        *,
        most: int,
        per_host: int,
    ) -> None:
        self._allow, self._resolver, self._tls = allow, resolver, tls
        self._most, self._per_host = most, per_host
        self._sessions: dict[Door, aiohttp.ClientSession] = {}
        self._closed = False

    def session(self, door: Door) -> aiohttp.ClientSession:
        """Return what asks through a door. Raises ``ClientConnectionError``: closed."""
        if self._closed:
            raise aiohttp.ClientConnectionError
        session = self._sessions.get(door)
        if session is None:
            session = self._sessions[door] = self._new_session(door)
        return session

    async def close(self) -> None:
        """End all of them."""
        self._closed = True
        for session in self._sessions.values():
            await session.close()
        if self._resolver is not None:
            await self._resolver.close()

    def _new_session(self, door: Door) -> aiohttp.ClientSession:
        self._resolver = self._resolver or Names()

        def open_socket(info: aiohttp.AddrInfoType) -> socket.socket:
            family, kind, protocol, _, where = info
            if door is not Door.TRUSTED:
                address = parsed(str(where[0]))
                if address is None or not self._allow.opens(address, named=door is Door.NAMED):
                    raise Shut(errno.EACCES, "this address may not be reached")
            return socket.socket(family, kind, protocol)

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._most,
                limit_per_host=self._per_host,
                keepalive_timeout=KEEP_ALIVE,
                resolver=self._resolver,
                ttl_dns_cache=NAME_SECONDS,
                socket_factory=open_socket,
                ssl=self._tls or True,
            ),
            headers={"User-Agent": f"otpvoice/{__version__}", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            max_headers=MOST_HEADERS,
            request_class=_Request,
        )
