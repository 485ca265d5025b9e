"""The events socket breaks and comes back: the call goes on; what ended meanwhile has its one summary."""

from __future__ import annotations

import asyncio

import pytest

from otpvoice.core.actions import Gather, Pause, Say
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import ActionCompleted, CallAnswered, CallProgressed, CharacterPlayed, DigitsCollected
from otpvoice.stasis import NotTaken
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import IncomingCall
from tests.faults.ari_proxy import AriProxy
from tests.faults.sites import verdict
from tests.faults.worlds import world_behind
from tests.scenarios.phones import SOON, AgentPhone, Phone
from tests.scenarios.world import PlacedCall, World, code, first_difference

pytestmark = pytest.mark.asterisk

KEYS = Gather(DigitRules(max_digits=4, first_digit_timeout=60.0))


async def cut(world: World, proxy: AriProxy) -> None:
    """Break the events socket, and wait until it is back."""
    proxy.cut("events")
    await world.until(lambda: not world.node.connected)
    await world.until(lambda: world.node.ready)


def ringing(phone: Phone) -> IncomingCall:
    """Return the call of a phone that rings, to be answered or refused by hand: not before its time has come."""
    assert isinstance(phone, AgentPhone)
    assert isinstance(phone.call, IncomingCall)
    return phone.call


async def until_in_stasis(world: World, call: PlacedCall) -> None:
    """Wait until Asterisk has let a channel into the application."""
    async with asyncio.timeout(SOON):
        while True:
            channel = await world.node.rest.get(f"channels/{call.id}-1")
            if channel["dialplan"]["app_name"] == "Stasis":
                return
            await asyncio.sleep(0.005)


async def test_a_call_goes_on_and_is_heard_whole(asterisk: AsteriskInstance, proxy: AriProxy) -> None:
    async with world_behind(proxy, asterisk) as world:
        phone = world.answers()
        plan = world.plan(code("482913", gap=0.5))
        call = await world.place(plan)
        for position in (1, 3, 5):
            await call.seen(CharacterPlayed, position)
            await cut(world, proxy)
        summary = await call.over()
        assert verdict(summary) == ("completed", None, "plan")
        assert summary["delivered"] is True
        assert summary["played"]["readings"] == 1
        assert summary["errors"] == []
        assert phone.rung == 1
        (pushed,) = await world.sound_of(plan)
        assert first_difference(phone.sound, pushed.audio) is None
        assert proxy.connects["events"] == 4


async def test_a_call_that_rings_meanwhile_is_answered_after_it(asterisk: AsteriskInstance, proxy: AriProxy) -> None:
    async with world_behind(proxy, asterisk) as world:
        phone = world.never_answers()
        call = await world.place(world.plan(code("482913")))
        await call.seen(CallProgressed)
        await cut(world, proxy)
        ringing(phone).answer()
        summary = await call.over()
        assert verdict(summary) == ("completed", None, "plan")
        assert summary["delivered"] is True
        assert phone.rung == 1


async def test_who_picked_up_in_a_silent_gap_is_spoken_to_after_it(asterisk: AsteriskInstance, proxy: AriProxy) -> None:
    async with world_behind(proxy, asterisk) as world:
        phone = world.never_answers()
        call = await world.place(world.plan(code("482")))
        await call.seen(CallProgressed)
        # Asterisk believes that we are there: it lets the call in and tells nobody.
        proxy.black_hole("events")
        ringing(phone).answer()
        await phone.picked_up()
        await until_in_stasis(world, call)
        proxy.cut("events")
        summary = await call.over(within=10)
        assert verdict(summary) == ("completed", None, "plan")
        assert summary["delivered"] is True
        assert phone.rung == 1


async def test_keys_count_and_nobody_is_rung_while_it_is_away(asterisk: AsteriskInstance, proxy: AriProxy) -> None:
    async with world_behind(proxy, asterisk) as world:
        phone, other = world.answers(), world.answers()
        plan = world.plan(code("482"), KEYS, Say("thank you"), to=phone)
        call = await world.place(plan)
        await call.seen(ActionCompleted)
        with proxy.shut("events"):
            await world.until(lambda: not world.node.connected)
            with pytest.raises(NotTaken) as refused:
                await world.place(world.plan(code("705"), to=other))
            assert refused.value.reason == "asterisk_unavailable"
            await phone.press("7777", off=0.04)
            await call.seen(DigitsCollected)
        summary = await call.over()
        assert call.keys == ["7777"]
        assert verdict(summary) == ("completed", None, "plan")
        assert summary["delivered"] is True
        assert other.rung == 0


async def test_calls_that_end_in_the_gap_have_one_summary_each(asterisk: AsteriskInstance, proxy: AriProxy) -> None:
    async with world_behind(proxy, asterisk) as world:
        rejects, answers = world.never_answers(), world.never_answers()
        hearing, keying, stays = world.answers(), world.answers(), world.answers()
        plans = [
            world.plan(code("482"), to=rejects),
            world.plan(code("482"), to=answers),
            world.plan(code("482913", times=5), to=hearing),
            world.plan(KEYS, to=keying),
            world.plan(code("482"), Pause(0.5), to=stays),
        ]
        calls = [await world.place(plan) for plan in plans]
        for call in calls[:2]:
            await call.seen(CallProgressed)
        await calls[2].seen(CharacterPlayed)
        for call in calls[3:]:
            await call.seen(CallAnswered)
        with proxy.shut("events"):
            await world.until(lambda: f"Deactivating Stasis app '{world.node.settings.own_app}'" in world.log)
            ringing(rejects).reject(486)
            ringing(answers).answer()
            await hearing.hang_up()
            await keying.hang_up()
            for phone in (rejects, answers, hearing, keying, stays):
                await phone.over()
        summaries = [await call.over() for call in calls]
        assert [verdict(summary) for summary in summaries] == [
            # Picked up or refused: while nobody listens Asterisk lets no call in, and nobody can know which it was.
            ("indeterminate", "events_lost", "asterisk"),
            ("indeterminate", "events_lost", "asterisk"),
            ("completed", "events_lost", "asterisk"),
            ("completed", "events_lost", "asterisk"),
            # The plan was over: we hung up, and only the end of it was not told.
            ("completed", None, "plan"),
        ]
        assert [summary["delivered"] for summary in summaries] == [False, False, False, None, True]
        # Of what was played after the last sign of life nobody knows whether somebody was there.
        assert len(summaries[2]["played"]["digits"]) < 6
        assert [phone.rung for phone in world.phones] == [1] * 5
        await world.until(lambda: not world.node.pool.taken)


async def test_when_all_of_http_is_away_the_callee_does_not_wait_in_silence(
    asterisk: AsteriskInstance, proxy: AriProxy
) -> None:
    async with world_behind(proxy, asterisk) as world:
        speaking, ringing = world.answers(), world.never_answers()
        call = await world.place(world.plan(code("482913", times=5), to=speaking))
        waits = await world.place(world.plan(code("705"), to=ringing))
        await waits.seen(CallProgressed)
        await call.seen(CharacterPlayed)
        with proxy.shut("events", "media", "rest"):
            summary = await call.over(within=5)
            assert verdict(summary) == ("failed", "asterisk_lost", "asterisk")
            assert summary["delivered"] is False
        await speaking.over(within=10)
        # The one that still rings lost nothing: there are other legs.
        assert waits.summary is None
        await world.until(lambda: world.node.ready)
        waits.hang_up()
        assert verdict(await waits.over()) == ("canceled", None, "api")
        again = world.answers()
        assert (await world.call(world.plan(code("482"), to=again)))["delivered"] is True
