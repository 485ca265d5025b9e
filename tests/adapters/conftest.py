"""A Redis for the tests of a file, and both stores, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from otpvoice.testkit.redis import RedisInstance
from tests.adapters.store_shelves import MemoryShelf, RedisShelf, Shelf


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    instance = asyncio.run(_started(tmp_path_factory.mktemp("redis")))
    yield instance.url
    asyncio.run(instance.stop())


async def _started(folder: Path) -> RedisInstance:
    return await RedisInstance.start(folder)


@pytest.fixture(params=["memory", "redis"])
async def shelf(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Shelf]:
    if request.param == "memory":
        yield MemoryShelf(dead_letters=10)
        return
    shelf = RedisShelf(redis_url, dead_letters=10)
    await shelf.redis.flushall()
    yield shelf
    await shelf.store.close()
    await shelf.redis.aclose()
