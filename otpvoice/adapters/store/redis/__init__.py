"""All ports in Redis (6.2 or later) or Valkey, each operation one Lua script that is safe to repeat, or reads alone.

It waits for nothing longer than its deadline, and keeps nothing that Redis did not take: ``writer.py`` does.

Its user needs the keys ``otpvoice:*`` and the commands DEL, EVALSHA, EXISTS, GET, HDEL, HEXISTS, HGET, HGETALL, HMGET,
HSET, MGET, PEXPIRE, PING, SCRIPT LOAD, SET, TIME, XADD, XDEL, XRANGE, XREAD, XREVRANGE, ZADD, ZCARD, ZCOUNT, ZMSCORE,
ZRANGE, ZREM, ZREMRANGEBYSCORE and ZSCORE. The server's ``maxmemory-policy`` has to be ``noeviction``: of an evicted
record the end can be written twice. What a server forgets after it has answered (AOF ``everysec``, failover to a
replica that lags) is lost. An account's streams are trimmed when the next entry is written; while there is none, the
last ones stay.
"""

from __future__ import annotations

from otpvoice.adapters.store import Owner
from otpvoice.adapters.store.owning import somebody
from otpvoice.adapters.store.redis.calls import Calls
from otpvoice.adapters.store.redis.connection import Connection
from otpvoice.adapters.store.redis.estates import Inheritance
from otpvoice.adapters.store.redis.following import Following
from otpvoice.adapters.store.redis.idempotency import Idempotency
from otpvoice.adapters.store.redis.outbox import Deliveries
from otpvoice.adapters.store.redis.registrations import Registers
from otpvoice.adapters.store.redis.tail import Tail

__all__ = ["RedisStore"]


class RedisStore(Calls, Inheritance, Idempotency, Following, Deliveries, Registers):
    """A Store, its Estates, Keys, Events and Outbox, and Registrations.

    Needs no running server to be made, and finds it again after every loss.

    ``url``: ``redis://[user:password@]host:port/db``, ``rediss://…`` or ``unix://…``; ValueError, without the address,
    if it is none. ``ttl``: how long records and summaries are kept, s; events at most a day. ``connect_timeout``: to
    reach the server, s. ``timeout``: for one whole operation, waiting for a connection and a second attempt included,
    s. ``connections``: at most so many at once; operations over it wait in line, within their deadline. Whoever waits
    for events does so on others, one for each account. ``dead_letters``: so many are kept of each account. ``owner``:
    for whom it writes, None: somebody who never was before; ValueError if a name of theirs can't be written down.
    """

    def __init__(
        self,
        url: str,
        *,
        ttl: float,
        connect_timeout: float = 1.0,
        timeout: float = 2.0,
        connections: int = 16,
        dead_letters: int = 100_000,
        owner: Owner | None = None,
    ) -> None:
        self._ttl_ms = round(ttl * 1000)
        if self._ttl_ms <= 0:
            raise ValueError("ttl must be longer than a millisecond")
        self._dead_letters = dead_letters
        self._owner = somebody(owner)
        self._server = Connection(url, connect_timeout=connect_timeout, timeout=timeout, connections=connections)
        self._tail = Tail(Connection(url, connect_timeout=connect_timeout, timeout=timeout, connections=None))

    async def ping(self) -> None:
        """Return if the server takes writes now."""
        await self._server.ping()

    async def close(self) -> None:
        """Close all connections."""
        await self._tail.close()
        await self._server.close()
