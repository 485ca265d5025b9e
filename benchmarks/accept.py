"""How many requests to call are accepted in a second, and how soon: with a test key, so that only ours is measured.

The service runs as a process with a real Redis and no Asterisk; the calls themselves are rehearsed at the same time.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance

KEY: Final = "otp_test_benchmark_0123456789"
CONNECTIONS: Final = 8
TURNED_AWAY: Final = 0.05
"""Seconds until a connection that was told to come back asks again: sooner than it was told, to keep the door busy."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """``spans``: seconds from request to 202, sorted. ``per_second``: with all connections busy.

    ``failed``: others, but for those who were told to come back.
    """

    spans: list[float]
    per_second: float
    failed: int


async def measure(folder: Path, seconds: float, *, repeatable: bool = False) -> Accepted:
    """Ask for calls for so many seconds. ``repeatable``: each with an idempotency key."""
    kind = "repeatable" if repeatable else "plain"
    spans: list[float] = []
    failed = 0
    numbers = itertools.count()
    async with (
        await RedisInstance.start(folder / f"{kind}-redis") as redis,
        await ServeInstance.start(
            folder / f"{kind}-service",
            {
                "ari_url": "http://127.0.0.1:9",
                "ari_password": "no Asterisk is asked",
                "trunk": "PJSIP/{number}@trunk",
                "caller_ids": "+12025550199",
                "allow_destinations": "+1202",
                "api_keys": KEY,
                "secret_key": "3q2+7wEjRWeJq83vASNFZ4mrze8BI0VniavN7wEjRWc=",
                "redis_url": redis.url,
                "log_level": "warning",
                "drain_timeout": 0,
            },
        ) as service,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http,
    ):

        async def ask(until: float) -> None:
            nonlocal failed
            while time.perf_counter() < until:
                number = next(numbers)
                headers = {"Idempotency-Key": f"bench-{number}"} if repeatable else {}
                body = {"to": f"+1202{number + 2_000_000:07d}", "code": "482913", "times": 1}
                before = time.perf_counter()
                async with http.post(f"{service.url}/v1/calls", json=body, headers=headers) as answer:
                    document = await answer.json(content_type=None)
                if document.get("code") == "overloaded":
                    # Admission does its work: there are as many as this machine can take in.
                    await asyncio.sleep(TURNED_AWAY)
                    continue
                spans.append(time.perf_counter() - before)
                failed += answer.status != 202

        async def all_ask(span: float) -> float:
            spans.clear()
            begin = time.perf_counter()
            await asyncio.gather(*(ask(begin + span) for _ in range(CONNECTIONS)))
            return len(spans) / (time.perf_counter() - begin)

        await all_ask(1.0)
        failed = 0
        rate = await all_ask(seconds)
    return Accepted(sorted(spans), rate, failed)
