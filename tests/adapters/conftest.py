"""A Redis for the tests of a file, and both stores, one after the other; an endpoint, and who posts to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.testkit.redis import RedisInstance
from otpvoice.trust.addresses import UrlAllow
from tests.adapters.store_shelves import MemoryShelf, RedisShelf, Shelf
from tests.adapters.webhooks_world import Sink, TimedOutbox, opened_sink
from tests.fakes.proxy import FaultProxy


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    instance = asyncio.run(_started(tmp_path_factory.mktemp("redis")))
    yield instance.url
    asyncio.run(instance.stop())


async def _started(folder: Path) -> RedisInstance:
    return await RedisInstance.start(folder)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisInstance]:
    """A Redis for one test, which may kill it."""
    async with await RedisInstance.start(tmp_path / "redis", appendonly=True) as instance:
        yield instance


@pytest.fixture
async def admin(server: RedisInstance) -> AsyncIterator[Any]:
    """A client of the server itself, past the proxy."""
    async with Redis.from_url(server.url) as client:
        yield client


@pytest.fixture
async def proxy(server: RedisInstance) -> AsyncIterator[FaultProxy]:
    async with FaultProxy("127.0.0.1", server.port) as proxy:
        yield proxy


@pytest.fixture(params=["memory", "redis"])
async def shelf(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Shelf]:
    if request.param == "memory":
        yield MemoryShelf(dead_letters=10)
        return
    shelf = RedisShelf(redis_url, dead_letters=10)
    await shelf.redis.flushall()
    yield shelf
    await shelf.close()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with opened_sink() as sink:
        yield sink


@pytest.fixture
def outbox() -> TimedOutbox:
    return TimedOutbox()


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    client = GuardedClient(UrlAllow())
    yield client
    await client.close()
