"""A second party is called: the two hear each other and nobody else, and the plan goes on when the second is gone."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from otpvoice.core.actions import Dial, Gather, Say
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    CallEnded,
    CallHeld,
    CallProgressed,
    CallResumed,
    CodeDelivered,
    DigitsCollected,
    KeyPressed,
    PartiesConnected,
    PartiesParted,
    SecondEnded,
)
from otpvoice.core.ringback import ringback, ringing
from otpvoice.media import g711
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Direction
from tests.scenarios.phones import SOON, AgentPhone
from tests.scenarios.stories import is_whole, side_by_side, talking, verdict, world_of
from tests.scenarios.world import FRAME, SHOWN, World, code, ends_with, first_difference

LOW, HIGH = 700, 1100
"""Hz; neither is in any ringback, nor a multiple of the other."""
AFTER = Say("Thank you", speed=2.0)


def keys(count: int, **fields: Any) -> Gather:
    """Return a gather that has all the time."""
    rules = DigitRules(max_digits=count, first_digit_timeout=30.0, inter_digit_timeout=30.0, terminators="")
    return Gather(rules, sensitive=False, **fields)


# --- what is heard ----------------------------------------------------------------------------------------------------


async def test_both_hear_each_other(world: World) -> None:
    call, first, second = await talking(world, AFTER)
    await asyncio.gather(first.speaks(LOW, 1.0), second.speaks(HIGH, 1.0))
    await second.hang_up()
    summary = await call.over()
    assert first.tone(LOW, 1.0) in second.sound
    assert second.tone(HIGH, 1.0) in first.sound
    # Nobody hears himself, and the second nothing of what we say to the first.
    assert second.sound.strip(b"\xff") == first.tone(LOW, 1.0).strip(b"\xff")
    assert call.plan is not None
    assert ends_with(first.sound, *await world.sound_of(call.plan))
    assert verdict(summary) == ("completed", None, "plan")
    one, two = summary["legs"]
    assert (one["role"], one["to"], two["role"], two["to"]) == ("first", first.number, "second", second.number)
    assert (one["channel"], two["channel"]) == (f"{call.id}-1", f"{call.id}-2")
    assert None not in {one["sip_call_id"], two["sip_call_id"]}
    assert one["sip_call_id"] != two["sip_call_id"]
    assert verdict(two) == ("completed", None, "callee")
    assert is_whole(one)
    assert is_whole(two)


async def test_the_first_hears_it_ring_until_the_second_picks_up(world: World) -> None:
    first, second = world.answers(), world.answers(ring=1.0)
    call = await world.place(world.plan(Dial(second.number), to=first))
    await call.told_of_second(CallProgressed)
    await call.seen(PartiesConnected)
    before = len(first.sound)
    await second.speaks(HIGH, 0.6)
    await second.hang_up()
    await call.over()
    sounds = (await world.renderer.prepare(ringback("en-US"))).sounds
    whole = world.renderer.silence(0.1) + b"".join(sounds)
    rang, talked = first.sound[:before], first.sound[before:]
    # What is cut is cut: the talk begins with silence or with the second's voice.
    heard = first_difference(rang, whole[: len(rang)])
    assert heard is None or not rang[heard:].strip(b"\xff")
    frequencies = ringing("en-US").frequencies
    assert all(power(rang[-4000:-800], hz) > 100 * power(rang[-4000:-800], LOW) for hz in frequencies)
    assert all(power(talked[-4000:-800], HIGH) > 100 * power(talked[-4000:-800], hz) for hz in frequencies)
    assert second.sound.strip(b"\xff") == b""


def power(sound: bytes, hz: float) -> float:
    """Return the mean power of one frequency in μ-law audio, by frames of 50 ms (Goertzel)."""
    pcm = memoryview(g711.ulaw_decode(sound)).cast("h")
    total = 0.0
    for start in range(0, len(pcm), 400):
        one = two = 0.0
        step = 2 * math.cos(2 * math.pi * hz / 8000)
        for sample in pcm[start : start + 400]:
            one, two = sample + step * one - two, one
        total += one * one + two * two - step * one * two
    return total / max(len(pcm), 1)


# --- the plan goes on -------------------------------------------------------------------------------------------------


async def test_the_plan_goes_on_after_the_talk(world: World) -> None:
    """A code is delivered with proof, keys are exact; another party can be called."""
    await side_by_side(_a_code_and_keys(world), _one_after_the_other(world), _two_talks(world))


async def test_keys_that_are_not_for_us_are_nobodys_answer(world: World) -> None:
    """They are told of, they pass to the other party, and nothing is made of them."""
    await side_by_side(_keys_of_the_talk(world), _keys_while_it_rings(world))


async def _a_code_and_keys(world: World) -> None:
    call, first, second = await talking(world, code("4829", speed=2.0), keys(5, type_ahead="keep"), AFTER)
    await asyncio.gather(first.speaks(LOW, 0.3), second.speaks(HIGH, 0.3))
    await second.hang_up()
    await call.seen(CodeDelivered)
    await first.press("77712", on=0.1, off=0.04)
    summary = await call.over()
    assert call.keys == ["77712"]
    assert summary["delivered"] is True
    assert summary["played"]["complete"] is True
    assert call.plan is not None
    assert ends_with(first.sound, *await world.sound_of(call.plan))


async def _keys_of_the_talk(world: World) -> None:
    call, first, second = await talking(world, keys(2, type_ahead="keep"))
    await asyncio.gather(first.press("12"), second.press("3#"))
    await call.until(lambda: len(call.of(KeyPressed)) >= 4)
    assert sorted(key.second for key in call.of(KeyPressed)) == [False, False, True, True]
    assert (second.told_keys, first.told_keys) == ("12", "3#")
    await second.hang_up()
    await call.seen(PartiesParted)
    await first.press("78")
    await call.over()
    assert call.keys == ["78"]
    assert len(call.of(KeyPressed)) == 6


async def _keys_while_it_rings(world: World) -> None:
    first, second = world.answers(), world.never_answers()
    plan = world.plan(Dial(second.number, ring_timeout=1.0), keys(1, type_ahead="keep"), to=first)
    call = await world.place(plan)
    await call.told_of_second(CallProgressed)
    await first.press("1")
    await call.seen(SecondEnded)
    await first.press("2")
    await call.over()
    assert call.keys == ["2"]


async def _one_after_the_other(world: World) -> None:
    first, second, third = world.answers(), world.rejects(486), world.answers()
    plan = world.plan(Dial(second.number), Dial(third.number), AFTER, to=first, lead_in=0.0)
    call = await world.place(plan)
    await call.seen(PartiesConnected)
    await asyncio.gather(first.speaks(LOW, 0.3), third.speaks(HIGH, 0.3))
    await third.hang_up()
    summary = await call.over()
    assert first.tone(LOW, 0.3) in third.sound
    assert third.tone(HIGH, 0.3) in first.sound
    assert ends_with(first.sound, *await world.sound_of(plan))
    assert [leg["channel"] for leg in summary["legs"]] == [f"{call.id}-{n}" for n in (1, 2, 3)]
    assert [leg["outcome"]["class"] for leg in summary["legs"]] == ["completed", "busy", "completed"]
    assert [leg["to"] for leg in summary["legs"]] == [first.number, second.number, third.number]


async def _two_talks(world: World) -> None:
    call, first, second = await talking(world, Dial((third := world.answers()).number), code("482"))
    await second.hang_up()
    await call.seen(PartiesConnected, 2)
    await asyncio.gather(first.speaks(LOW, 0.3), third.speaks(HIGH, 0.3))
    await third.hang_up()
    summary = await call.over()
    assert first.tone(LOW, 0.3) in third.sound
    assert third.tone(HIGH, 0.3) in first.sound
    assert call.plan is not None
    assert ends_with(first.sound, *await world.sound_of(call.plan))
    assert summary["delivered"] is True


# --- in Asterisk ------------------------------------------------------------------------------------------------------


async def test_two_are_in_the_talk_and_the_leg_is_alone(world: World) -> None:
    call, _, second = await talking(world, AFTER)
    bridges = {bridge["id"]: bridge for bridge in await world.node.rest.get("bridges")}
    talks = [bridge for name, bridge in bridges.items() if name.startswith(world.node.settings.talk_prefix)]
    assert [(set(talk["channels"]), talk["technology"]) for talk in talks] == [
        ({f"{call.id}-1", f"{call.id}-2"}, "simple_bridge")
    ]
    for leg in world.node.pool.ids:
        assert bridges[f"{leg}-bridge"]["channels"] == [leg]
    await second.hang_up()
    await call.over()


async def test_whose_number_the_second_sees(world: World) -> None:
    async def sees(action: str | None) -> str:
        first, second = world.answers(), world.answers()
        call = await world.place(world.plan(Dial(second.number, caller_id=action), to=first))
        await call.seen(PartiesConnected)
        await second.hang_up()
        await call.over()
        return second.shown

    assert tuple(await asyncio.gather(sees(None), sees("+15550177"))) == (SHOWN, "+15550177")


async def test_on_hold_while_they_talk(world: World) -> None:
    async def holds(who: int) -> None:
        call, *phones = await talking(world, code("482"))
        first, second = phones
        await phones[who].hold(Direction.SENDONLY)
        if who == 0:
            await call.seen(CallHeld)
        await phones[who].resume()
        if who == 0:
            await call.seen(CallResumed)
        await asyncio.gather(first.speaks(LOW, 0.4), second.speaks(HIGH, 0.4))
        await second.hang_up()
        summary = await call.over()
        assert first.tone(LOW, 0.4) in second.sound
        assert second.tone(HIGH, 0.4) in first.sound
        assert call.plan is not None
        assert ends_with(first.sound, *await world.sound_of(call.plan))
        assert summary["delivered"] is True

    async def on_hold_when_the_second_leaves() -> None:
        call, first, second = await talking(world, code("482"))
        await first.hold(Direction.SENDONLY)
        await call.seen(CallHeld)
        await second.hang_up()
        await call.seen(PartiesParted)
        await first.resume()
        summary = await call.over()
        assert call.plan is not None
        assert ends_with(first.sound, *await world.sound_of(call.plan))
        assert summary["delivered"] is True

    await side_by_side(holds(0), holds(1), on_hold_when_the_second_leaves())


async def test_fifteen_talks_at_once_and_each_hears_its_own(
    kind: AsteriskInstance | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otpvoice.ari.leg.CLEAN_WITHIN", SOON)  # else a busy machine has legs retired
    async with world_of(kind, legs=(15, 15)) as world:
        await fifteen(world)


def frames(sound: bytes) -> list[bytes]:
    """Return the packets that a sound is sent in."""
    return [sound[at : at + FRAME] for at in range(0, len(sound), FRAME)]


async def fifteen(world: World) -> None:
    """Each pair has tones of its own, and a code of its own afterwards."""
    legs = set(world.node.pool.ids)

    async def talks(number: int) -> None:
        call, first, second = await talking(world, code(f"{4800 + 37 * number}"), keys(4, type_ahead="keep"))
        low, high = 300 + 20 * number, 1500 + 30 * number
        await asyncio.gather(first.speaks(low, 0.5), second.speaks(high, 0.5))
        await second.hang_up()
        await call.seen(CodeDelivered)
        await first.press("7707", on=0.1, off=0.04)
        await call.seen(DigitsCollected)
        summary = await call.over()
        assert call.plan is not None
        # Nothing but its own; all of it, but for what a machine this busy is late with.
        tone, of_second = frames(first.tone(low, 0.5)), frames(second.tone(high, 0.5))
        heard = [packet.payload for packet in second.packets if packet.payload.strip(b"\xff")]
        assert set(heard) <= set(tone)
        assert len(heard) >= 0.8 * len(tone)
        assert len({packet.payload for packet in first.packets} & set(of_second)) >= 0.8 * len(set(of_second))
        assert ends_with(first.sound, *await world.sound_of(call.plan))
        assert call.keys == ["7707"]
        assert summary["delivered"] is True
        assert call.of(CallEnded)

    await side_by_side(*map(talks, range(15)))
    await world.until(lambda: not world.node.pool.taken)
    assert world.node.pool.ids == legs


@pytest.mark.asterisk
async def test_nothing_disturbs_the_dialogs_of_a_talk(real_world: World) -> None:
    """No UPDATE, no re-INVITE: moving between bridges is nothing that a telephone should hear of."""
    call, first, second = await talking(real_world, AFTER)
    await second.hang_up()
    await call.over()
    await first.over()
    assert isinstance(first, AgentPhone)
    assert first.call.goodbye is not None
    assert first.call.goodbye.cseq == first.call.invite.request.cseq + 1
