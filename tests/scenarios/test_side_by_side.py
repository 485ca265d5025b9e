"""Two Asterisks side by side: what happens on one is nothing to the calls on the other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from tests.scenarios.world import NOBODY, World, code, first_difference

pytestmark = pytest.mark.asterisk


async def test_two_asterisks_do_not_disturb_each_other(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with (
        await AsteriskInstance.start(tmp_path / "asterisk", trunk=NOBODY, rtp_ports=20) as other,
        World(asterisk) as here,
        World(other) as there,
    ):

        async def hears(world: World, digits: str) -> None:
            phone = world.answers()
            plan = world.plan(code(digits), to=phone)
            summary = await world.call(plan)
            (pushed,) = await world.sound_of(plan)
            assert first_difference(phone.sound, pushed.audio) is None
            assert summary["delivered"] is True

        await asyncio.gather(*(hears(world, f"48{n}") for n, world in enumerate((here, there) * 3)))


async def test_the_death_of_one_is_not_heard_on_the_other(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with (
        await AsteriskInstance.start(tmp_path / "asterisk", trunk=NOBODY, rtp_ports=20) as other,
        World(asterisk) as here,
        World(other) as there,
    ):
        there.tidy = False  # it dies
        phone, lost = here.answers(), there.answers()
        plan = here.plan(code("482913"), to=phone)
        calls = await asyncio.gather(here.place(plan), there.place(there.plan(code("705318"), to=lost)))
        await asyncio.gather(phone.heard(0.3), lost.heard(0.3))
        other.kill()
        summary, failed = await asyncio.gather(*(call.over() for call in calls))
        (pushed,) = await here.sound_of(plan)
        assert first_difference(phone.sound, pushed.audio) is None
        assert summary["delivered"] is True
        assert (failed["outcome"]["class"], failed["outcome"]["reason"]) == ("failed", "asterisk_lost")
        assert failed["delivered"] is False
