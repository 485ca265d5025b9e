"""How second legs end, and calls that have one: each leg has an outcome of its own, and nobody is left on the line."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from otpvoice.core.actions import Dial, Say
from otpvoice.core.events import (
    CallAnswered,
    CallProgressed,
    CharacterPlayed,
    PartiesConnected,
)
from otpvoice.testkit.callee import Ending
from tests.scenarios.figures import Figures
from tests.scenarios.phones import AgentNetwork, AgentPhone, Phone
from tests.scenarios.stories import is_whole, led_away, side_by_side, talking, verdict
from tests.scenarios.world import PlacedCall, World, code, ends_with

HIGH = 1100
AFTER = Say("Thank you", speed=2.0)


# --- how the second's leg ends ---------------------------------------------------------------------------------------


async def test_a_second_who_does_not_answer_is_told_of_and_the_plan_goes_on(world: World) -> None:
    async def ends(second: Phone | str, **fields: Any) -> tuple[Any, ...]:
        first = world.answers()
        number = second if isinstance(second, str) else second.number
        plan = world.plan(Dial(number, **fields), AFTER, to=first)
        summary = await world.call(plan)
        assert ends_with(first.sound, *await world.sound_of(plan))
        assert verdict(summary) == ("completed", None, "plan")
        _, leg = summary["legs"]
        assert is_whole(leg)
        assert leg["answered_at"] is None
        assert summary["errors"] == []
        return *verdict(leg), leg["cause"], leg["sip_status"]

    never = world.never_answers()
    got = await asyncio.gather(
        ends(world.rejects(486, 0.2)),
        ends(world.rejects(603)),
        ends(world.rejects(503)),
        ends("+15559999999"),
        ends(never, ring_timeout=1.0),
    )
    assert list(got) == [
        ("busy", None, "callee", 17, 486),
        ("rejected", "declined", "callee", 21, 603),
        ("failed", "congestion", "callee", 34, 503),
        ("invalid_number", None, "callee", 1, 404),
        ("no_answer", None, "timeout", got[4][3], None),
    ]
    await never.over()
    assert never.rung == 1
    if isinstance(never, AgentPhone):
        assert never.call.ended_by is Ending.CANCELLED


async def test_a_trunk_that_is_not_there_is_told_of_and_the_plan_goes_on(world: World) -> None:
    call = await world.prepare(Dial("+15550000001"), AFTER, trunk="PJSIP/{number}@nowhere")
    caller = world.calls_in(f"call={call.id}")
    summary = await call.over()
    assert call.plan is not None
    assert ends_with(caller.sound, *await world.sound_of(call.plan))
    assert verdict(summary) == ("completed", None, "plan")
    assert verdict(summary["legs"][1]) == ("failed", "trunk_missing", "asterisk")


# --- the ends ---------------------------------------------------------------------------------------------------------


async def test_when_the_first_is_gone_so_is_the_second(world: World, figures: Figures) -> None:
    await side_by_side(_first_hangs_up(world, figures), *(_both_at_once(world) for _ in range(3)))


async def test_whatever_ends_the_call_ends_both_legs(world: World) -> None:
    await side_by_side(_hung_up_by_the_api(world), _too_long(world), _gone_at_once(world))


async def _first_hangs_up(world: World, figures: Figures) -> None:
    async def while_it_rings() -> None:
        first, second = world.answers(), world.never_answers()
        call = await world.place(world.plan(Dial(second.number), AFTER, to=first))
        await call.told_of_second(CallProgressed)
        await first.hang_up()
        await tells(call, second, "ringing")
        assert verdict(call.summary["legs"][1]) == ("canceled", None, "plan")  # type: ignore[index]

    async def while_they_talk() -> None:
        call, first, second = await talking(world, AFTER)
        await second.speaks(HIGH, 0.1)
        await first.hang_up()
        await tells(call, second, "talking")
        assert verdict(call.summary["legs"][1]) == ("completed", None, "plan")  # type: ignore[index]

    async def tells(call: PlacedCall, second: Phone, state: str) -> None:
        began = asyncio.get_running_loop().time()
        await second.over()
        figures(f"second, {state}: ended {asyncio.get_running_loop().time() - began:.3f} s after the first")
        summary = await call.over()
        assert verdict(summary) == ("completed", None, "callee")
        assert len(summary["legs"]) == 2
        assert all(map(is_whole, summary["legs"]))
        if isinstance(second, AgentPhone):
            ending = Ending.CANCELLED if state == "ringing" else Ending.CALLER_HUNG_UP
            assert second.call.ended_by is ending

    await side_by_side(while_it_rings(), while_they_talk())


async def _hung_up_by_the_api(world: World) -> None:
    async def ends(second: Phone, state: str) -> tuple[Any, ...] | None:
        first = world.answers()
        call = await world.place(world.plan(Dial(second.number), AFTER, to=first))
        match state:
            case "dialled":
                await call.seen(CallAnswered)
            case "ringing":
                await call.told_of_second(CallProgressed)
            case "answered":
                await call.told_of_second(CallAnswered)
            case "talking":
                await call.seen(PartiesConnected)
        call.hang_up()
        summary = await call.over()
        await first.over()
        if second.rung:
            await second.over()
        assert verdict(summary) == ("completed", None, "api")
        for leg in summary["legs"]:
            assert is_whole(leg)
        return verdict(summary["legs"][1]) if len(summary["legs"]) == 2 else None

    never, rings, picks_up, talks = world.never_answers(), world.never_answers(), world.answers(), world.answers()
    got = await asyncio.gather(
        ends(never, "dialled"), ends(rings, "ringing"), ends(picks_up, "answered"), ends(talks, "talking")
    )
    assert got[0] in {None, ("canceled", None, "api")}
    assert list(got[1:]) == [("canceled", None, "api"), ("completed", None, "api"), ("completed", None, "api")]


async def _too_long(world: World) -> None:
    call, first, second = await talking(world, AFTER, max_duration=1.0)
    summary = await call.over()
    await asyncio.gather(first.over(), second.over())
    assert verdict(summary) == ("completed", "max_duration", "timeout")
    assert verdict(summary["legs"][1]) == ("completed", "max_duration", "timeout")


async def _gone_at_once(world: World) -> None:
    first, second = world.answers(), world.answers(hangs_up_at_once=True)
    plan = world.plan(Dial(second.number), code("482"), to=first)
    summary = await world.call(plan)
    assert ends_with(first.sound, *await world.sound_of(plan))
    assert summary["delivered"] is True
    assert verdict(summary["legs"][1]) == ("completed", None, "callee")
    assert summary["errors"] == []


async def _both_at_once(world: World) -> None:
    call, first, second = await talking(world, AFTER)
    await asyncio.gather(second.hang_up(), first.hang_up())
    summary = await call.over()
    assert verdict(summary) == ("completed", None, "callee")
    assert summary["legs"][1]["outcome"]["class"] == "completed"
    assert all(map(is_whole, summary["legs"]))


# --- somebody at the console ------------------------------------------------------------------------------------------


async def test_a_party_that_is_led_away_is_not_ours_any_more(world: World) -> None:
    async def the_second() -> None:
        call, first, second = await talking(world, code("482"))
        await led_away(world, f"{call.id}-2")
        summary = await call.over()
        assert call.plan is not None
        assert ends_with(first.sound, *await world.sound_of(call.plan))
        assert summary["delivered"] is True
        assert verdict(summary["legs"][1]) == ("completed", None, "asterisk")
        await leaves(second)

    async def the_first() -> None:
        call, first, second = await talking(world, code("482"))
        await led_away(world, f"{call.id}-1")
        await second.over()
        summary = await call.over()
        assert verdict(summary) == ("completed", None, "asterisk")
        assert verdict(summary["legs"][1]) == ("completed", None, "plan")
        assert summary["delivered"] is False
        await leaves(first)

    async def in_mid_code() -> None:
        phone = world.answers()
        call = await world.place(world.plan(code("4829"), to=phone))
        await call.seen(CharacterPlayed)
        await led_away(world, f"{call.id}-1")
        summary = await call.over()
        assert verdict(summary) == ("completed", None, "asterisk")
        # The rest was played to nobody.
        assert len(summary["played"]["digits"]) < 4
        await leaves(phone)

    async def leaves(phone: Phone) -> None:
        """Whoever took it has it still."""
        await phone.hang_up()
        await phone.over()
        if isinstance(phone, AgentPhone):
            assert phone.call.ended_by is Ending.CALLEE_HUNG_UP

    await side_by_side(the_second(), the_first(), in_mid_code())


@pytest.mark.asterisk
async def test_a_party_that_is_led_away_may_be_connected_with_somebody_else(real_world: World) -> None:
    call, _, second = await talking(real_world, AFTER)
    third = real_world.answers(ring=0.2)
    await led_away(real_world, f"{call.id}-2", f"out,{third.user}*{port_of(real_world)}")
    await third.picked_up()
    await call.over()
    await third.speaks(HIGH, 0.3)
    await second.hang_up()
    await third.over()
    assert third.tone(HIGH, 0.3) in second.sound


@pytest.mark.asterisk
async def test_behind_a_local_trunk_nobody_is_taken_for_a_stranger(real_world: World) -> None:
    """``Dial()`` in the trunk's dialplan makes channels that our application is told of, and that are not ours."""
    first, second = real_world.answers(ring=0.2), real_world.answers(ring=0.2)
    plan = real_world.plan(code("482"), Dial(second.number), AFTER, to=first)
    call = await real_world.place(plan, trunk=f"Local/{{number}}*{port_of(real_world)}@out/n")
    await call.seen(PartiesConnected)
    await second.hang_up()
    summary = await call.over()
    assert summary["delivered"] is True
    assert (first.rung, second.rung) == (1, 1)
    assert verdict(summary["legs"][1]) == ("completed", None, "callee")


def port_of(world: World) -> int:
    """Return the port of the phones' agent."""
    assert isinstance(world.network, AgentNetwork)
    return world.network.agent.address[1]
