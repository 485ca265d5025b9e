"""Who hangs up in the middle of a code has heard what the summary says was played, and nothing more is claimed."""

from __future__ import annotations

import asyncio

from otpvoice.ari.pool import LEFT_WITHIN
from otpvoice.core.events import CodeDelivered
from tests.scenarios.world import World, code, first_difference


async def test_no_digit_is_played_that_the_callee_did_not_hear_whole(world: World) -> None:
    async def hears(seconds: float) -> int:
        """Hang up after so much of the code; returns how many characters are said to be played."""
        phone = world.answers()
        plan = world.plan(code("482913", gap=0.2), to=phone)
        (pushed,) = await world.sound_of(plan)
        call = await world.place(plan)
        await phone.heard(seconds)
        await phone.hang_up()
        summary = await call.over()
        assert (summary["outcome"]["class"], summary["outcome"]["ended_by"]) == ("completed", "callee")
        assert summary["outcome"]["reason"] is None
        assert summary["delivered"] is False
        assert (summary["played"]["readings"], summary["played"]["complete"]) == (0, False)
        played = [(digit["reading"], digit["position"]) for digit in summary["played"]["digits"]]
        assert played == list(pushed.ends)[: len(played)]
        heard = phone.sound
        assert first_difference(heard, pushed.audio[: len(heard)]) is None
        assert all(pushed.ends[digit] <= len(heard) for digit in played)
        return len(played)

    # One after the other would be slow, and the same moment for all would be luck.
    counts = await asyncio.gather(*(hears(seconds) for seconds in (0.02, 0.2, 0.3, 0.42, 0.56, 0.7, 0.84, 1.0)))
    assert counts[0] == 0
    assert counts[-1] >= 2


async def test_who_hangs_up_after_the_last_digit_has_the_code(world: World) -> None:
    phone = world.answers()
    call = await world.place(world.plan(code("482"), tail=30.0))
    await call.seen(CodeDelivered)
    await phone.hang_up()
    summary = await call.over()
    assert (summary["outcome"]["class"], summary["outcome"]["ended_by"]) == ("completed", "callee")
    assert summary["delivered"] is True
    assert summary["played"]["complete"] is True


async def test_a_leg_is_free_again_as_soon_as_its_call_is_over(world: World) -> None:
    """Asterisk says that the channel has left the bridge; nobody has to wait and ask."""
    phone = world.answers()
    await world.call(world.plan(code("482")))
    await phone.over()
    over = asyncio.get_running_loop().time()
    await world.until(lambda: not world.node.pool.taken)
    assert asyncio.get_running_loop().time() - over < LEFT_WITHIN / 2


async def test_a_leg_is_clean_after_a_hang_up_in_mid_code(world: World) -> None:
    first = world.answers()
    call = await world.place(world.plan(code("482913", times=3)))
    await first.heard(0.3)
    await first.hang_up()
    await call.over()
    await world.until(lambda: not world.node.pool.taken)
    # As many calls as there are legs, so that one of them gets the leg of the first.
    seconds = [world.answers() for _ in range(world.node.pool.free)]
    plans = [world.plan(code("705"), to=phone) for phone in seconds]
    await asyncio.gather(*(world.call(plan) for plan in plans))
    (pushed,) = await world.sound_of(plans[0])
    assert [first_difference(phone.sound, pushed.audio) for phone in seconds] == [None] * len(seconds)
