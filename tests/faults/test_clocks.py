"""The clock is set, or the event loop stands still: calls do not notice, and what can be seen of it is seen."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis

from otpvoice.testkit.asterisk import AsteriskInstance
from tests.fakes import FakeAsterisk
from tests.faults.entries import entered_by
from tests.faults.sites import Site, delivers, gather, open_site, say_code, verdict
from tests.metrics.samples import parsed, samples_of
from tests.scenarios.stories import side_by_side

HOUR, DAY = 3600, 86_400
STALL: Final = 0.5
"""Seconds for which ``stalling.py`` stands still."""


def set_clock(site: Site, ahead: float) -> None:
    """Set the service's wall clock, in one step."""
    new = site.service.folder / "ahead.new"
    new.write_text(str(ahead))
    new.rename(site.service.folder / "ahead")


async def test_what_clocks_may_do(tmp_path: Path) -> None:
    async with FakeAsterisk() as fake:
        await side_by_side(
            it_is_set_in_the_midst_of_calls(fake, tmp_path / "ours"), redis_was_set_back(fake, tmp_path / "redis")
        )


async def it_is_set_in_the_midst_of_calls(asterisk: FakeAsterisk, folder: Path) -> None:
    """Whichever way, and by however much: nothing times out sooner or later, nobody is rung twice, all is written."""
    async with open_site(folder, asterisk, serve=entered_by("jumping.py")) as site:
        keying, waiting = site.answers(), site.answers()
        keyed = await site.place(keying, say_code("482"), gather(4, first_digit_timeout=60), say_code("705"))
        rings = await site.place(site.never_answers(), say_code("482"), ring_timeout=60)
        times_out = await site.place(waiting, gather(4, first_digit_timeout=4), say_code("705"))
        began = time.monotonic()
        await site.told("code.character_played", keyed)
        await site.told("call.ringing", rings)
        await site.told("call.answered", times_out)
        set_clock(site, HOUR)
        # From now on it listens. What there is to wait for is by a clock that nobody can set.
        await site.told("action.completed", keyed)
        for key, ahead in zip("4829", (-HOUR, DAY, -DAY, HOUR), strict=True):
            set_clock(site, ahead)
            await keying.press(key)
        ends = [await site.summary(call) for call in (keyed, times_out)]
        assert [verdict(end) for end in ends] == [("completed", None, "plan")] * 2
        assert [end["delivered"] for end in ends] == [True, True]
        assert [end["collected"][0]["ended_by"] for end in ends] == ["max_digits", "no_input"]
        # How long it took is told by that clock, too.
        played = [digit["at_ms"] for digit in ends[0]["played"]["digits"]]
        assert played == sorted(set(played)), "each after the one before"
        assert len(played) == 6
        assert played[-1] <= ends[0]["talk_ms"] <= (time.monotonic() - began) * 1000
        # A minute of ringing has not passed, though a day has.
        assert (await site.show(rings)).body["state"] == "ringing"
        await site.ask("POST", f"/v1/calls/{rings}/hangup")
        assert verdict(await site.summary(rings)) == ("canceled", None, "api")
        for ahead in (-DAY, DAY):
            set_clock(site, ahead)
            await delivers(site)
        assert [phone.rung for phone in site.phones] == [1] * 5
        assert len(await site.all_summaries()) == 5
        shown = [end["id"] for end in (await site.ask("GET", "/v1/calls")).body["data"]]
        assert sorted(shown) == sorted(site.calls)


async def redis_was_set_back(asterisk: FakeAsterisk, folder: Path) -> None:
    """The last entries are of tomorrow: those of now come behind them all the same, in order, and each is read once."""
    async with open_site(folder, asterisk) as site, Redis.from_url(site.redis.url) as redis:
        await delivers(site)
        tomorrow = round((time.time() + DAY) * 1000)
        for stream in ("summaries", "events"):
            (name,) = await redis.keys(f"otpvoice:{{default}}:{stream}")
            last: list[Any] = await redis.xrevrange(name, count=1) or []
            await redis.xadd(name, last[0][1], id=f"{tomorrow}-0")
        call = await site.place(site.answers(), say_code("482"))
        followed = await site.followed(call)
        assert (followed[0], followed[-1]) == ("call.queued", "call.ended")
        assert verdict(await site.summary(call)) == ("completed", None, "plan")
        told = (await site.ask("GET", f"/v1/calls/{call}/events")).body["data"]
        assert [event["type"] for event in told] == followed
        assert (await site.all_summaries())[-1]["id"] == call


async def test_a_loop_that_stands_still_is_seen_and_loses_nobody(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    """It shows in the metric and in the log; Asterisk, which waits for us to read, does not let go of us."""
    async with open_site(tmp_path, asterisk, serve=entered_by("stalling.py")) as site:
        speaking, keying, leaving = site.answers(), site.answers(), site.answers()
        calls = [
            await site.place(speaking, say_code("482913")),
            await site.place(keying, gather(4), say_code("705")),
            await site.place(leaving, gather(4)),
        ]
        await site.told("code.character_played", calls[0])
        for call in calls:
            await site.told("call.answered", call)
        os.kill(site.service.pid, signal.SIGUSR1)
        await leaving.hang_up()
        await keying.press("4829")
        ends = [await site.summary(call) for call in calls]
        assert [verdict(end) for end in ends] == [("completed", None, who) for who in ("plan", "plan", "callee")]
        assert [end["delivered"] for end in ends] == [True, True, None]
        assert ends[1]["collected"][0]["count"] == 4
        assert (await site.told("loop.lagging"))["worst_ms"] > STALL * 1000 / 2
        told = samples_of(parsed(await site.metrics(), "text/plain"))
        late = "otpvoice_event_loop_lag_seconds_bucket"
        assert told[f'{late}{{le="0.25"}}'] < told[f'{late}{{le="+Inf"}}']
        assert site.logged("ari.lost") == []
