"""Stories that are mostly waiting: what is noticed, or given up, only after many seconds; who presses keys for long.

They have nothing to do with each other and are told at the same time.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from otpvoice.ari.node import LOST_AFTER
from otpvoice.ari.socket import PING_EVERY, SILENT_AFTER
from otpvoice.core.actions import Gather, Say
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import CallAnswered, CharacterPlayed
from otpvoice.service import LAST_WRITES
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.ari_proxy import AriProxy
from tests.faults.sites import Site, delivers, gather, open_site, refuses, say_code, verdict
from tests.faults.worlds import world_behind
from tests.scenarios.world import LATE, NOBODY, code

pytestmark = pytest.mark.asterisk

SOON_AFTER = 4.0
"""Seconds in which what is due has happened, on a busy machine."""


async def test_what_takes_long(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    stories = (an_asterisk_that_stays_away, an_asterisk_that_freezes, a_redis_that_stays_away)
    told = [story(tmp_path / story.__name__) for story in stories]
    told += [a_silent_events_socket(asterisk), a_flood_of_keys(asterisk, tmp_path / "keys")]
    ends = await asyncio.gather(*told, return_exceptions=True)
    if errors := [end for end in ends if isinstance(end, Exception)]:
        raise ExceptionGroup("stories that ended otherwise", errors)


async def an_asterisk_that_stays_away(folder: Path) -> None:
    """A call that rings could be answered by an Asterisk that is back in time; it is given up when it is not."""
    async with (
        await AsteriskInstance.start(folder / "asterisk", trunk=NOBODY, rtp_ports=50) as asterisk,
        open_site(folder, asterisk) as site,
    ):
        ringing = await site.place(site.never_answers(), say_code("705"))
        await site.told("call.ringing", ringing)
        asterisk.kill()
        summary = await site.summary(ringing, within=LOST_AFTER + SOON_AFTER)
        assert verdict(summary) == ("failed", "asterisk_lost", "asterisk")
        assert (await site.readyz()).body["calls"] == 0
        site.service.terminate()
        assert await site.service.ended(within=SOON_AFTER) == 0


async def an_asterisk_that_freezes(folder: Path) -> None:
    """It is noticed, and whatever is found of a call then, nobody is left on the line, and none is rung twice."""
    async with (
        await AsteriskInstance.start(folder / "asterisk", trunk=NOBODY, rtp_ports=50) as asterisk,
        open_site(folder, asterisk) as site,
    ):
        phones = [site.answers(), site.answers(), site.never_answers(), site.answers()]
        speaking = await site.place(phones[0], say_code("482913", times=2))
        keying = await site.place(phones[1], gather(4), say_code("705"))
        ringing = await site.place(phones[2], say_code("482"), ring_timeout=5)
        await site.told("code.character_played", speaking)
        await site.told("call.answered", keying)
        await site.told("call.ringing", ringing)
        asterisk.pause()
        late = await site.place(phones[3], say_code("705"))
        await site.not_ready("asterisk_unavailable", within=SILENT_AFTER + SOON_AFTER)
        await refuses(site, "asterisk_unavailable")
        asterisk.resume()
        await site.full()
        await phones[1].press("4829")
        ends = [await site.summary(call) for call in (speaking, keying, ringing, late)]
        for phone in phones:
            await phone.over()
            assert phone.rung == 1
        assert verdict(ends[1]) == ("completed", None, "plan")
        assert ends[1]["collected"][0]["count"] == 4
        assert verdict(ends[2]) == ("no_answer", None, "timeout")
        await delivers(site)
        assert len(await site.all_summaries()) == 5


async def a_redis_that_stays_away(folder: Path) -> None:
    """What can't be written at the end is in the log, and the process ends all the same."""
    async with (
        await AsteriskInstance.start(folder / "asterisk", trunk=NOBODY, rtp_ports=50) as asterisk,
        open_site(folder, asterisk) as site,
    ):
        phone = site.answers()
        call = await site.place(phone, say_code("482"))
        await site.told("code.character_played", call)
        site.redis.kill()
        await site.told("call.ended", call)
        await phone.over()
        site.service.terminate()
        assert await site.service.ended(within=LAST_WRITES + SOON_AFTER) == 0
        kept = await site.told("store.not_written")
        assert kept["record"]["id"] == call
        assert kept["record"]["delivered"] is True


async def a_silent_events_socket(asterisk: AsteriskInstance) -> None:
    """No end is told of, and nothing comes: found out by our own pings, and made good."""
    async with AriProxy(asterisk.ari_url) as proxy, world_behind(proxy, asterisk) as world:
        keys = Gather(DigitRules(max_digits=4, first_digit_timeout=60.0))
        stays, leaves = world.answers(), world.answers()
        staying = await world.place(world.plan(code("482"), keys, Say("thank you"), to=stays))
        leaving = await world.place(world.plan(keys, to=leaves))
        await staying.seen(CharacterPlayed, 3)
        await leaving.seen(CallAnswered)
        loop = asyncio.get_running_loop()
        silent_from = loop.time()
        proxy.black_hole("events")
        await leaves.hang_up()
        await world.until(lambda: not world.node.connected, within=SILENT_AFTER + PING_EVERY + SOON_AFTER)
        noticed = loop.time() - silent_from
        assert SILENT_AFTER - PING_EVERY - LATE < noticed < SILENT_AFTER + 1 + LATE
        assert verdict(await leaving.over()) == ("completed", "events_lost", "asterisk")
        await stays.press("4821")
        summary = await staying.over()
        assert staying.keys == ["4821"]
        assert verdict(summary) == ("completed", None, "plan")
        assert summary["delivered"] is True


FLOOD = 200
"""Keys, one every 40 ms."""


async def a_flood_of_keys(asterisk: AsteriskInstance, folder: Path) -> None:
    """A telephone's keys held down by a child, or worse."""
    every: dict[str, Any] = {"terminators": "", "sensitive": False, "type_ahead": "keep"}
    gathers = [gather(64, first_digit_timeout=1, inter_digit_timeout=1, **every) for _ in range(3)]
    async with open_site(folder, asterisk) as site:
        phone = site.answers()
        call = await site.place(phone, *gathers, say_code("705"))
        await site.told("call.answered", call)
        await phone.press("".join(str(n % 10) for n in range(FLOOD)), on=0.02, off=0.02)
        summary = await site.summary(call)
        assert verdict(summary) == ("completed", None, "plan")
        assert summary["delivered"] is True
        assert summary["errors"] == []
        # Asterisk makes a key and the gap after it last 125 ms (channel.c, AST_MIN_DTMF_DURATION and _GAP): there is no
        # room for keys that come faster for so long. What it lets through is what is counted.
        let_through = keys_on_media_sockets(asterisk, site)
        assert FLOOD / 4 < len(let_through) <= FLOOD
        assert "".join(found["digits"] for found in summary["collected"]) == let_through
        assert summary["collected"][0]["count"] == 64


def keys_on_media_sockets(asterisk: AsteriskInstance, site: Site) -> str:
    """Return all keys that Asterisk told a service of, by its own debug log (chan_websocket.c)."""
    told = rf'"channel_id":"{site.leg_prefix}\d+","digit":"(.)"'
    return "".join(re.findall(told, asterisk.log_path.read_text(errors="replace")))
