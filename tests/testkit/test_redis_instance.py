"""The Redis that tests, demo and benchmarks run against: alone, empty, and gone at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
import redis.asyncio

from otpvoice.testkit.redis import RedisInstance


@asynccontextmanager
async def client(instance: RedisInstance) -> AsyncIterator[redis.asyncio.Redis]:
    connection = redis.asyncio.from_url(instance.url, decode_responses=True, socket_timeout=0.3, retry=None)
    try:
        yield connection
    finally:
        await connection.aclose()


async def test_two_run_side_by_side_and_share_nothing(tmp_path: Path) -> None:
    one, two = await asyncio.gather(RedisInstance.start(tmp_path / "one"), RedisInstance.start(tmp_path / "two"))
    async with one, two, client(one) as first, client(two) as second:
        assert one.url != two.url
        await first.set("key", "one")
        assert await second.get("key") is None


@pytest.mark.parametrize(("appendonly", "expected"), [(True, "kept"), (False, None)])
async def test_what_a_kill_leaves(tmp_path: Path, appendonly: bool, expected: str | None) -> None:
    async with await RedisInstance.start(tmp_path / "redis", appendonly=appendonly) as instance:
        url = instance.url
        async with client(instance) as connection:
            await connection.set("key", "kept")
        instance.kill()
        assert not instance.running
        await instance.restart()
        assert instance.url == url
        async with client(instance) as connection:
            assert await connection.get("key") == expected


async def test_while_paused_it_answers_nothing_and_then_goes_on(tmp_path: Path) -> None:
    async with await RedisInstance.start(tmp_path / "redis") as instance:
        instance.pause()
        async with client(instance) as connection:
            with pytest.raises(redis.TimeoutError):
                await connection.ping()
        instance.resume()
        async with client(instance) as connection:
            assert await connection.ping()


async def test_nothing_is_left_after_stop(tmp_path: Path) -> None:
    instance = await RedisInstance.start(tmp_path / "redis")
    pid = instance.pid
    await instance.stop()
    assert not psutil.pid_exists(pid)
    assert not list((tmp_path / "redis").glob("*.rdb"))
    await instance.stop()
