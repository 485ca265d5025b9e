"""Callers and talks when something breaks: the events socket, Asterisk itself, or somebody at its console."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from otpvoice.core.actions import Dial, Gather
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import ActionCompleted, CallAnswered, CallProgressed, CharacterPlayed, PartiesConnected
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.ari_proxy import AriProxy
from tests.faults.worlds import world_behind
from tests.scenarios.callers import DIALPLAN, MODULES, UP
from tests.scenarios.stories import is_whole, side_by_side, status, talking, verdict
from tests.scenarios.world import NOBODY, World, code, ends_with

KEYS = "first_digit_timeout=30,inter_digit_timeout=30"


@pytest.fixture
async def proxy(asterisk: AsteriskInstance) -> AsyncIterator[AriProxy]:
    """A way to Asterisk's HTTP port that can be cut."""
    async with AriProxy(asterisk.ari_url) as proxy:
        yield proxy


async def cut(world: World, proxy: AriProxy) -> None:
    """Break the events socket, and wait until it is back."""
    proxy.cut("events")
    await world.until(lambda: not world.node.connected)
    await world.until(lambda: world.node.ready)


# --- the events socket ------------------------------------------------------------------------------------------------


@pytest.mark.asterisk
async def test_a_caller_does_not_notice_that_events_were_away(asterisk: AsteriskInstance, proxy: AriProxy) -> None:
    async with world_behind(proxy, asterisk) as world:
        keys = Gather(DigitRules(max_digits=4, first_digit_timeout=30.0))
        call = await world.prepare(code("4829", gap=0.4), keys)
        caller = world.calls_in(f"call={call.id}", UP)
        await call.seen(CharacterPlayed)
        await cut(world, proxy)
        await call.seen(CharacterPlayed, 3)
        with proxy.shut("events"):
            await world.until(lambda: not world.node.connected)
            await call.seen(ActionCompleted)
            await caller.press("7777", off=0.04)
            await world.until(lambda: call.keys == ["7777"])
        summary = await call.over()
        told = await caller.told()
        assert verdict(summary) == ("completed", None, "plan")
        assert summary["delivered"] is True
        assert call.plan is not None
        assert ends_with(caller.sound, *await world.sound_of(call.plan))
        assert (*status(told), told["OTPVOICE_DIGITS"], told["WENT_ON"]) == ("completed", "", "1", "7777", "Up")


@pytest.mark.asterisk
async def test_a_talk_goes_on_while_events_are_away(asterisk: AsteriskInstance, proxy: AriProxy) -> None:
    async with world_behind(proxy, asterisk) as world:
        (call, first, second), (other, third, fourth) = await asyncio.gather(
            talking(world, code("482")), talking(world, code("705"))
        )
        with proxy.shut("events"):
            await world.until(lambda: not world.node.connected)
            await asyncio.gather(first.speaks(700, 0.4), second.speaks(1100, 0.4))
            # This one's end is not told.
            await fourth.hang_up()
        await world.until(lambda: world.node.ready)
        await second.hang_up()
        summaries = [await call.over(), await other.over()]
        assert first.tone(700, 0.4) in second.sound
        assert second.tone(1100, 0.4) in first.sound
        for phone, one in ((first, call), (third, other)):
            assert one.plan is not None
            assert ends_with(phone.sound, *await world.sound_of(one.plan))
        assert [verdict(summary) for summary in summaries] == [("completed", None, "plan")] * 2
        assert [summary["delivered"] for summary in summaries] == [True, True]
        assert [verdict(summary["legs"][1]) for summary in summaries] == [
            ("completed", None, "callee"),
            ("completed", "events_lost", "asterisk"),
        ]


@pytest.mark.asterisk
async def test_who_leaves_in_the_gap_has_one_summary_and_leaves_nobody_alone(
    asterisk: AsteriskInstance, proxy: AriProxy
) -> None:
    async with world_behind(proxy, asterisk) as world:
        caller = world.calls_in("code=482913,times=3")
        hears = await world.taken(caller)
        await hears.seen(CharacterPlayed)
        call, first, second = await talking(world, code("482"))
        ringing, never = world.answers(), world.never_answers()
        rings = await world.place(world.plan(Dial(never.number), to=ringing))
        await rings.told_of_second(CallProgressed)
        with proxy.shut("events"):
            await first.hang_up()
            await ringing.hang_up()
            await caller.hang_up()
            await caller.told()
        await second.over()
        await never.over()
        for summary in [await one.over() for one in (call, rings, hears)]:
            assert verdict(summary) == ("completed", "events_lost", "asterisk")
            assert not summary["delivered"]
            assert all(map(is_whole, summary["legs"]))


@pytest.mark.asterisk
async def test_a_second_who_picks_up_or_refuses_in_the_gap(asterisk: AsteriskInstance, proxy: AriProxy) -> None:
    async with world_behind(proxy, asterisk) as world:

        async def plans(second_rings: float, status: int | None) -> None:
            first = world.answers()
            second = world.answers(second_rings) if status is None else world.rejects(status, second_rings)
            plan = world.plan(Dial(second.number), code("482"), to=first)
            call = await world.place(plan)
            await call.told_of_second(CallProgressed)
            began.release()
            await second.over()
            summary = await call.over()
            assert ends_with(first.sound, *await world.sound_of(plan))
            assert summary["delivered"] is True
            assert verdict(summary["legs"][1])[1:] == ("events_lost", "asterisk")

        began = asyncio.Semaphore(0)
        async with asyncio.TaskGroup() as group:
            for status in (None, 486):
                group.create_task(plans(1.0, status))
            await began.acquire()
            await began.acquire()
            with proxy.shut("events"):
                # To an application that is away nobody is let in: who picks up is hung up on.
                for phone in world.phones[1::2]:
                    await phone.over()


# --- Asterisk -------------------------------------------------------------------------------------------------------


@pytest.mark.asterisk
async def test_asterisk_dies_under_a_talk_and_a_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two who talk need nothing of us, and are given the time to be found again.
    monkeypatch.setattr("otpvoice.ari.node.LOST_AFTER", 1.0)
    async with (
        await AsteriskInstance.start(
            tmp_path / "mortal", trunk=NOBODY, rtp_ports=50, verbose=5, extensions=DIALPLAN, extra_config=MODULES
        ) as mortal,
        World(mortal) as world,
    ):
        world.tidy = False
        caller = world.calls_in("code=482913,times=3")
        listening = await world.taken(caller)
        await listening.seen(CharacterPlayed)
        call, _, _ = await talking(world, code("482"))
        first, never = world.answers(), world.never_answers()
        ringing = await world.place(world.plan(Dial(never.number), to=first))
        await ringing.told_of_second(CallProgressed)
        mortal.kill()
        for one, legs in ((listening, 1), (call, 2), (ringing, 2)):
            summary = await one.over()
            assert verdict(summary) == ("failed", "asterisk_lost", "asterisk")
            assert len(summary["legs"]) == legs
            assert all(map(is_whole, summary["legs"]))
            assert [verdict(leg) for leg in summary["legs"]] == [verdict(summary)] * legs


# --- somebody at the console ------------------------------------------------------------------------------------------


async def test_a_caller_who_is_led_elsewhere_is_not_ours_any_more(world: World) -> None:
    async def listening() -> None:
        caller = world.calls_in("code=482913,times=3", UP)
        call = await world.taken(caller)
        await call.seen(CharacterPlayed)
        await caller.redirected()
        summary = await call.over()
        assert verdict(summary) == ("completed", None, "asterisk")
        assert summary["delivered"] is False
        # Still there: whoever took it has it.
        await caller.hang_up()
        assert (await caller.told())["WENT_ON"] == "elsewhere"

    async def talks() -> None:
        second = world.answers()
        caller = world.calls_in(f"dial={second.number}", UP)
        call = await world.taken(caller)
        await call.seen(PartiesConnected)
        await caller.redirected()
        await second.over()
        summary = await call.over()
        assert verdict(summary) == ("completed", None, "asterisk")
        assert verdict(summary["legs"][1]) == ("completed", None, "plan")
        await caller.hang_up()
        assert (await caller.told())["WENT_ON"] == "elsewhere"

    await side_by_side(listening(), talks())


async def test_a_caller_who_is_led_elsewhere_while_we_wait_for_keys(world: World) -> None:
    caller = world.calls_in(f"gather=1,{KEYS}")
    call = await world.taken(caller)
    await call.seen(CallAnswered)
    await caller.redirected()
    assert verdict(await call.over()) == ("completed", None, "asterisk")
    await caller.hang_up()
    await caller.told()
