"""Redis dies, hangs, or loses an answer: the call never waits for it, and its summary is written exactly once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.redis import RedisInstance
from tests.fakes.proxy import FaultProxy
from tests.faults.sites import delivers, gather, open_site, refuses, say_code, summaries, verdict
from tests.metrics.samples import parsed, samples_of

pytestmark = pytest.mark.asterisk

AT_ONCE = 1.0
"""Seconds between a call's last word and its end, on a busy machine."""
ANSWERED_WITHIN = 4.0
"""Seconds within which a request is answered when the store is not: its own limit is 2 s."""


async def test_redis_is_killed_at_the_end_of_a_call_and_away_for_the_next(
    asterisk: AsteriskInstance, tmp_path: Path
) -> None:
    async with open_site(tmp_path, asterisk) as site:
        phone = site.answers()
        call = await site.place(phone, say_code("482"))
        await site.told("code.character_played", call)
        site.redis.kill()
        await site.told("code.delivered", call)
        await phone.over(within=AT_ONCE)
        assert (await site.told("call.ended", call))["delivered"] is True
        # What is on its way to the store can be asked for; a new call could not be kept.
        shown = await site.show(call)
        assert (shown.status, shown.body["state"], shown.body["delivered"]) == (200, "ended", True)
        for _ in range(3):
            await refuses(site, "store_unavailable")
        unready = await site.readyz()
        assert (unready.status, unready.reasons) == (503, ["store_unavailable"])
        assert unready.body["store"]["ready"] is False
        said = samples_of(parsed(await site.metrics(), "text/plain"))
        assert (said["otpvoice_store_up"], said["otpvoice_store_writes_pending"]) == (0, 1)
        assert said['otpvoice_codes_total{delivered="true"}'] == 1
        assert said['otpvoice_calls_refused_total{door="http",reason="store_unavailable"}'] == 3
        assert "otpvoice_webhooks_pending" not in said
        await site.legs_back()
        await site.redis.restart()
        summary = await site.summary(call)
        assert verdict(summary) == ("completed", None, "plan")
        assert summary["delivered"] is True
        assert (await site.show(call)).body == summary == shown.body
        await site.full()
        await delivers(site)
        # No INVITE but those of the two calls that were taken.
        assert site.invites == 2
        assert len(await site.all_summaries()) == 2


async def test_a_lost_answer_makes_no_second_entry(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with (
        await RedisInstance.start(tmp_path / "redis", appendonly=True) as redis,
        FaultProxy("127.0.0.1", redis.port) as proxy,
        open_site(tmp_path, asterisk, redis=redis, redis_url=f"redis://127.0.0.1:{proxy.port}/0") as site,
    ):
        phone = site.answers()
        accepted = proxy.cut_reply(to=b"EVALSHA")
        call = await site.place(phone, say_code("482"))
        assert accepted.done()
        await site.told("code.character_played", call)
        ended = proxy.cut_reply(to=b"EVALSHA")
        await ended
        assert verdict(await site.summary(call)) == ("completed", None, "plan")
        assert phone.rung == 1
        # The repeat has come and gone when the next call's entry is there.
        await delivers(site)
        assert len(await site.all_summaries()) == 2


async def test_redis_says_nothing_any_more(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with (
        await RedisInstance.start(tmp_path / "redis", appendonly=True) as redis,
        FaultProxy("127.0.0.1", redis.port) as proxy,
        open_site(tmp_path, asterisk, redis=redis, redis_url=f"redis://127.0.0.1:{proxy.port}/0") as site,
    ):
        phone, keys = site.answers(), site.answers()
        call = await site.place(phone, say_code("482"))
        waiting = await site.place(keys, gather(4), say_code("705"))
        await site.told("code.character_played", call)
        await site.told("call.answered", waiting)
        proxy.black_hole()
        await site.told("code.delivered", call)
        await phone.over(within=AT_ONCE)
        # A call in progress is known without the store, and can be ended without it.
        assert (await site.show(waiting)).body["state"] == "answered"
        async with asyncio.timeout(ANSWERED_WITHIN):
            _, unready, scraped = await asyncio.gather(
                refuses(site, "store_unavailable"), site.readyz(), site.metrics()
            )
        assert "store_unavailable" in unready.reasons
        assert samples_of(parsed(scraped, "text/plain"))["otpvoice_store_up"] == 0
        await keys.press("4829")
        await site.told("code.delivered", waiting)
        await keys.over(within=AT_ONCE)
        await proxy.restore()
        for call_id in (call, waiting):
            summary = await site.summary(call_id)
            assert verdict(summary) == ("completed", None, "plan")
            assert summary["delivered"] is True
        await site.full()
        await delivers(site)
        # The write of the call that was refused may arrive after all; that it has an end, too, is seen to.
        async with Redis.from_url(redis.url) as client:
            (refused,) = [end for end in await summaries(client) if end["id"] not in site.calls]
        assert verdict(refused) == ("failed", "lost_before_dialing", "us")
        assert (len(await site.all_summaries()), site.invites) == (4, 3)
