"""Waiting for events on a real Redis: one connection however many wait, whatever becomes of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from otpvoice.adapters.store import StoreUnavailable
from otpvoice.adapters.store.position import place
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.store.redis.connection import Connection
from otpvoice.adapters.store.redis.tail import Tail
from otpvoice.testkit.redis import RedisInstance
from tests.adapters.store_shelves import ACCOUNT, TTL, change
from tests.fakes.proxy import FaultProxy


@pytest.fixture
async def here(proxy: FaultProxy) -> AsyncIterator[RedisStore]:
    """Who waits, behind the proxy."""
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", ttl=TTL, timeout=1)
    yield store
    await store.close()


@pytest.fixture
async def there(server: RedisInstance) -> AsyncIterator[RedisStore]:
    """Another instance, which writes."""
    store = RedisStore(server.url, ttl=TTL)
    yield store
    await store.close()


async def listening(admin: Any) -> int:
    return sum("b" in client["flags"] for client in await admin.client_list())  # blocked


async def until(seen: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that the server does by itself."""
    async with asyncio.timeout(20):
        while not await seen():  # noqa: ASYNC110 - another process does not set our events
            await asyncio.sleep(0.01)


async def waiting(store: RedisStore, admin: Any, *, accounts: int = 1, waiters: int = 1) -> list[asyncio.Task[bool]]:
    """Return waiters, once it is listened for them."""
    names = [ACCOUNT, *(f"account_{n}" for n in range(1, accounts))]
    tasks = [
        asyncio.create_task(store.wait(name, await store.latest(name), 30)) for name in names for _ in range(waiters)
    ]

    async def all_listen() -> bool:
        return await listening(admin) == accounts

    await until(all_listen)
    return tasks


async def test_an_event_of_another_instance_wakes_everybody(here: RedisStore, there: RedisStore, admin: Any) -> None:
    tasks = await waiting(here, admin, waiters=50)
    await there.save(change("queued", "a", 1))
    assert await asyncio.gather(*tasks) == [True] * 50


async def test_each_account_is_listened_to_once_and_hears_of_itself_alone(
    here: RedisStore, there: RedisStore, admin: Any
) -> None:
    tasks = await waiting(here, admin, accounts=3, waiters=5)
    await there.save(change("queued", "a", 1, account="account_2"))
    assert await asyncio.gather(*tasks[10:]) == [True] * 5
    assert not any(task.done() for task in tasks[:10])
    for task in tasks:
        task.cancel()


async def test_one_goes_on_waiting_on_the_same_connection(here: RedisStore, there: RedisStore, admin: Any) -> None:
    (task,) = await waiting(here, admin)
    await there.save(change("queued", "a", 1))
    await task
    made = (await admin.info("stats"))["total_connections_received"]
    for number in range(2, 12):
        position = await here.latest(ACCOUNT)
        task = asyncio.create_task(here.wait(ACCOUNT, position, 30))
        await asyncio.sleep(0)
        await there.save(change("queued", "a", number))
        assert await task is True
    assert (await admin.info("stats"))["total_connections_received"] == made


async def test_what_is_written_here_wakes_also_who_is_not_listened_for(
    here: RedisStore, proxy: FaultProxy, admin: Any
) -> None:
    """The connection that listens is held in a black hole; the one that writes was there before."""
    (task,) = await waiting(here, admin)
    here._tail.told(ACCOUNT, b"9999999999999-0")
    assert await task is True


@pytest.mark.parametrize("fault", ["restart", "flushall", "reset", "black hole"])
async def test_a_server_that_goes_and_comes_wakes_who_waits(
    here: RedisStore, there: RedisStore, server: RedisInstance, proxy: FaultProxy, fault: str
) -> None:
    admin: Any = Redis.from_url(server.url)
    await there.save(change("queued", "z", 1))
    tasks = await waiting(here, admin, waiters=3)
    match fault:
        case "restart":
            server.kill()
            await server.restart()
        case "flushall":
            await admin.flushall()
        case "reset":
            proxy.refuse()
            with pytest.raises(StoreUnavailable):
                await here.ping()
            await proxy.restore()
        case _:
            proxy.black_hole()
            with pytest.raises(StoreUnavailable):
                await here.ping()
            await proxy.restore()
    await there.save(change("queued", "a", 1))
    assert await asyncio.gather(*tasks) == [True] * 3
    await admin.aclose()


async def test_while_the_server_is_away_one_waits_in_vain_and_no_longer_than_asked(
    here: RedisStore, proxy: FaultProxy
) -> None:
    proxy.refuse()
    assert await here.wait(ACCOUNT, "0-0", 0.05) is False
    with pytest.raises(StoreUnavailable):
        await here.after(ACCOUNT, None)


async def test_nobody_is_listened_for_when_nobody_waits(server: RedisInstance, there: RedisStore, admin: Any) -> None:
    tail = Tail(Connection(server.url, connect_timeout=1, timeout=1, connections=None), block=0.05)
    assert tail.listening == 0
    assert await tail.wait(ACCOUNT, (0, 0), 0.2) is False

    async def ended() -> bool:
        return not tail.listening and not await listening(admin)

    await until(ended)
    task = asyncio.create_task(tail.wait(ACCOUNT, (0, 0), 30))  # and again on demand
    await asyncio.sleep(0)
    await there.save(change("queued", "a", 1))
    assert await task is True
    await tail.close()


async def test_after_a_flush_nobody_is_told_of_what_is_not_there_any_more(
    server: RedisInstance, there: RedisStore, admin: Any
) -> None:
    """Else whoever reads, finds nothing and waits again would do so without end."""
    tail = Tail(Connection(server.url, connect_timeout=1, timeout=1, connections=None), block=0.05)
    await there.save(change("queued", "a", 1))
    assert await tail.wait(ACCOUNT, (0, 0), 30) is True
    keeping = asyncio.create_task(tail.wait(ACCOUNT, place("9999999999999-0"), 30))
    await admin.flushall()

    async def not_told() -> bool:
        return not await tail.wait(ACCOUNT, (0, 0), 0.05)

    await until(not_told)
    keeping.cancel()
    await tail.close()


async def test_a_store_that_is_closed_listens_again_for_the_next(
    here: RedisStore, there: RedisStore, admin: Any
) -> None:
    (task,) = await waiting(here, admin)
    await here.close()
    task.cancel()

    async def ended() -> bool:
        return not await listening(admin)

    await until(ended)
    (task,) = await waiting(here, admin)
    await there.save(change("queued", "a", 1))
    assert await task is True
