"""Call records in Redis (6.2 or later) or Valkey, each write one Lua script that is safe to repeat.

It waits for nothing longer than its deadline, and keeps nothing that Redis did not take: ``writer.py`` does.

Its user needs the commands GET, SET, XADD, XDEL, TIME, PING, EVALSHA and SCRIPT LOAD, and the keys ``otpvoice:*``. The
server's ``maxmemory-policy`` has to be ``noeviction``: of an evicted record the end can be written twice. What a server
forgets after it has answered (AOF ``everysec``, failover to a replica that lags) is lost. An account's stream is
trimmed when its next call ends; while it has none, its last entries stay.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from redis import exceptions as faults
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from otpvoice.adapters.store import CallRecord, StoreUnavailable, keys
from otpvoice.adapters.store.record import ENDED, call_key, decode, encode, nameable, standing_before

T = TypeVar("T")

_WRITE: Final = resources.files(__package__).joinpath("scripts/write.lua").read_text(encoding="utf-8")

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
# How scripts of Redis up to 7.0 say NOPERM (script.c, scriptVerifyACL).
_NO_PERMISSION_INSIDE: Final = "user executing the script can't"


class RedisStore:
    """A Store in Redis. Needs no running server to be made, and finds it again after every loss.

    ``url``: ``redis://[user:password@]host:port/db``, ``rediss://…`` or ``unix://…``; ValueError, without the address,
    if it is none. ``ttl``: how long records and summaries are kept, s. ``connect_timeout``: to reach the server, s.
    ``timeout``: for one whole operation, waiting for a connection and a second attempt included, s.
    ``connections``: at most so many at once; operations over it wait in line, within their deadline.
    """

    def __init__(
        self, url: str, *, ttl: float, connect_timeout: float = 1.0, timeout: float = 2.0, connections: int = 16
    ) -> None:
        self._ttl_ms = round(ttl * 1000)
        if self._ttl_ms <= 0:
            raise ValueError("ttl must be longer than a millisecond")
        self._timeout = timeout
        self._pool = _pool(url, connect_timeout=connect_timeout, connections=connections)
        self._redis = Redis.from_pool(self._pool)
        # By its SHA-1; a server that does not know it (new, restarted, SCRIPT FLUSH) is sent the text.
        self._write = self._redis.register_script(_WRITE)

    async def save(self, record: CallRecord, /) -> None:
        """Write a call that goes on; see Store."""
        key = call_key(record)
        if record["state"] == ENDED:
            raise ValueError("a call that ended is written by finish")
        await self._run_write([keys.call(*key)], record)

    async def finish(self, record: CallRecord, /) -> bool:
        """Write a call that ended and its summary; see Store."""
        key = call_key(record)
        if record["state"] != ENDED:
            raise ValueError("a call that goes on is written by save")
        return await self._run_write([keys.call(*key), keys.summaries(key.account)], record)

    async def get(self, account: str, call_id: str, /) -> dict[str, Any] | None:
        """The record or None; see Store."""
        if not (nameable(account) and nameable(call_id)):
            return None
        stored = await self._within_deadline(self._redis.get(keys.call(account, call_id)))
        if stored is None:
            return None
        record = decode(stored)
        if record is None:
            raise StoreUnavailable("unreadable_record")
        return record

    async def ping(self) -> None:
        """Return if the server takes writes now.

        By a write: a full server, one that lost its disk and a replica all answer PING, or answer it at times.
        """
        await self._within_deadline(self._redis.set(keys.WRITABLE, b"1", px=1000))

    async def close(self) -> None:
        """Close all connections."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._redis.aclose()
        except (faults.RedisError, OSError):
            return  # a connection that is lost already; there is nobody to tell

    async def _run_write(self, key_names: list[str], record: CallRecord) -> bool:
        arguments = (record["id"], encode(record), self._ttl_ms, *standing_before(record["state"]))
        return bool(await self._within_deadline(self._write(keys=key_names, args=arguments)))

    async def _within_deadline(self, operation: Awaitable[T]) -> T:
        try:
            with _faults_translated():
                async with asyncio.timeout(self._timeout):
                    return await operation
        except StoreUnavailable as fault:
            if fault.reason == "read_only":
                # The server became a replica. Its address may lead to the new primary, but only new connections see it.
                with _faults_translated():
                    await self._pool.disconnect(inuse_connections=False)
            raise


def _pool(url: str, *, connect_timeout: float, connections: int) -> BlockingConnectionPool:
    try:
        tcp_only = {} if urlsplit(url).scheme == "unix" else {"socket_keepalive": True}
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=None,  # the wait for a free connection ends with the operation's deadline
            socket_connect_timeout=connect_timeout,
            # No deadlines for single steps: redis-py keeps them with asyncio.wait_for, a task for each command, and
            # before Python 3.12 that can swallow the cancellation by which the whole operation's deadline ends it.
            socket_timeout=None,
            # A connection that idled is tried before it is used; one that died in silence is found by keepalive.
            health_check_interval=15,
            # Once more and at once, and only where the connection broke: that is what an idle connection does when
            # the server restarted. redis-py's default, ten times with pauses, is for those who have no deadline.
            # Repeating is safe: all that is ever sent is a read, the script, or ping's write.
            retry=Retry(NoBackoff(), 1, supported_errors=(faults.ConnectionError,)),
            protocol=2,  # no HELLO: one round trip less, and nothing of RESP3 is of use here
            driver_info=None,  # nor CLIENT SETINFO, which a narrow ACL refuses
            **tcp_only,
        )
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
    code = _CODE.search(f"{getattr(fault, 'status_code', '')} {fault}")
    if code is not None:
        return _REASONS[code[1]]
    if _NO_PERMISSION_INSIDE in str(fault):
        return "no_permission"
    if isinstance(fault, faults.ConnectionError):
        return "unreachable" if "connecting to" in str(fault) else "connection_lost"
    return "server_error"
