"""Calls that wait for their turn on a trunk: taken and kept, not yet rung, and ended at any time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from otpvoice.ari import line
from otpvoice.core import flow
from otpvoice.core.actions import Action, Gather, Say
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import CallAnswered, CallProgressed
from otpvoice.core.plan import CallPlan
from otpvoice.stasis import NotTaken, Pace, Trunk
from otpvoice.stasis import needs as module
from otpvoice.stasis.call import Call
from tests.ari.rig import NUMBER, House, a_while, eventually, outcome, rung, the_call
from tests.fakes import FakeAsterisk

ASK = Gather(DigitRules(max_digits=1, first_digit_timeout=20.0))
NEXT = "15550101"


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "END_OF_CHANNEL", 0.5)
    monkeypatch.setattr(module, "LEG_WAIT", 0.2)


def a_trunk(**limits: Any) -> Trunk:
    return Trunk("default", "PJSIP/{number}@trunk", Pace(**{"max_calls": 1, "queue_seconds": 20.0} | limits))


async def place(house: House, trunk: Trunk, number: str, *actions: Action, **changes: Any) -> str:
    """Order a call on a trunk; return its id."""
    given: dict[str, Any] = {"lead_in": 0.0, "tail": 0.0, "ring_timeout": 10.0, "max_duration": 30.0} | changes
    plan = CallPlan(f"+{number}", None, "default", "en", actions or (Say("Hello."),), **given)
    return str((await house.stasis.place(plan, trunk, account="default", door="test"))["id"])


async def one_that_talks(house: House, trunk: Trunk) -> str:
    """Place a call that goes on until it is ended."""
    house.asterisk.callee(NUMBER).answers()
    call_id = await place(house, trunk, NUMBER, ASK)
    await house.until(CallAnswered, call_id)
    return call_id


async def nothing_is_left(house: House, trunk: Trunk) -> None:
    await house.legs_back()
    await eventually(lambda: house.stasis.count == 0)
    assert (trunk.pace.waiting, trunk.pace.in_progress) == (0, 0)


# --- waiting ----------------------------------------------------------------------------------------------------------


async def test_a_call_waits_until_the_one_before_it_is_over(house: House, asterisk: FakeAsterisk) -> None:
    trunk = a_trunk()
    first = await one_that_talks(house, trunk)
    asterisk.callee(NEXT).answers()
    second = await place(house, trunk, NEXT)
    assert house.ledger.accepted[-1]["id"] == second
    await a_while(0.05)
    record = house.stasis.find("default", second)
    assert record is not None
    assert (record.state, record.dialed_at) == ("queued", None)
    assert (trunk.pace.waiting, trunk.pace.in_progress, house.node.pool.taken) == (1, 1, 1), "it needs no leg yet"
    assert rung(asterisk) == {NUMBER: 1}
    house.stasis.hang_up(first)
    assert outcome(await house.summary(second)) == ("completed", None, "plan")
    assert rung(asterisk) == {NUMBER: 1, NEXT: 1}
    await nothing_is_left(house, trunk)


async def test_calls_wait_for_the_pace_too(house: House, asterisk: FakeAsterisk) -> None:
    trunk = a_trunk(max_calls=None, calls_per_second=0.01)
    asterisk.callee(NUMBER).answers()
    await house.summary(await place(house, trunk, NUMBER))
    await nothing_is_left(house, trunk)
    second = await place(house, trunk, NEXT)
    assert (trunk.pace.waiting, trunk.pace.in_progress) == (1, 0)
    house.stasis.hang_up(second)
    assert outcome(await house.summary(second)) == ("canceled", None, "api")
    assert rung(asterisk) == {NUMBER: 1}


async def test_a_call_of_another_trunk_does_not_wait(house: House, asterisk: FakeAsterisk) -> None:
    first, other = a_trunk(), a_trunk()
    await one_that_talks(house, first)
    asterisk.callee(NEXT).answers()
    assert outcome(await house.summary(await place(house, other, NEXT))) == ("completed", None, "plan")


# --- ends -------------------------------------------------------------------------------------------------------------


async def called_off(house: House, call_id: str) -> None:
    house.stasis.hang_up(call_id)


async def called_off_twice(house: House, call_id: str) -> None:
    house.stasis.hang_up(call_id)
    await house.stasis.end_all()


async def shut_down(house: House, call_id: str) -> None:
    await house.stasis.drain(0.05)


async def nothing(house: House, call_id: str) -> None: ...


@pytest.mark.parametrize(
    ("limits", "changes", "end", "expected"),
    [
        ({}, {}, called_off, ("canceled", None, "api")),
        ({}, {}, called_off_twice, ("canceled", None, "api")),
        ({}, {}, shut_down, ("canceled", "shutdown", "us")),
        ({"queue_seconds": 0.1}, {}, nothing, ("expired", "trunk_busy", "timeout")),
        ({}, {"valid_for": 0.1}, nothing, ("expired", None, "timeout")),
        ({"queue_seconds": 0.1}, {"valid_for": 30.0}, nothing, ("expired", "trunk_busy", "timeout")),
    ],
    ids=["hung up", "hung up and shut down", "shut down", "queue_seconds", "valid_until", "the shorter of both"],
)
async def test_a_call_that_waits_can_end_and_rings_nobody(
    house: House,
    limits: dict[str, Any],
    changes: dict[str, float],
    *,
    end: Callable[[House, str], Awaitable[None]],
    expected: tuple[str, str | None, str],
) -> None:
    trunk = a_trunk(**limits)
    await one_that_talks(house, trunk)
    until = {"valid_until": time.time() + changes["valid_for"]} if changes else {}
    waiting = await place(house, trunk, NEXT, **until)
    await end(house, waiting)
    summary = await house.summary(waiting)
    assert outcome(summary) == expected
    assert (summary["state"], summary["dialed_at"], summary["legs"][0]["answered_at"]) == ("ended", None, None)
    assert house.stasis.find("default", waiting) is None
    await house.stasis.end_all()
    assert rung(house.asterisk) == {NUMBER: 1}
    await nothing_is_left(house, trunk)


async def test_whoever_drains_lets_calls_that_wait_have_their_turn(house: House, asterisk: FakeAsterisk) -> None:
    trunk = a_trunk()
    first = await one_that_talks(house, trunk)
    asterisk.callee(NEXT).answers()
    second = await place(house, trunk, NEXT)
    draining = asyncio.create_task(house.stasis.drain(5.0))
    await asyncio.sleep(0)
    house.stasis.hang_up(first)
    await draining
    assert outcome(await house.summary(second)) == ("completed", None, "plan")


async def test_an_asterisk_that_is_lost_meanwhile_rings_nobody(house: House) -> None:
    trunk = a_trunk()
    first = await one_that_talks(house, trunk)
    second = await place(house, trunk, NEXT)
    house.stasis.node_lost(house.node)
    assert outcome(await house.summary(second))[:2] == ("failed", "asterisk_lost")
    assert outcome(await house.summary(first))[:2] == ("failed", "asterisk_lost")
    assert rung(house.asterisk) == {NUMBER: 1}
    await nothing_is_left(house, trunk)


async def test_a_code_that_goes_stale_when_its_turn_comes_is_not_dialled(house: House) -> None:
    """The voice was slow: what was checked at acceptance is checked again before anybody is rung."""
    trunk = a_trunk()
    house.voice.may_speak.clear()
    call_id = await place(house, trunk, NUMBER, valid_until=time.time() + 0.1)
    await house.voice.asked.wait()
    await a_while(0.15)
    house.voice.may_speak.set()
    assert outcome(await house.summary(call_id)) == ("expired", None, "timeout")
    assert not rung(house.asterisk)
    await nothing_is_left(house, trunk)


async def test_a_call_for_which_there_is_no_leg_at_its_turn_rings_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "FIRST_LEG_WITHIN", 0.1)
    trunk = a_trunk()
    slot = await trunk.pace.turn("somebody")
    call_id = await place(house, trunk, NUMBER)
    legs = [await house.node.pool.take(1.0) for _ in range(house.node.settings.legs_maximum)]
    trunk.pace.release(slot)
    summary = await house.summary(call_id)
    assert (outcome(summary)[0], summary["errors"][0]["code"]) == ("failed", "media_unavailable")
    assert not rung(house.asterisk)
    for leg in legs:
        await house.node.pool.give_back(leg)
    await nothing_is_left(house, trunk)


# --- no room ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limits", "waiting"), [({"longest_queue": 1}, 1), ({"queue_seconds": 0.0}, 0)])
async def test_a_call_for_which_there_is_no_room_in_the_line_is_not_taken(
    house: House, limits: dict[str, Any], waiting: int
) -> None:
    trunk = a_trunk(**limits)
    await one_that_talks(house, trunk)
    for _ in range(waiting):
        await place(house, trunk, NEXT)
    with pytest.raises(NotTaken) as refused:
        await place(house, trunk, NEXT)
    assert (refused.value.reason, refused.value.recorded) == ("queue_full", False)
    assert len(house.ledger.accepted) == 1 + waiting
    assert (trunk.pace.waiting, trunk.pace.in_progress, house.node.pool.taken) == (waiting, 1, 1)
    await house.stasis.end_all()
    await nothing_is_left(house, trunk)


# --- what is given back -----------------------------------------------------------------------------------------------


async def a_busy_callee(house: House, trunk: Trunk) -> None:
    house.asterisk.callee(NUMBER).rejects(486)
    await house.summary(await place(house, trunk, NUMBER))


async def nobody_who_speaks(house: House, trunk: Trunk) -> None:
    house.voice.unavailable = "broken"
    await house.summary(await place(house, trunk, NUMBER))


async def no_record(house: House, trunk: Trunk) -> None:
    house.ledger.refuses = True
    with pytest.raises(NotTaken):
        await place(house, trunk, NUMBER)


async def no_leg(house: House, trunk: Trunk) -> None:
    legs = [await house.node.pool.take(1.0) for _ in range(house.node.settings.legs_maximum)]
    with pytest.raises(NotTaken) as refused:
        await place(house, trunk, NUMBER)
    assert refused.value.reason == "no_media_leg"
    for leg in legs:
        await house.node.pool.give_back(leg)


async def nobody_who_waits_for_the_answer(house: House, trunk: Trunk) -> None:
    house.ledger.gate.clear()
    placing = asyncio.create_task(place(house, trunk, NUMBER))
    await eventually(lambda: house.ledger.accepted)
    placing.cancel()
    await asyncio.gather(placing, return_exceptions=True)


async def an_answer(house: House, trunk: Trunk) -> None:
    house.stasis.hang_up(await one_that_talks(house, trunk))


@pytest.mark.parametrize(
    "story", [a_busy_callee, nobody_who_speaks, no_record, no_leg, nobody_who_waits_for_the_answer, an_answer]
)
async def test_whatever_becomes_of_a_call_its_turn_is_given_back(
    house: House, story: Callable[[House, Trunk], Awaitable[None]]
) -> None:
    trunk = a_trunk()
    await story(house, trunk)
    await nothing_is_left(house, trunk)


async def test_whoever_asks_and_goes_away_leaves_the_line(house: House) -> None:
    trunk = a_trunk()
    await one_that_talks(house, trunk)
    house.ledger.gate.clear()
    placing = asyncio.create_task(place(house, trunk, NEXT))
    await eventually(lambda: len(house.ledger.accepted) == 2)
    assert trunk.pace.waiting == 1
    placing.cancel()
    await asyncio.gather(placing, return_exceptions=True)
    assert (trunk.pace.waiting, trunk.pace.in_progress) == (0, 1)


async def test_a_turn_that_comes_while_the_record_is_written_is_not_lost(house: House, asterisk: FakeAsterisk) -> None:
    trunk = a_trunk()
    first = await one_that_talks(house, trunk)
    asterisk.callee(NEXT).answers()
    house.ledger.gate.clear()
    placing = asyncio.create_task(place(house, trunk, NEXT))
    await eventually(lambda: len(house.ledger.accepted) == 2)
    house.stasis.hang_up(first)
    await house.summary(first)
    await eventually(lambda: trunk.pace.waiting == 0)
    house.ledger.gate.set()
    assert outcome(await house.summary(await placing)) == ("completed", None, "plan")
    await nothing_is_left(house, trunk)


async def test_a_call_that_is_hung_up_in_the_moment_of_its_turn_rings_nobody(house: House) -> None:
    trunk = a_trunk()
    first = await one_that_talks(house, trunk)
    second = await place(house, trunk, NEXT)
    call = house.stasis._calls[second]
    assert isinstance(call, Call)
    turn = call.turn
    assert turn is not None
    turn.add_done_callback(lambda _: house.stasis.hang_up(second))
    house.stasis.hang_up(first)
    assert outcome(await house.summary(second)) == ("canceled", None, "api")
    assert rung(house.asterisk) == {NUMBER: 1}
    await nothing_is_left(house, trunk)


# --- progress of another kind -----------------------------------------------------------------------------------------


async def test_a_call_that_rings_counts_as_one_in_progress(house: House, asterisk: FakeAsterisk) -> None:
    trunk = a_trunk()
    asterisk.callee(NUMBER).never_answers()
    first = await place(house, trunk, NUMBER)
    await house.until(CallProgressed, first)
    asterisk.callee(NEXT).answers()
    second = await place(house, trunk, NEXT)
    assert trunk.pace.waiting == 1
    house.stasis.hang_up(first)
    assert outcome(await house.summary(second)) == ("completed", None, "plan")
    assert the_call(asterisk, NEXT).over
