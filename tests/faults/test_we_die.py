"""We die, or hang: Asterisk ends the calls by itself, and the next life tidies up and goes on.

The calls that are looked at are answered and in the bridge, with their media leg in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Ending
from otpvoice.testkit.serve import ServeInstance
from tests.faults.ari_proxy import AriProxy
from tests.faults.asking import Asking
from tests.faults.sites import LEGS, POLL, Site, call_of, delivers, gather, open_site, say_code, verdict
from tests.scenarios.world import LATE

pytestmark = pytest.mark.asterisk

SECONDS = 5.0
"""Within which a next life has hung up whom the former one left on the line."""
ABSOLUTE = 6.0
"""Seconds from the order to the end of a call of ``ShortLived``, whose plan could take 15."""


class ShortLived(ServeInstance):
    """A service whose calls Asterisk ends after ``ABSOLUTE`` seconds."""

    def _command(self) -> Sequence[str | Path]:
        *env, dash_m, module, serve = super()._command()
        assert (dash_m, module) == ("-m", "otpvoice")
        return [*env, Path(__file__).with_name("short_lived.py"), serve]


async def bridge_of(asterisk: AsteriskInstance, call: str) -> set[str]:
    """Return the channels that are in the bridge that a call's channel is in."""
    async with Asking(asterisk) as ask:
        bridges = await ask("bridges")
    (bridge,) = [bridge for bridge in bridges if f"{call}-1" in bridge["channels"]]
    return set(bridge["channels"])


async def test_asterisk_ends_a_call_that_nobody_looks_after(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async def ends_without(us: str) -> None:
        async with open_site(tmp_path / us, asterisk, serve=ShortLived) as site:
            phone = site.answers()
            call = await site.place(phone, say_code("482"), gather(4), ring_timeout=5, max_duration=10)
            await phone.heard(0.2)
            together = await bridge_of(asterisk, call)
            assert len(together) == 2
            if us == "killed":
                site.service.kill()
            else:
                # The leg's socket stays open: its leg is in the bridge to the end.
                site.service.pause()
            assert await call_of(phone).ended(within=ABSOLUTE + SECONDS) is Ending.CALLER_HUNG_UP
            times = call_of(phone).times
            assert times.bye is not None
            assert ABSOLUTE - LATE < times.bye - times.invite < ABSOLUTE + LATE
            # The BYE is sent before the channel is gone from Asterisk's lists.
            async with asyncio.timeout(SECONDS):
                left = await site.left(asterisk)
                while any(one.startswith(call) for one in left):
                    await asyncio.sleep(POLL)
                    left = await site.left(asterisk)
            if us == "frozen":
                assert together - {f"{call}-1"} <= set(left)

    await asyncio.gather(ends_without("killed"), ends_without("frozen"))


async def test_we_hang_for_a_moment(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    """Asterisk has what is to be heard: the callee notices nothing, and what happened meanwhile is not lost."""
    async with open_site(tmp_path, asterisk) as site:
        speaking, keying, leaving = site.answers(), site.answers(), site.answers()
        calls = [
            await site.place(speaking, say_code("482913")),
            await site.place(keying, gather(4), say_code("705")),
            await site.place(leaving, gather(4)),
        ]
        await site.told("code.character_played", calls[0])
        for call in calls:
            await site.told("call.answered", call)
        site.service.pause()
        await asyncio.gather(leaving.hang_up(), keying.press("4829"), asyncio.sleep(2))
        site.service.resume()
        ends = [await site.summary(call) for call in calls]
        assert [verdict(end) for end in ends] == [
            ("completed", None, "plan"),
            ("completed", None, "plan"),
            ("completed", None, "callee"),
        ]
        assert [end["delivered"] for end in ends] == [True, True, None]
        assert ends[1]["collected"][0]["count"] == 4


async def test_the_next_life_hangs_up_and_goes_on(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with open_site(tmp_path, asterisk) as site:
        phones = [site.answers(), site.answers(), site.never_answers()]
        speaking = await site.place(phones[0], say_code("482913", times=5))
        keying = await site.place(phones[1], gather(4))
        ringing = await site.place(phones[2], say_code("705"))
        await site.told("code.character_played", speaking)
        await site.told("call.answered", keying)
        await site.told("call.ringing", ringing)
        site.service.kill()
        await site.service.restart()
        for phone in phones:
            await phone.over(within=SECONDS)
        await site.full(within=SECONDS)
        await tidy(site, asterisk)
        await delivers(site)
        assert [phone.rung for phone in phones] == [1, 1, 1]


async def test_who_hangs_is_replaced_and_says_so(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    """The former life is stopped and not dead: its legs are alive, with the ids that the next one wants."""
    async with open_site(tmp_path / "first", asterisk) as first:
        phone = first.answers()
        call = await first.place(phone, gather(4))
        await first.told("call.answered", call)
        first.service.pause()
        async with open_site(tmp_path / "second", asterisk, **same_name(first)) as second:
            await phone.over(within=SECONDS)
            await tidy(second, asterisk)
            await delivers(second)
            first.service.resume()
            await first.told("ari.replaced", within=SECONDS)
            assert verdict(await first.summary(call)) == ("failed", "asterisk_lost", "asterisk")
            await stands_down(first, second, asterisk)


async def test_a_second_one_with_the_same_name_takes_over_once(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with (
        AriProxy(asterisk.ari_url) as way,
        AriProxy(asterisk.ari_url) as other_way,
        open_site(tmp_path / "first", asterisk, ari_url=way.url) as first,
    ):
        phones = [first.answers(), first.never_answers()]
        speaking = await first.place(phones[0], say_code("482913", times=5))
        ringing = await first.place(phones[1], say_code("705"))
        await first.told("code.character_played", speaking)
        await first.told("call.ringing", ringing)
        async with open_site(tmp_path / "second", asterisk, ari_url=other_way.url, **same_name(first)) as second:
            for phone in phones:
                await phone.over(within=SECONDS)
            assert verdict(await first.summary(speaking)) == ("failed", "asterisk_lost", "asterisk")
            assert verdict(await first.summary(ringing, within=SECONDS)) == ("failed", "asterisk_lost", "asterisk")
            await stands_down(first, second, asterisk)
            assert len(await first.all_summaries()) == 2
            # One connection each: nobody fights for the name.
            assert (way.connects["events"], other_way.connects["events"]) == (1, 1)
            assert way.refused == other_way.refused == {}


def same_name(site: Site) -> dict[str, Any]:
    """Return the settings that make another service the same to Asterisk."""
    return {"instance": site.instance, "ari_app": f"otpvoice-{site.instance}"}


async def tidy(site: Site, asterisk: AsteriskInstance) -> None:
    """All legs are of this life: it had to give up none, each is in its bridge, and there are no others."""
    async with Asking(asterisk) as ask, asyncio.timeout(SECONDS):
        while True:
            legs = {channel["id"] for channel in await ask("channels") if channel["id"].startswith(site.leg_prefix)}
            bridges = [bridge for bridge in await ask("bridges") if bridge["id"].startswith(site.leg_prefix)]
            at_home = {leg for bridge in bridges for leg in bridge["channels"]}
            if len(legs) == len(bridges) >= LEGS and at_home == legs:
                break
            await asyncio.sleep(POLL)  # one more is being made
    assert not site.logged("leg.not_made")


async def stands_down(first: Site, second: Site, asterisk: AsteriskInstance) -> None:
    """The first takes no calls, says why, and ends without touching what is the second's by now."""
    unready = await first.not_ready("replaced", within=SECONDS)
    assert unready.body["nodes"][0]["ready"] is False
    phone = first.answers()
    answer = await first.post(phone, say_code("705"))
    assert (answer.status, phone.rung) == (503, 0)
    await delivers(second)
    first.service.terminate()
    assert await first.service.ended() == 0
    await delivers(second)
    await second.full()
    await tidy(second, asterisk)
    assert not second.logged("leg.retired")
