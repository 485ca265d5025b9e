"""Many calls over few legs: nobody hears a millisecond of another's, and who finds no leg is told so."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from otpvoice.core.events import CallProgressed
from otpvoice.stasis import NotTaken
from otpvoice.stasis import needs as stasis
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.fakes import FakeAsterisk
from tests.scenarios.figures import Figures
from tests.scenarios.minute import MOST_FRAMES, Watch, hears_a_minute
from tests.scenarios.phones import Phone
from tests.scenarios.world import World, code, first_difference

LEGS = 3
QUICK = {"gap": 0.0, "speed": 2.0}


async def digits_in(world: World) -> dict[str, bytes]:
    """Return the sound of each digit, alone."""
    plan = world.plan(code("0123456789", **QUICK), to="+1", lead_in=0.0)
    (utterance,) = await world.sound_of(plan)
    ends = [0, *utterance.ends.values()]
    return {str(n): utterance.audio[ends[n] : ends[n + 1]] for n in range(10)}


def decode(sound: bytes, digits: dict[str, bytes]) -> str:
    """Return the digits whose clips are in a sound, in order: what somebody with perfect ears writes down."""
    found: list[tuple[int, str]] = []
    for digit, clip in digits.items():
        start = -1
        while (start := sound.find(clip, start + 1)) >= 0:
            found.append((start, digit))
    return "".join(digit for _, digit in sorted(found))


async def calls_in_a_row(world: World, codes: list[str], figures: Figures) -> None:
    """Call a phone for each code, one more at a time than there are legs, so that each leg is wanted at once."""
    clips = await digits_in(world)
    waiting = iter(codes)

    async def works() -> None:
        for digits in waiting:
            phone = world.answers(provisional=None)
            plan = world.plan(code(digits, **QUICK), to=phone, lead_in=0.0, tail=0.0)
            (pushed,) = await world.sound_of(plan)
            summary = await world.call(plan)
            assert summary["delivered"] is True
            sound = phone.sound
            assert first_difference(sound, pushed.audio) is None
            assert decode(sound, clips) == digits

    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(LEGS + 1):
            group.create_task(works())
    await world.until(lambda: not world.node.pool.taken)
    assert world.node.pool.free == LEGS
    figures(f"{len(codes)} calls in a row over {LEGS} legs: {time.monotonic() - started:.1f} s")


def codes(count: int) -> list[str]:
    """Return so many different codes."""
    return [f"{number:04}" for number in random.Random(count).sample(range(10_000), count)]


@pytest.mark.asterisk
@pytest.mark.timeout(150)
async def test_two_hundred_calls_over_three_legs_and_a_minute_of_text_hear_nothing_of_each_other(
    asterisk: AsteriskInstance, watch: Watch, figures: Figures
) -> None:
    async with World(asterisk, legs=(LEGS, LEGS)) as world, World(asterisk, legs=(1, 1)) as other:
        legs = world.node.pool.ids
        async with asyncio.TaskGroup() as group:
            group.create_task(hears_a_minute(other))
            group.create_task(calls_in_a_row(world, codes(200), figures))
        # On a machine so busy that a leg can't prove within 100 ms that it is clean, another takes its place.
        figures(f"legs of the three that were retired meanwhile: {len(legs - world.node.pool.ids)}")
    assert watch.most == MOST_FRAMES
    assert watch.stops == 0


async def test_calls_over_three_legs_of_the_fake(figures: Figures) -> None:
    async with FakeAsterisk() as fake, World(fake, legs=(LEGS, LEGS)) as world:
        await calls_in_a_row(world, codes(10), figures)


async def test_a_call_that_finds_no_leg_waits_and_is_then_refused(
    kind: AsteriskInstance | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind is not None:
        async with World(kind, legs=(2, 2)) as world:
            await flood(world, monkeypatch)
    else:
        async with FakeAsterisk() as fake, World(fake, legs=(2, 2)) as world:
            await flood(world, monkeypatch)


async def flood(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two legs, both taken; five more calls; then one that waits for long enough."""
    ringing = [world.never_answers() for _ in range(2)]
    first = [await world.place(world.plan(code("482"), to=phone)) for phone in ringing]
    for call in first:
        await call.seen(CallProgressed)

    monkeypatch.setattr(stasis, "LEG_WAIT", 0.3)
    late = [world.answers() for _ in range(5)]
    began = asyncio.get_running_loop().time()
    answers = await asyncio.gather(
        *(world.place(world.plan(code("705"), to=phone)) for phone in late), return_exceptions=True
    )
    assert asyncio.get_running_loop().time() - began >= 0.3
    assert [(type(answer), str(answer)) for answer in answers] == [(NotTaken, "no_media_leg")] * 5
    assert [phone.rung for phone in late] == [0] * 5

    monkeypatch.setattr(stasis, "LEG_WAIT", 10.0)
    patient = world.answers()
    plan = world.plan(code("931"), to=patient)
    waiting = asyncio.create_task(world.call(plan))
    await asyncio.sleep(0)  # it asks for a leg, before one comes free
    first[0].hang_up()
    summary = await waiting
    assert summary["delivered"] is True
    first[1].hang_up()
    await first[1].over()
    await world.until(lambda: not world.node.pool.taken)
    assert world.node.pool.free == 2

    phones: list[Phone] = [world.answers() for _ in range(2)]
    plans = [world.plan(code("264"), to=phone) for phone in phones]
    await asyncio.gather(*(world.call(plan) for plan in plans))
    (pushed,) = await world.sound_of(plans[0])
    assert [first_difference(phone.sound, pushed.audio) for phone in phones] == [None, None]
