"""What the store adds to the one script call that a summary takes, against a real Redis on loopback.

Both run the same script over the same arguments with the same client; the store adds its checks and its deadline.
"""

from __future__ import annotations

import statistics
import time
from importlib import resources
from pathlib import Path
from typing import Any, Final

import orjson
from redis.asyncio import Redis

from otpvoice.adapters.store import keys
from otpvoice.adapters.store.record import standing_before
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.testkit.redis import RedisInstance

TTL: Final = 604_800.0
TURNS: Final = 5


def summary(number: int) -> dict[str, Any]:
    """Return a record of the size that calls have."""
    digits = [{"reading": 1, "position": position, "at_ms": position * 400} for position in range(1, 7)]
    leg = {"role": "first", "channel": f"call_{number:024x}-1", "sip_call_id": "0" * 36, "quality": None}
    return {
        "schema": 1,
        "id": f"call_{number:024x}",
        "account": "default",
        "state": "ended",
        "from": "+12025550199",
        "to": "+12025550100",
        "outcome": {"class": "completed", "reason": None, "cause": 16, "sip_status": None, "ended_by": "plan"},
        "delivered": True,
        "played": {"readings": 1, "complete": True, "digits": digits, "first_audio_ms": 2},
        "created_at": "2026-01-01T00:00:00.000Z",
        "legs": [leg],
        "metadata": {},
        "errors": [],
    }


async def writes(folder: Path, count: int) -> tuple[float, float]:
    """Return the median seconds of ``finish`` and of a bare EVALSHA, in turns of ``count`` each."""
    script = resources.files("otpvoice.adapters.store").joinpath("scripts/write.lua").read_text(encoding="utf-8")
    ours: list[float] = []
    theirs: list[float] = []
    async with await RedisInstance.start(folder) as redis:
        store = RedisStore(redis.url, ttl=TTL)
        bare = Redis.from_url(redis.url, protocol=2)
        sha = await bare.script_load(script)
        number = 0
        for _ in range(TURNS):
            for _ in range(count):
                number += 1
                record = summary(number)
                before = time.perf_counter()
                await store.finish(record)
                ours.append(time.perf_counter() - before)
            for _ in range(count):
                number += 1
                record = summary(number)
                names = keys.call("default", record["id"]), keys.summaries("default")
                body = orjson.dumps(record)
                arguments = record["id"], body, round(TTL * 1000), *standing_before("ended")
                before = time.perf_counter()
                await bare.evalsha(sha, 2, *names, *arguments)
                theirs.append(time.perf_counter() - before)
        await bare.aclose()
        await store.close()
    return statistics.median(ours), statistics.median(theirs)
