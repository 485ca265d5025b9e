"""What is written before anybody is called, and what is left to, and taken on from, another life of this process."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace

import pytest

from otpvoice.core.actions import Dial, Pause, Say
from otpvoice.core.events import CallAnswered, CallDialed, OnSecond
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord, State
from otpvoice.stasis import Found, NotTaken, Pace, Trunk
from tests.ari.rig import NUMBER, TRUNK, House, a_while, call_channels, eventually, outcome, rung
from tests.fakes import FakeAsterisk

PLAN = CallPlan(f"+{NUMBER}", None, "default", "en", (Say("Hello."),), lead_in=0.0, tail=0.0, ring_timeout=10.0)
NOW = time.time()
FOUND = Found("call_found", "default", "http", 1_800_000_000.0, test=False, events=3, until=NOW + 600)


@dataclass
class Next:
    """Sees to a next life. ``gate``: an intent waits for it; ``stands``: what comes of that."""

    keeps_plans: bool = True
    stands: bool | None = True
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    intended: list[tuple[str, State]] = field(default_factory=list)
    resumed: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    async def intend(self, record: CallRecord, /, within: float) -> bool | None:
        self.intended.append((record.id, record.state))
        await self.gate.wait()
        return self.stands

    def resume(self, record: CallRecord, events: int, /) -> None:
        self.resumed.append((record.id, events))


@pytest.fixture
def life(house: House) -> Next:
    house.stasis.next_life = Next()
    return house.stasis.next_life


# --- write ahead ------------------------------------------------------------------------------------------------------


async def test_it_is_written_that_somebody_is_called_before_anybody_is(
    house: House, asterisk: FakeAsterisk, life: Next
) -> None:
    asterisk.callee(NUMBER).answers()
    life.gate.clear()
    call_id = await house.place()
    await eventually(lambda: life.intended)
    assert life.intended == [(call_id, State.DIALING)]
    await a_while(0.05)
    assert rung(asterisk) == {}
    assert len(house.happened(CallDialed, call_id)) == 1, "it was told, since that is what is written"
    life.gate.set()
    assert outcome(await house.summary(call_id)) == ("completed", None, "plan")
    assert rung(asterisk) == {NUMBER: 1}
    assert len(house.happened(CallDialed, call_id)) == 1


async def test_nobody_is_called_of_whom_that_is_not_written(house: House, asterisk: FakeAsterisk, life: Next) -> None:
    life.stands = False
    summary = await house.summary(await house.place())
    assert outcome(summary) == ("failed", "lost_before_dialing", "us")
    assert summary["dialed_at"] is None
    await house.legs_back()
    assert (rung(asterisk), call_channels(asterisk)) == ({}, [])


async def test_who_hangs_up_meanwhile_is_not_kept_waiting(house: House, asterisk: FakeAsterisk, life: Next) -> None:
    life.gate.clear()
    call_id = await house.place()
    await eventually(lambda: life.intended)
    house.stasis.hang_up(call_id)
    assert outcome(await house.summary(call_id)) == ("canceled", None, "api")
    life.gate.set()
    await house.legs_back()
    assert rung(asterisk) == {}


async def test_an_asterisk_that_goes_away_meanwhile_rings_nobody_when_it_is_back(
    house: House, asterisk: FakeAsterisk, life: Next
) -> None:
    life.gate.clear()
    call_id = await house.place()
    await eventually(lambda: life.intended)
    await asterisk.restart()
    await eventually(lambda: not house.node.connected)
    life.gate.set()
    assert outcome(await house.summary(call_id)) == ("failed", "asterisk_lost", "asterisk")
    await eventually(lambda: house.node.connected)
    await house.legs_back()
    assert rung(asterisk) == {}


@pytest.mark.parametrize(("stands", "rings"), [(True, 1), (None, 1), (False, 0)])
async def test_a_second_party_is_called_unless_the_call_is_another_lifes_by_now(
    house: House, asterisk: FakeAsterisk, life: Next, stands: bool | None, rings: int
) -> None:
    asterisk.callee(NUMBER).answers()
    asterisk.callee("15550101").answers().hangs_up(0.1)

    async def only_the_first(record: CallRecord, /, within: float) -> bool | None:
        return True if record.state is State.DIALING else stands

    life.intend = only_the_first  # type: ignore[method-assign]
    call_id = await house.place(Dial("+15550101"))
    await house.summary(call_id)
    assert rung(asterisk)["15550101"] == rings
    assert len(house.happened(OnSecond, call_id)) >= 1


async def test_what_was_stale_when_it_was_written_is_not_called(
    house: House, asterisk: FakeAsterisk, life: Next
) -> None:
    life.gate.clear()
    call_id = await house.place(valid_until=time.time() + 0.3)
    await eventually(lambda: life.intended)
    await a_while(0.4)
    life.gate.set()
    assert outcome(await house.summary(call_id)) == ("expired", None, "timeout")
    assert rung(asterisk) == {}


# --- left to a next life ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [True, False])
async def test_at_a_shutdown_who_stands_in_line_is_left_to_a_next_life(
    house: House, asterisk: FakeAsterisk, life: Next, kept: bool
) -> None:
    life.keeps_plans = kept
    asterisk.callee(NUMBER).never_answers()
    trunk = Trunk("default", TRUNK.dial, Pace(max_calls=1))
    first = await house.stasis.place(PLAN, trunk, account="default", door="http")
    second = await house.stasis.place(PLAN, trunk, account="default", door="http")
    await house.until(CallDialed, first["id"])
    await house.stasis.drain(0.01)
    ends = {summary["id"]: outcome(summary) for summary in house.ledger.finished}
    canceled = ("canceled", "shutdown", "us")
    assert ends == {first["id"]: canceled} | ({} if kept else {second["id"]: canceled})
    assert house.stasis.count == 0
    assert rung(asterisk) == {NUMBER: 1}


@pytest.mark.parametrize("kept", [True, False])
async def test_at_a_shutdown_a_call_that_waits_to_be_called_for_is_left_too(
    house: House, life: Next, kept: bool
) -> None:
    life.keeps_plans = kept
    plan = CallPlan(None, None, "default", "en", (Say("Hello."),), inbound=True)
    prepared = await house.stasis.prepare(plan, TRUNK, account="default", door="http")
    await house.stasis.drain(1.0)
    assert [summary["id"] for summary in house.ledger.finished] == ([] if kept else [prepared["id"]])
    assert house.stasis.prepared(prepared["id"]) is None


async def test_during_the_drain_a_prepared_call_can_still_be_ended(
    house: House, asterisk: FakeAsterisk, life: Next
) -> None:
    asterisk.callee(NUMBER).answers()
    plan = CallPlan(None, None, "default", "en", (Say("Hello."),), inbound=True)
    prepared = await house.stasis.prepare(plan, TRUNK, account="default", door="http")
    call_id = await house.place(Pause(60.0))
    await house.until(CallAnswered, call_id)
    draining = asyncio.create_task(house.stasis.drain(5.0))
    await asyncio.sleep(0)
    assert house.stasis.find("default", prepared["id"]) is not None
    house.stasis.hang_up(prepared["id"])
    assert outcome(await house.summary(prepared["id"])) == ("canceled", None, "api")
    house.stasis.hang_up(call_id)
    await draining


async def test_who_is_unknown_here_may_be_known_to_whoever_takes_over(house: House) -> None:
    asked: list[str] = []

    class Takeover:
        def hang_up(self, call_id: str, /) -> None:
            asked.append(call_id)

        async def done(self, within: float, /) -> None: ...

    house.stasis.takeover = Takeover()
    house.stasis.hang_up("call_found")
    assert asked == ["call_found"]


# --- taken on ---------------------------------------------------------------------------------------------------------


async def test_a_call_that_is_taken_on_is_placed_and_not_accepted_again(
    house: House, asterisk: FakeAsterisk, life: Next
) -> None:
    asterisk.callee(NUMBER).answers()
    house.stasis.resume(PLAN, TRUNK, found=FOUND)
    summary = await house.summary("call_found")
    assert outcome(summary) == ("completed", None, "plan")
    assert summary["created_at"] == "2027-01-15T08:00:00.000Z"
    assert (life.resumed, life.intended) == ([("call_found", 3)], [("call_found", State.DIALING)])
    assert house.ledger.accepted == []
    assert rung(asterisk) == {NUMBER: 1}


async def test_it_takes_its_turn_like_any_other(house: House, asterisk: FakeAsterisk, life: Next) -> None:
    asterisk.callee(NUMBER).never_answers()
    trunk = Trunk("default", TRUNK.dial, Pace(max_calls=1))
    first = await house.stasis.place(PLAN, trunk, account="default", door="http")
    await house.until(CallDialed, first["id"])
    house.stasis.resume(PLAN, trunk, found=FOUND)
    found = house.stasis.find("default", "call_found")
    assert found is not None
    assert found.state is State.QUEUED
    house.stasis.hang_up("call_found")
    assert outcome(await house.summary("call_found")) == ("canceled", None, "api")


async def test_a_call_of_a_test_key_rings_nobody_in_this_life_either(
    house: House, asterisk: FakeAsterisk, life: Next
) -> None:
    house.stasis.resume(PLAN, TRUNK, found=replace(FOUND, test=True))
    assert (await house.summary("call_found"))["test"] is True
    assert rung(asterisk) == {}


async def test_a_prepared_one_waits_for_the_rest_of_its_time(house: House, life: Next) -> None:
    plan = CallPlan(None, None, "default", "en", (Say("Hello."),), inbound=True)
    house.stasis.resume(plan, TRUNK, found=FOUND)
    record = house.stasis.prepared("call_found")
    assert record is not None
    assert record.state is State.WAITING
    house.stasis.resume(plan, TRUNK, found=replace(FOUND, call_id="call_late", until=time.time() - 1))
    assert outcome(await house.summary("call_late")) == ("expired", None, "timeout")


async def test_without_an_asterisk_it_stands_in_line(house: House, asterisk: FakeAsterisk, life: Next) -> None:
    asterisk.callee(NUMBER).answers()
    asterisk.crash()
    await eventually(lambda: not house.node.connected)
    house.stasis.resume(PLAN, TRUNK, found=FOUND)
    other = replace(FOUND, call_id="call_off")
    house.stasis.resume(replace(PLAN, to="+15550101"), TRUNK, found=other)
    assert house.stasis.find("default", "call_found") is not None
    house.stasis.hang_up("call_off")
    assert outcome(await house.summary("call_off")) == ("canceled", None, "api")
    await asterisk.restart()
    assert outcome(await house.summary("call_found")) == ("completed", None, "plan")
    assert rung(asterisk) == {NUMBER: 1}


async def test_what_found_no_way_in_its_time_is_stale(house: House, life: Next) -> None:
    house.node.replaced = True
    house.stasis.resume(PLAN, TRUNK, found=replace(FOUND, until=time.time() + 0.05))
    assert outcome(await house.summary("call_found")) == ("expired", None, "timeout")


async def test_whoever_drains_takes_nothing_on(house: House, life: Next) -> None:
    await house.stasis.drain(0.1)
    with pytest.raises(NotTaken):
        house.stasis.resume(PLAN, TRUNK, found=FOUND)
    assert life.resumed == []
