"""Redis is too slow, full, without a disk, or empty all of a sudden: calls end as they would, and are written once.

The stories have nothing to do with each other and are told at the same time.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from otpvoice.testkit.redis import RedisInstance
from tests.fakes import FakeAsterisk
from tests.fakes.proxy import FaultProxy
from tests.faults.sites import Site, delivers, gather, open_site, refuses, say_code, summaries, verdict
from tests.metrics.samples import parsed, samples_of
from tests.scenarios.stories import side_by_side

LATENCY: Final = 2.5
"""Seconds by which each answer comes later: more than an operation waits for one, which is 2 s."""
DEADLINE: Final = 4.0
"""Seconds within which a request is answered when the store is not, on a busy machine."""
HELD_UP: Final = "1.0"
"""Seconds, a bucket: no loop that waits for Redis itself would be less late."""


async def test_what_redis_may_lack(tmp_path: Path) -> None:
    async with FakeAsterisk() as asterisk:
        stories = (it_answers_too_late, it_is_full, it_has_no_disk, it_forgets_everything)
        await side_by_side(*(story(asterisk, tmp_path / story.__name__) for story in stories))


async def a_call_on_its_way(site: Site) -> str:
    """Somebody has picked up, and the first key is awaited."""
    call = await site.place(site.answers(), gather(4), say_code("705"))
    await site.told("call.answered", call)
    return call


async def keys_and_hears(site: Site, call: str) -> None:
    """The callee of the last call goes on, and the call ends as it would."""
    phone = site.phones[site.calls.index(call)]
    await phone.press("4829")
    await phone.over()
    assert (await site.told("call.ended", call))["delivered"] is True


async def delivered_once(site: Site, call: str, keys: int = 4) -> None:
    summary = await site.summary(call)
    assert verdict(summary) == ("completed", None, "plan")
    assert summary["delivered"] is True
    assert summary["collected"][0]["count"] == keys


async def it_answers_too_late(asterisk: FakeAsterisk, folder: Path) -> None:
    """No operation waits longer than its deadline, and none of them holds up the event loop."""
    async with (
        await RedisInstance.start(folder / "redis", appendonly=True) as redis,
        FaultProxy("127.0.0.1", redis.port) as proxy,
        open_site(folder, asterisk, redis=redis, redis_url=f"redis://127.0.0.1:{proxy.port}/0") as site,
    ):
        call = await a_call_on_its_way(site)
        proxy.latency = LATENCY
        async with asyncio.timeout(DEADLINE):
            _, unready, shown = await asyncio.gather(refuses(site, "store_unavailable"), site.readyz(), site.show(call))
        assert "store_unavailable" in unready.reasons
        assert shown.body["state"] == "answered"
        await keys_and_hears(site, call)
        told = samples_of(parsed(await site.metrics(), "text/plain"))
        late = "otpvoice_event_loop_lag_seconds_bucket"
        assert told[f'{late}{{le="+Inf"}}'] > 0
        assert told[f'{late}{{le="{HELD_UP}"}}'] == told[f'{late}{{le="+Inf"}}']
        proxy.latency = 0.0
        await delivered_once(site, call)
        await site.full()
        await delivers(site)
        # The one that was refused was written all the same, and has its end, too.
        async with asyncio.timeout(10), Redis.from_url(redis.url) as client:
            while len(found := await summaries(client)) < 3:  # noqa: ASYNC110 - it is another process's
                await asyncio.sleep(0.05)
        (refused,) = [end for end in found if end["id"] not in site.calls]
        assert verdict(refused) == ("failed", "lost_before_dialing", "us")


async def it_is_full(asterisk: FakeAsterisk, folder: Path) -> None:
    """``maxmemory`` with ``noeviction``: what takes room is refused, and written when there is some again."""
    async with open_site(folder, asterisk) as site, Redis.from_url(site.redis.url) as client:
        call = await a_call_on_its_way(site)
        await client.config_set("maxmemory", "1")
        await refuses(site, "store_unavailable")
        assert "store_unavailable" in (await site.readyz()).reasons
        await keys_and_hears(site, call)
        assert (await site.told("store.writes_not_taken"))["reason"] == "out_of_memory"
        assert await site.all_summaries() == []
        await client.config_set("maxmemory", "0")
        await delivered_once(site, call)
        await site.full()
        await delivers(site)
        assert len(await site.all_summaries()) == 2


async def it_has_no_disk(asterisk: FakeAsterisk, folder: Path) -> None:
    """MISCONF: a snapshot failed, so Redis takes no writes, as it is set by itself."""
    async with open_site(folder, asterisk) as site, Redis.from_url(site.redis.url) as client:
        call = await a_call_on_its_way(site)
        # A folder lies where the snapshot is to lie. (One that may not be written keeps out nobody who is root.)
        in_the_way = site.redis.folder / "dump.rdb"
        in_the_way.mkdir()
        await client.config_set("save", "3600 1000000")
        assert not await snapshot(client)
        await refuses(site, "store_unavailable")
        await keys_and_hears(site, call)
        assert (await site.told("store.writes_not_taken"))["reason"] == "disk_error"
        assert await site.all_summaries() == []
        in_the_way.rmdir()
        assert await snapshot(client)
        await delivered_once(site, call)
        await site.full()
        await delivers(site)
        assert len(await site.all_summaries()) == 2


async def snapshot(client: Redis) -> bool:
    """Have one written. Returns whether it was."""
    await client.bgsave()
    async with asyncio.timeout(10):
        while (state := await client.info("persistence"))["rdb_bgsave_in_progress"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return bool(state["rdb_last_bgsave_status"] == "ok")


async def it_forgets_everything(asterisk: FakeAsterisk, folder: Path) -> None:
    """FLUSHALL, and its scripts with it: a call that goes on ends as it would, and its summary is there once."""
    async with open_site(folder, asterisk) as site, Redis.from_url(site.redis.url) as client:
        await delivers(site)
        call = await a_call_on_its_way(site)
        await client.flushall()
        await client.script_flush()
        assert (await site.readyz()).status == 200
        await keys_and_hears(site, call)
        await delivered_once(site, call)
        await delivers(site)
        # What was there before is lost, and said to be: a restart with AOF, a replica or a backup are for that.
        assert [end["id"] for end in await site.all_summaries()] == site.calls[1:]
