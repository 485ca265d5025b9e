"""Ask a Redis: reach it, see what it says of itself, and whether it does what otpvoice asks of it.

Nothing is changed about the server. How far away it is decides nothing but how long an answer takes: whether it answers
at all, the first one tells, and what can be asked together is.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from ssl import SSLError
from typing import Any, Final
from urllib.parse import urlsplit

from redis import exceptions as faults
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from otpvoice.adapters.store.redis.connection import code_of
from otpvoice.doctor.addresses import place
from otpvoice.doctor.clock import Reading, reading
from otpvoice.doctor.store import commands, knocking
from otpvoice.doctor.store.seen import NoRedis, Seen

WITHIN: Final = 3.0
"""Seconds to connect and have a first answer: whoever does not give one is not there."""
LONGER: Final = 10.0
"""Seconds for all the other answers."""
PINGS: Final = 9
LONG_ENOUGH: Final = 1.0
"""Seconds of pings after which the shortest is known well enough."""
_STARTED: Final = frozenset({"NOPERM", "MASTERDOWN", "CLUSTERDOWN"})
"""Codes of a server that lets us in, and does not answer PING."""
_PROTECTED: Final = "DENIED"


@dataclass(frozen=True, slots=True)
class Server:
    """Where a Redis is, without its password. ``host`` "": a Unix socket."""

    shown: str
    host: str
    port: int
    plain: bool


def server_of(url: str) -> Server:
    """Return what may be shown of an address."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return Server(parts.path, "", 0, plain=False)
    host, port = parts.hostname or "", parts.port or 6379
    return Server(place(host, port), host, port, plain=parts.scheme == "redis")


async def look(url: str) -> tuple[Seen | NoRedis, Reading | None]:
    """Ask it all."""
    client: Any = Redis.from_url(
        url,
        socket_connect_timeout=WITHIN,
        socket_timeout=None,  # the deadlines are those below
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,  # a narrow ACL refuses CLIENT SETINFO
        max_connections=1,
        decode_responses=True,
    )
    within = WITHIN
    try:
        async with asyncio.timeout(within):
            first = await _ping(client)
        within = LONGER
        async with asyncio.timeout(within):
            return await _ask(client, first)
    except (faults.RedisError, OSError, TimeoutError, UnicodeError) as error:
        found = no_redis(error)
        server = server_of(url)
        if found.why != "timeout":
            return found, None
        if not server.plain and server.host and await knocking.speaks(server.host, server.port):
            # It waits for the end of a line, which a TLS handshake has none of.
            return NoRedis("tls", "it answers in the clear"), None
        return NoRedis("timeout", f"{within:g}"), None
    finally:
        await client.aclose()


async def _ping(client: Any) -> float:
    """Return how long an answer takes, s. A server that is there and has no PING to give is still there."""
    began = time.perf_counter()
    try:
        await client.execute_command("PING")
    except faults.ResponseError as error:
        if code_of(error) not in _STARTED and "unknown command" not in str(error):
            raise
    return time.perf_counter() - began


async def _ask(client: Any, first: float) -> tuple[Seen, Reading | None]:
    # The first had to connect.
    took = [await _ping(client)]
    while len(took) < PINGS and first + sum(took) < LONG_ENOUGH:
        took.append(await _ping(client))
    began_at = time.time()
    [told] = await _told(client, ("TIME",))
    ended_at = time.time()
    clock: Reading | None = None
    if told is not None:
        instant = int(told[0]) + int(told[1]) / 1e6
        clock = reading("Redis", instant, began=began_at, ended=ended_at, resolution=1e-6)
    info, *settings, user = await _told(
        client,
        ("INFO",),
        *(("CONFIG GET", name) for name in ("save", "appendfsync", "dir")),
        ("ACL WHOAMI",),
    )
    config: dict[str, str] = {}
    for setting in settings:
        config |= setting or {}
    name = user or client.connection_pool.connection_kwargs.get("username") or "default"
    forbidden, (refused, at) = await commands.attempt(client)
    # The shortest: the longer ones may have waited for what else the doctor does.
    return Seen(info or {}, config, min(took), name, forbidden, refused, at), clock


async def _told(client: Any, *questions: tuple[str, ...]) -> list[Any]:
    """Return the answers; None: we may not know, or there is no such command: renamed, managed, or an old server."""
    together = client.pipeline(transaction=False)
    for question in questions:
        together.execute_command(*question)
    answers = await together.execute(raise_on_error=False)
    return [None if isinstance(answer, faults.ResponseError) else answer for answer in answers]


def no_redis(error: Exception) -> NoRedis:
    """Sort by what went wrong. The text of redis-py's errors may hold addresses and what was sent."""
    text = str(error)
    cause = error.__cause__ or error.__context__
    match error:
        case faults.AuthenticationError():
            return NoRedis("password", text.partition(" ")[0] if text[:1].isupper() else "authentication")
        case faults.BusyLoadingError():
            return NoRedis("loading")
        case faults.TimeoutError() | TimeoutError():
            return NoRedis("timeout")
        case _ if _PROTECTED in text:
            return NoRedis("protected")
        case _ if isinstance(error, SSLError) or isinstance(cause, SSLError):
            said = error if isinstance(error, SSLError) else cause
            return NoRedis("tls", getattr(said, "reason", None) or "no TLS")
        case _ if isinstance(error, ConnectionRefusedError) or isinstance(cause, ConnectionRefusedError):
            return NoRedis("refused")
        case UnicodeError():
            return NoRedis("dns")
        case _ if type(cause).__name__ == "gaierror":
            return NoRedis("dns")
        case faults.ConnectionError() if "NOAUTH" in text:
            return NoRedis("password", "NOAUTH")
        case faults.RedisError() if code := code_of(error):
            return NoRedis("other", f"it says {code}")
        case _:
            return NoRedis("other", type(error).__name__)
