"""The way to a server and back: connections, deadlines, scripts, and faults by their names.

It knows no key and no record.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

from redis import exceptions as faults
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from otpvoice.adapters.store import StoreUnavailable, keys
from otpvoice.adapters.store.redis.scripts import SCRIPTS

T = TypeVar("T")
Argument: TypeAlias = str | bytes | int

# The error codes of Redis that a store can meet. Scripts of Redis 6.2 wrap the code into a sentence of their own, so it
# is looked for anywhere. The sentence itself goes nowhere: "unknown command" quotes the arguments, that is the record.
_REASONS: Final = {
    "OOM": "out_of_memory",
    "MISCONF": "disk_error",
    "READONLY": "read_only",
    "LOADING": "loading",
    "MASTERDOWN": "loading",
    "BUSY": "busy",
    "NOREPLICAS": "too_few_replicas",
    "NOAUTH": "authentication",
    "WRONGPASS": "authentication",
    "NOPERM": "no_permission",
}
_CODE: Final = re.compile(r"\b(" + "|".join(_REASONS) + r")\b")
_ANY_CODE: Final = re.compile(r"[A-Z]{3,20}\b")
# How scripts of Redis up to 7.0 say NOPERM (script.c, scriptVerifyACL).
_NO_PERMISSION_INSIDE: Final = "user executing the script can't"


class Connection:
    """Connections to one server. ``connections``: at most so many; None: as many as are wanted at once."""

    def __init__(self, url: str, *, connect_timeout: float, timeout: float, connections: int | None) -> None:
        self.timeout = timeout
        self.pool = _pool(url, connect_timeout=connect_timeout, connections=connections)
        # Any: in redis-py each answer may be of either kind of client, and each text a str.
        self.redis: Any = Redis.from_pool(self.pool)
        # By their SHA-1; a server that does not know one (new, restarted, SCRIPT FLUSH) is sent the text.
        self._scripts = {name: self.redis.register_script(text) for name, text in SCRIPTS.items()}

    async def run(self, script: str, account: str, *arguments: Argument) -> Any:
        """Run a script on an account's keys, and return its answer."""
        return await self.within_deadline(self._scripts[script](keys=[keys.root(account)], args=arguments))

    async def ping(self) -> None:
        """Return if the server takes writes now.

        By a write: a full server, one that lost its disk and a replica all answer PING, or answer it at times.
        """
        await self.within_deadline(self.redis.set(keys.WRITABLE, b"1", px=1000))

    async def close(self) -> None:
        """Close all connections."""
        try:
            async with asyncio.timeout(self.timeout):
                await self.redis.aclose()
        except (faults.RedisError, OSError):
            return  # a connection that is lost already; there is nobody to tell

    async def within_deadline(self, operation: Awaitable[T], *, longer: float = 0.0) -> T:
        """Wait for an operation, at most until the deadline and so much ``longer``, s. Raises StoreUnavailable."""
        try:
            with _faults_translated():
                async with asyncio.timeout(self.timeout + longer):
                    return await operation
        except StoreUnavailable as fault:
            if fault.reason == "read_only":
                # The server became a replica. Its address may lead to the new primary, but only new connections see it.
                with _faults_translated():
                    await self.pool.disconnect(inuse_connections=False)
            raise


def _pool(url: str, *, connect_timeout: float, connections: int | None) -> ConnectionPool:
    try:
        options: dict[str, Any] = {} if urlsplit(url).scheme == "unix" else {"socket_keepalive": True}
        options |= {
            "socket_connect_timeout": connect_timeout,
            # No deadlines for single steps: redis-py keeps them with asyncio.wait_for, a task for each command, and
            # before Python 3.12 that can swallow the cancellation by which the whole operation's deadline ends it.
            "socket_timeout": None,
            # A connection that idled is tried before it is used; one that died in silence is found by keepalive.
            "health_check_interval": 15,
            # Once more and at once, and only where the connection broke: that is what an idle connection does when
            # the server restarted. redis-py's default, ten times with pauses, is for those who have no deadline.
            # Repeating is safe: all that is ever sent is a read, a script, or ping's write.
            "retry": Retry(NoBackoff(), 1, supported_errors=(faults.ConnectionError,)),
            "protocol": 2,  # no HELLO: one round trip less, and nothing of RESP3 is of use here
            "driver_info": None,  # nor CLIENT SETINFO, which a narrow ACL refuses
        }
        pool: ConnectionPool
        if connections is None:
            pool = ConnectionPool.from_url(url, **options)
        else:
            # The wait for a free connection ends with the operation's deadline.
            pool = BlockingConnectionPool.from_url(url, max_connections=connections, timeout=None, **options)
        pool.connection_class(**pool.connection_kwargs)  # an unknown option in the address shows here, not in a call
    except (ValueError, TypeError, faults.RedisError):
        # Not even as the cause: "Port could not be cast to integer value as …" quotes a password with a slash.
        raise ValueError("no address of Redis: redis://[user:password@]host:port/db, rediss://… or unix://…") from None
    return pool


@contextmanager
def _faults_translated() -> Iterator[None]:
    # `from None`: redis-py's exceptions carry addresses and what the server quotes, and tracebacks are logged.
    try:
        yield
    except (TimeoutError, faults.TimeoutError):
        raise StoreUnavailable("timeout") from None
    except faults.RedisError as fault:
        raise StoreUnavailable(_reason(fault)) from None
    except OSError:
        raise StoreUnavailable("unreachable") from None


def _reason(fault: faults.RedisError) -> str:
    if isinstance(fault, faults.AuthenticationError):
        return "authentication"
    code = code_of(fault)
    if code in _REASONS:
        return _REASONS[code]
    if _NO_PERMISSION_INSIDE in str(fault):
        return "no_permission"
    if isinstance(fault, faults.ConnectionError):
        return "unreachable" if "connecting to" in str(fault) else "connection_lost"
    return "server_error"


def code_of(fault: faults.RedisError) -> str:
    """Return the error code that a server has answered with, as in CLUSTERDOWN; "" where it is no answer of one."""
    said = f"{fault.status_code or ''} {fault}".lstrip()
    if found := _CODE.search(said):
        return found[1]
    first = _ANY_CODE.match(said)
    return first[0] if first and isinstance(fault, faults.ResponseError) else ""
