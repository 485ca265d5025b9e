"""A code that is stale is not spoken, whoever picks up: neither after ringing too long, nor after waiting too long."""

from __future__ import annotations

import time
from typing import Any, Final

from otpvoice.core.actions import Gate, Say
from otpvoice.core.compile import compile_plan, scripts_in
from otpvoice.core.events import CallAnswered
from otpvoice.stasis import Pace
from tests.scenarios.stories import side_by_side, verdict
from tests.scenarios.world import LOCALES, World, code

EXPIRED: Final = ("expired", None, "timeout")
VALID: Final = 1.0
SILENT: Final = b"\xff\x7f\xd5\x55"


async def test_at_the_answer_it_is_too_late(world: World) -> None:
    async def picks_up_late(*then: Say, **fields: Any) -> None:
        phone = world.answers(ring=VALID + 0.4)
        plan = world.plan(code("482", **fields), *then, to=phone)
        for script in scripts_in(compile_plan(plan, LOCALES)):
            await world.renderer.prepare(script)  # from now on only the ringing takes time
        summary = await world.call(world.plan(*plan.actions, to=phone, valid_until=time.time() + VALID))
        assert verdict(summary) == EXPIRED
        assert (summary["delivered"], summary["errors"]) == (False, [])
        assert summary["dialed_at"] is not None
        assert summary["answered_at"] is not None
        assert (phone.rung, summary["played"]["digits"]) == (1, [])
        # Not a word of it, and no other word either.
        assert not phone.sound.strip(SILENT)

    async def picks_up_in_time() -> None:
        phone = world.answers()
        plan = world.plan(code("482"), to=phone, valid_until=time.time() + VALID)
        summary = await world.call(plan)
        # Who has picked up is told it to the end.
        assert (verdict(summary), summary["delivered"]) == (("completed", None, "plan"), True)

    await side_by_side(picks_up_late(), picks_up_late(Say("Goodbye.")), picks_up_late(gate=Gate()), picks_up_in_time())


async def test_who_waits_for_the_trunk_is_not_rung_any_more(world: World) -> None:
    async def waits(pace: Pace) -> None:
        first, second = world.answers(), world.answers()
        before = await world.place(world.plan(code("705", times=5), to=first), pace=pace)
        await before.seen(CallAnswered)
        late = await world.place(world.plan(code("482"), to=second, valid_until=time.time() + 0.2), pace=pace)
        summary = await late.over()
        assert verdict(summary) == EXPIRED
        assert (summary["delivered"], summary["dialed_at"], summary["errors"]) == (False, None, [])
        assert before.summary is None
        before.hang_up()
        await before.over()
        assert second.rung == 0

    await side_by_side(waits(Pace(max_calls=1)), waits(Pace(calls_per_second=0.2)))
