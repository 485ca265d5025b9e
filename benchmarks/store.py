"""What the store adds to the one script call that the end of a call takes, against a real Redis on loopback.

Both run the same script over the same arguments with the same client; the store adds its checks and its deadline.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any, Final

import orjson
from redis.asyncio import Redis

from otpvoice.adapters.store import Change, Owner, StoredEvent, keys
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.store.redis.scripts import SCRIPTS
from otpvoice.testkit.redis import RedisInstance

TTL: Final = 604_800.0
DEAD_LETTERS: Final = 100_000
ENDPOINT: Final = "https://hooks.example/otp"
NOT_IN_PROGRESS: Final = 0
NOTHING_LEFT: Final = ("", "", "", 0)
"""What a call that ended leaves to a next life."""
OWNER: Final = Owner("benchmark", "first")
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


def ended(record: dict[str, Any]) -> StoredEvent:
    """Return what is told and posted of its end."""
    event_id = f"evt_{record['id'][5:]}_9"
    body = orjson.dumps({"id": event_id, "type": "call.ended", "account": "default", "data": {"call": record}})
    return StoredEvent(event_id, 9, "call.ended", body, ENDPOINT)


async def writes(folder: Path, count: int) -> tuple[float, float]:
    """Return the median seconds of ``finish`` and of a bare EVALSHA, in turns of ``count`` each."""
    ours: list[float] = []
    theirs: list[float] = []
    async with await RedisInstance.start(folder) as redis:
        store = RedisStore(redis.url, ttl=TTL, dead_letters=DEAD_LETTERS, owner=OWNER)
        bare = Redis.from_url(redis.url, protocol=2)
        sha = await bare.script_load(SCRIPTS["finish"])
        number = 0
        for _ in range(TURNS):
            for _ in range(count):
                number += 1
                record = summary(number)
                change = Change(record, (ended(record),))
                before = time.perf_counter()
                await store.finish(change)
                ours.append(time.perf_counter() - before)
            for _ in range(count):
                number += 1
                record = summary(number)
                event = ended(record)
                told = 1, event.id, event.number, event.type, event.body, ENDPOINT
                kept = round(TTL * 1000), DEAD_LETTERS, NOT_IN_PROGRESS, f"{OWNER.instance} {OWNER.life}", *NOTHING_LEFT
                arguments = record["id"], orjson.dumps(record), *kept, *told
                before = time.perf_counter()
                written, entry = await bare.evalsha(sha, 1, keys.root("default"), *arguments)
                theirs.append(time.perf_counter() - before)
                assert (written, bool(entry)) == (1, True), "it is another script by now"
        await bare.aclose()
        await store.close()
    return statistics.median(ours), statistics.median(theirs)
