"""The switchboard: which calls are taken, what a refusal leaves behind, and how it is closed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from otpvoice.core import flow
from otpvoice.core.actions import Gather, Say
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import CallAnswered, CallProgressed
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord
from otpvoice.stasis import NotTaken, Trunk
from otpvoice.stasis import needs as module
from tests.ari.rig import NUMBER, TRUNK, House, a_house, eventually, leg_channels, outcome, the_call
from tests.fakes import FakeAsterisk

ASK = Gather(DigitRules(max_digits=1, first_digit_timeout=20.0))


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "END_OF_CHANNEL", 0.5)
    monkeypatch.setattr(module, "LEG_WAIT", 0.2)


@pytest.mark.parametrize(
    ("dial", "endpoint"),
    [
        ("PJSIP/{number}@trunk", "PJSIP/15550100@trunk"),
        ("PJSIP/{e164}@trunk", "PJSIP/+15550100@trunk"),
        ("PJSIP/trunk/sip:{e164}@sip.example;user=phone", "PJSIP/trunk/sip:+15550100@sip.example;user=phone"),
    ],
)
def test_a_dial_string_is_made_of_the_trunk_and_the_number(dial: str, endpoint: str) -> None:
    assert Trunk("t", dial).endpoint("+15550100") == endpoint


async def nobody_was_rung(house: House) -> None:
    await house.legs_back()
    assert house.stasis.count == 0
    assert house.asterisk.originates.total() == 0


# --- taking calls -----------------------------------------------------------------------------------------------------


async def test_a_call_is_kept_before_anybody_is_rung(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    house.ledger.gate.clear()
    placing = asyncio.create_task(house.place())
    await eventually(lambda: house.ledger.accepted)
    assert house.ledger.accepted[0]["state"] == "queued"
    await asyncio.sleep(0.05)
    assert not asterisk.requested("originate")
    house.ledger.gate.set()
    call_id = await placing
    summary = await house.summary(call_id)
    assert summary["id"] == call_id == house.ledger.accepted[0]["id"]
    assert (summary["node"], summary["instance"], summary["account"], summary["door"]) == (
        "one",
        "a",
        "default",
        "test",
    )


async def test_what_a_call_carries_to_asterisk(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).never_answers()
    plan = CallPlan(f"+{NUMBER}", "+15550199", "default", "en", (Say("Hello."),), sip_headers={"X-Reference": "81"})
    record = await house.stasis.place(plan, TRUNK, account="default", door="test")
    await house.until(CallProgressed)
    channel = the_call(asterisk).channel
    assert channel.id == f"{record['id']}-1"
    assert channel.caller[1] == "+15550199"
    assert channel.variables["OTPVOICE_CALL"] == record["id"]
    assert the_call(asterisk).headers == {"X-Reference": "81"}
    [order] = asterisk.requested("originate")
    assert order.body["app"] == "otpvoice-a", "no other instance hears of it"


async def test_a_record_that_can_not_be_kept_is_no_call(house: House) -> None:
    house.ledger.refuses = True
    with pytest.raises(NotTaken) as refused:
        await house.place()
    assert refused.value.reason == "store_unavailable"
    await nobody_was_rung(house)


async def test_whoever_asks_and_goes_away_leaves_nothing_behind(house: House) -> None:
    house.ledger.gate.clear()
    placing = asyncio.create_task(house.place())
    await eventually(lambda: house.ledger.accepted)
    placing.cancel()
    await asyncio.gather(placing, return_exceptions=True)
    await nobody_was_rung(house)


async def test_a_call_for_which_there_is_no_leg_is_not_taken(asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).never_answers()
    async with a_house(asterisk, legs_maximum=1) as house:
        await house.place()
        with pytest.raises(NotTaken) as refused:
            await house.place()
        assert (refused.value.reason, refused.value.retry_after) == ("no_media_leg", 5)
        assert len(house.ledger.accepted) == 1


async def test_a_call_that_waits_for_a_leg_gets_the_first_that_comes_back(asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers().hangs_up(0.05)
    async with a_house(asterisk, legs_maximum=1) as house:
        legs = leg_channels(asterisk)
        first, second = await asyncio.gather(house.place(ASK), house.place(ASK))
        assert outcome(await house.summary(first)) == outcome(await house.summary(second))
        assert leg_channels(asterisk) == legs


async def test_a_node_that_was_replaced_takes_no_calls(house: House) -> None:
    house.node.replaced = True
    with pytest.raises(NotTaken) as refused:
        await house.place()
    assert refused.value.reason == "asterisk_unavailable"
    house.node.replaced = False
    await nobody_was_rung(house)


async def test_a_call_is_found_by_its_account_alone_and_while_it_lasts(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    call_id = await house.place(ASK)
    await house.until(CallAnswered)
    record = house.stasis.find("default", call_id)
    assert record is not None
    assert record.id == call_id
    assert house.stasis.find("another", call_id) is None
    house.stasis.hang_up("call_unknown")
    house.stasis.hang_up(call_id)
    await house.summary(call_id)
    assert house.stasis.find("default", call_id) is None


async def test_a_summary_is_handed_over_before_the_leg_is_back(house: House, asterisk: FakeAsterisk) -> None:
    """Whatever a leg's return takes, nobody waits for it who waits for the call."""
    asterisk.callee(NUMBER).answers()
    taken: list[int] = []
    finish = house.ledger.finish

    def finish_and_look(record: CallRecord) -> None:
        taken.append(house.node.pool.taken)
        finish(record)

    house.ledger.finish = finish_and_look  # type: ignore[method-assign]
    await house.summary(await house.place())
    assert taken == [1]
    await house.legs_back()


# --- closing ----------------------------------------------------------------------------------------------------------


async def test_whoever_drains_takes_no_calls_and_waits_for_those_there_are(
    house: House, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(NUMBER).answers().hangs_up(0.2)
    call_id = await house.place(ASK)
    await house.until(CallAnswered)
    draining = asyncio.create_task(house.stasis.drain(5.0))
    await asyncio.sleep(0)
    with pytest.raises(NotTaken) as refused:
        await house.place()
    assert refused.value.reason == "draining"
    await draining
    assert house.stasis.count == 0
    assert outcome(await house.summary(call_id)) == ("completed", None, "callee")
    assert house.node.pool.taken == 0, "the leg is back too"


async def test_calls_that_last_longer_than_the_drain_are_hung_up(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    asterisk.callee("15550101").never_answers()
    answered, ringing = await house.place(ASK), await house.place(ASK, number="15550101")
    await house.until(CallAnswered, answered)
    await house.until(CallProgressed, ringing)
    await house.stasis.drain(0.05)
    assert outcome(await house.summary(answered)) == ("completed", "shutdown", "us")
    assert outcome(await house.summary(ringing)) == ("canceled", "shutdown", "us")
    assert all(call.over for call in asterisk.calls)


async def test_a_call_in_preparation_is_not_rung_after_all(house: House, asterisk: FakeAsterisk) -> None:
    house.voice.may_speak.clear()
    call_id = await house.place()
    await house.voice.asked.wait()
    ending = asyncio.create_task(house.stasis.end_all())
    await asyncio.sleep(0)
    house.voice.may_speak.set()
    await ending
    assert outcome(await house.summary(call_id)) == ("canceled", "shutdown", "us")
    await nobody_was_rung(house)


async def test_a_call_that_is_about_to_begin_when_the_drain_begins_does_not(house: House) -> None:
    """It is in the store by then, so its end is written as well."""
    house.ledger.gate.clear()
    placing = asyncio.create_task(house.place())
    await eventually(lambda: house.ledger.accepted)
    await house.stasis.drain(1.0)
    house.ledger.gate.set()
    with pytest.raises(NotTaken) as refused:
        await placing
    assert refused.value.reason == "draining"
    [summary] = house.ledger.finished
    assert summary["id"] == house.ledger.accepted[0]["id"]
    assert outcome(summary) == ("canceled", "shutdown", "us")
    await nobody_was_rung(house)


async def test_a_call_that_waits_for_its_leg_when_the_drain_begins_is_not_taken(
    asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEG_WAIT", 2.0)
    asterisk.callee(NUMBER).answers().hangs_up(0.1)
    async with a_house(asterisk, legs_maximum=1) as house:
        await house.place(ASK)
        waiting = asyncio.create_task(house.place())
        await house.until(CallAnswered)
        await house.stasis.drain(5.0)
        with pytest.raises(NotTaken) as refused:
            await waiting
        assert refused.value.reason == "draining"
        assert len(house.ledger.accepted) == 1
        await house.legs_back()


async def test_a_follower_that_breaks_ends_its_call_and_no_other(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    first = await house.place(ASK)
    await house.until(CallAnswered)

    def break_it(record: Any, event: Any) -> None:
        if record.id != first:
            raise RuntimeError("a fault of the follower")

    house.stasis.followers = (*house.stasis.followers, break_it)
    asterisk.callee("15550101").answers()
    second = await house.place(number="15550101")
    assert outcome(await house.summary(second)) == ("failed", "internal_error", "us")
    await the_call(asterisk).press("1")
    assert outcome(await house.summary(first)) == ("completed", None, "plan")
    await house.legs_back()
