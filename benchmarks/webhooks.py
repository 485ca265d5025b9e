"""What a webhook costs beside a bare POST of the same bytes, to an endpoint in another process.

Three ways in turns, in one process, over the same number of connections: bare; signed and posted by the guarded client,
which is what a webhook adds; and the whole delivery, taken from a real Redis and crossed out there afterwards.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks import sink
from benchmarks.store import TTL, summary
from benchmarks.worker import Worker
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.store import Change, StoredEvent
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.webhooks import AccountHooks, Bounds, Dispatcher
from otpvoice.adapters.webhooks.posting import post
from otpvoice.testkit.redis import RedisInstance
from otpvoice.trust.addresses import parse_allow
from otpvoice.trust.signing_secret import parse_secret

TURNS: Final = 5
ACCOUNT: Final = "default"
SECRET: Final = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY: Final = b'{"id": "evt_0", "data": "' + b"x" * 1800 + b'"}'
"""As long as an envelope is that tells of an ordinary call."""


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Seconds of CPU: a bare POST, one that is signed and guarded, a whole delivery; and deliveries in a second."""

    bare: float
    posted: float
    delivered: float
    per_second: float


async def measure(folder: Path, count: int) -> Webhooks:
    """Post ``count`` each way in each turn; the medians of the turns."""
    bare: list[float] = []
    posted: list[float] = []
    delivered: list[float] = []
    rates: list[float] = []
    async with (
        await RedisInstance.start(folder / "webhooks-redis") as redis,
        Worker("sink", folder / "sink.log") as endpoint,
    ):
        url = f"http://127.0.0.1:{await endpoint.ask('start')}{sink.PATH}"
        store = RedisStore(redis.url, ttl=TTL)
        hooks = AccountHooks((parse_secret(SECRET),), frozenset({url}))
        client = GuardedClient(parse_allow(()))
        async with aiohttp.ClientSession() as http:

            async def bare_post() -> None:
                async with http.post(url, data=BODY, headers={"Content-Type": "application/json"}) as answer:
                    await answer.read()

            async def our_post() -> None:
                await post(client, hooks, url, "evt_0", BODY, now=time.time(), seconds=15)

            for turn in range(TURNS + 1):  # the first one warms up
                await _fill(store, url, turn, count)
                cpu, seconds = await _dispatched(store, client, hooks, count)
                if await endpoint.ask("count") != count:
                    raise RuntimeError("not every webhook arrived once")
                ways = await _cpu_of(our_post, count), await _cpu_of(bare_post, count)
                await endpoint.ask("count")
                if turn:
                    delivered.append(cpu / count)
                    rates.append(count / seconds)
                    posted.append(ways[0] / count)
                    bare.append(ways[1] / count)
        await client.close()
        await store.close()
    return Webhooks(*map(statistics.median, (bare, posted, delivered, rates)))


async def _fill(store: RedisStore, url: str, turn: int, count: int) -> None:
    for number in range(count):
        record = summary(turn * count + number) | {"state": "answered"}
        event = StoredEvent(f"evt_{turn}_{number}", 1, "call.answered", BODY, url)
        await store.save(Change(record, (event,)))


async def _dispatched(store: RedisStore, client: GuardedClient, hooks: AccountHooks, count: int) -> tuple[float, float]:
    dispatcher = Dispatcher(store, {ACCOUNT: hooks}, client)
    cpu, begin = time.process_time(), time.perf_counter()
    running = asyncio.create_task(dispatcher.run())
    while dispatcher.delivered < count or dispatcher.under_way:  # noqa: ASYNC110 - a hundred times a second, of no weight
        await asyncio.sleep(0.01)
    spent = time.process_time() - cpu, time.perf_counter() - begin
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await dispatcher.close()
    return spent


async def _cpu_of(way: Callable[[], Awaitable[None]], count: int) -> float:
    left = iter(range(count))

    async def lane() -> None:
        for _ in left:
            await way()

    cpu = time.process_time()
    await asyncio.gather(*(lane() for _ in range(Bounds().endpoint)))
    return time.process_time() - cpu
