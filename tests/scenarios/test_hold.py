"""A callee who puts us on hold hears nothing, so nothing counts as played; then the reading starts again."""

from __future__ import annotations

import asyncio

from otpvoice.core.events import CallAnswered, CallHeld, CharacterPlayed
from otpvoice.testkit.callee import Direction
from tests.scenarios.world import LATE, TICK, World, code, first_difference


async def test_a_reading_that_a_hold_interrupts_starts_again(world: World) -> None:
    async def hears(direction: Direction) -> None:
        phone = world.answers()
        plan = world.plan(code("4829", speed=2.0), to=phone)
        (pushed,) = await world.sound_of(plan)
        call = await world.place(plan)
        await call.seen(CharacterPlayed, 2)
        await phone.hold(direction)
        held = await call.seen(CallHeld)
        told = call.of(CharacterPlayed)
        # Asterisk tells the moment of the hold in milliseconds; what was not surely played before it does not count.
        before = [(digit.reading, digit.position) for digit in told if digit.at <= held.at]
        assert before
        heard_before = len(phone.sound)
        # Longer than what is left of the reading: were it still running, its end would be claimed.
        await asyncio.sleep(len(pushed.audio) / 8000)
        assert call.of(CharacterPlayed) == told
        assert len(phone.sound) - heard_before <= 160 * (1 + LATE / TICK)  # what was under way
        heard_before = len(phone.sound)
        await phone.resume()
        summary = await call.over()

        assert summary["delivered"] is True
        played = [(digit["reading"], digit["position"]) for digit in summary["played"]["digits"]]
        assert played == before + list(pushed.ends)
        assert (summary["played"]["readings"], summary["played"]["complete"]) == (1, True)
        sound = phone.sound
        assert first_difference(sound[:heard_before], pushed.audio[:heard_before]) is None
        assert first_difference(sound[heard_before:], pushed.audio) is None

    await asyncio.gather(hears(Direction.SENDONLY), hears(Direction.INACTIVE))


async def test_who_holds_at_once_hears_the_whole_code_later(world: World) -> None:
    phone = world.answers()
    plan = world.plan(code("482"))
    (pushed,) = await world.sound_of(plan)
    call = await world.place(plan)
    await phone.picked_up()
    await phone.hold()
    await call.seen(CallHeld)
    await call.seen(CallAnswered)
    heard_before = len(phone.sound)
    await phone.resume()
    summary = await call.over()
    assert summary["delivered"] is True
    assert first_difference(phone.sound[heard_before:], pushed.audio) is None


async def test_who_hangs_up_on_hold_did_not_get_the_code(world: World) -> None:
    phone = world.answers()
    call = await world.place(world.plan(code("482")))
    await call.seen(CharacterPlayed)
    await phone.hold()
    await call.seen(CallHeld)
    await phone.hang_up()
    summary = await call.over()
    assert (summary["outcome"]["class"], summary["outcome"]["ended_by"]) == ("completed", "callee")
    assert summary["delivered"] is False
