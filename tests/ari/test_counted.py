"""What there is to be counted of Asterisk, of its legs, and at the dialplan's door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from otpvoice.ari import making, telephone
from otpvoice.ari import pool as module
from otpvoice.core.actions import Gather
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import CallAnswered
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import State
from otpvoice.dialplan import DialplanDoor
from tests.ari.rig import APP, NUMBER, TRUNK, House, a_house, a_node, eventually
from tests.ari.test_dialplan_door import DEFAULTS, STAYS
from tests.fakes import FakeAsterisk

WAITS = Gather(DigitRules(max_digits=1, first_digit_timeout=20.0))


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "COMES_UP_WITHIN", 0.2)
    monkeypatch.setattr(making, "GONE_WITHIN", 0.2)
    monkeypatch.setattr(module, "RETRY", 0.02)
    monkeypatch.setattr(telephone, "END_TOLD_WITHIN", 0.2)


@pytest.fixture
async def house(asterisk: FakeAsterisk) -> AsyncIterator[House]:
    async with a_house(asterisk) as house:
        await house.legs_back()
        yield house


async def test_each_connection_is_counted(asterisk: FakeAsterisk) -> None:
    async with a_node(asterisk, connected=False) as node:
        assert node.connections == 0
        await eventually(lambda: node.connections == 1)
        asterisk.faults.cut_events()
        await eventually(lambda: node.connections == 2)


async def test_who_waits_for_a_leg_is_counted_and_what_did_not_come_up(asterisk: FakeAsterisk) -> None:
    async with a_node(asterisk, legs_minimum=1, legs_maximum=1) as node:
        pool = node.pool
        assert (pool.limit, pool.waiting, pool.not_made) == (1, 0, 0)
        leg = await pool.take(1.0)
        waiting = asyncio.create_task(pool.take(5.0))
        await eventually(lambda: pool.waiting == 1)
        await pool.give_back(leg)
        await pool.give_back(await waiting)
        assert pool.waiting == 0
        asterisk.faults.wedge_media()
        (leg := await pool.take(1.0)).give_up()
        await pool.give_back(leg)
        await eventually(lambda: pool.not_made >= 1)


async def test_calls_that_wait_and_calls_that_are_on_are_in_progress(house: House, asterisk: FakeAsterisk) -> None:
    def states() -> list[State]:
        return sorted(record.state for record in house.stasis.records_in_progress)

    assert states() == []
    asterisk.callee(NUMBER).answers()
    call = await house.place(WAITS)
    await house.until(CallAnswered, call)
    plan = CallPlan(None, None, "default", "en", (WAITS,), inbound=True)
    waiting = await house.stasis.prepare(plan, TRUNK, account="default", door="test")
    assert states() == [State.ANSWERED, State.WAITING]
    house.stasis.hang_up(waiting["id"])
    house.stasis.hang_up(call)
    await house.summary(call)
    await eventually(lambda: states() == [])


@pytest.mark.parametrize(
    ("arguments", "reason"), [("say=Hello,say=Hello", "repeated_key"), ("call=call_unknown", "unknown_call")]
)
async def test_whoever_comes_in_vain_is_counted_by_why(
    house: House, asterisk: FakeAsterisk, arguments: str, reason: str
) -> None:
    refused: list[str] = []
    house.stasis.door = DialplanDoor(house.stasis, "default", DEFAULTS, {"default": TRUNK}, refused=refused.append)
    call = asterisk.inbound(f"{APP},{arguments}", state="Up", dialplan=STAYS)
    await eventually(lambda: call.then)
    assert refused == [reason]


async def test_whoever_comes_while_we_are_closing_is_counted_too(house: House, asterisk: FakeAsterisk) -> None:
    refused: list[str] = []
    house.stasis.door = DialplanDoor(house.stasis, "default", DEFAULTS, {"default": TRUNK}, refused=refused.append)
    house.stasis.draining = True
    call = asterisk.inbound(f"{APP},say=Hello", state="Up", dialplan=STAYS)
    await eventually(lambda: call.then)
    assert refused == ["draining"]
