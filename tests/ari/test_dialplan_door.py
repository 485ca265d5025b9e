"""The dialplan's door: every way out of it is a call that begins, or a channel that goes on in its dialplan."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from otpvoice.ari import backoff, telephone
from otpvoice.core.actions import Say
from otpvoice.core.events import CallAnswered
from otpvoice.core.outcome import OwnAction
from otpvoice.core.plan import CallPlan
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialplan import DialplanDoor
from otpvoice.stasis import app as switchboard
from otpvoice.stasis import register
from tests.ari.rig import APP, TRUNK, House, a_house, eventually, outcome
from tests.fakes import Call, FakeAsterisk
from tests.fakes.dialplan import Dialplan

STAYS = Dialplan(waits=None)
DEFAULTS = CallDefaults(
    trunks={"default": TrunkOffer("default")},
    destinations=Destinations((), (), anywhere=True),
    language="en",
    lead_in=0.0,
    tail=0.0,
)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephone, "END_TOLD_WITHIN", 0.2)
    monkeypatch.setattr(backoff, "FIRST", 0.03)


@pytest.fixture
async def house(asterisk: FakeAsterisk) -> AsyncIterator[House]:
    async with a_house(asterisk) as house:
        house.stasis.door = DialplanDoor(house.stasis, "default", DEFAULTS, {"default": TRUNK})
        await house.legs_back()
        yield house


def comes_in(asterisk: FakeAsterisk, arguments: str, **changes: Any) -> Call:
    """Somebody calls, and the dialplan says ``Stasis()``."""
    given: dict[str, Any] = {"state": "Up", "dialplan": STAYS} | changes
    return asterisk.inbound(f"{APP},{arguments}", **given)


async def gone_on(call: Call) -> dict[str, str]:
    """Wait for the line after ``Stasis()``. Returns status, reason and the call's id as they are there."""
    await eventually(lambda: call.then)
    seen = call.then[0].variables
    return {name: seen[f"OTPVOICE_{name}"] for name in ("STATUS", "REASON", "CALL")}


async def prepared(house: House, *, seconds: float = 60.0) -> str:
    """A call that waits."""
    plan = CallPlan(
        None,
        None,
        "default",
        "en",
        (Say("Hello."),),
        lead_in=0.0,
        tail=0.0,
        inbound=True,
        goes_on=True,
        valid_until=house.stasis.clock.wall() + seconds,
    )
    return str((await house.stasis.prepare(plan, TRUNK, account="default", door="http"))["id"])


async def test_a_caller_is_spoken_to_and_goes_on(house: House, asterisk: FakeAsterisk) -> None:
    call = comes_in(asterisk, "say=Hello.")
    seen = await gone_on(call)
    assert (seen["STATUS"], seen["REASON"]) == ("completed", "")
    summary = await house.summary(seen["CALL"])
    assert (summary["direction"], summary["door"], summary["to"]) == ("inbound", "dialplan", "100")
    await house.legs_back()


async def test_what_is_no_call_goes_on_and_nobody_listens_for_it_any_more(house: House, asterisk: FakeAsterisk) -> None:
    before = len(house.node.router)
    call = comes_in(asterisk, "say=Hello.,colour=red")
    assert await gone_on(call) == {"STATUS": "invalid", "REASON": "unknown_key", "CALL": ""}
    await eventually(lambda: len(house.node.router) == before)
    assert house.ledger.finished == []


async def test_a_prepared_call_is_come_for_once(house: House, asterisk: FakeAsterisk) -> None:
    call_id = await prepared(house)
    callers = [comes_in(asterisk, f"call={call_id}", caller=f"1555010{n}") for n in range(3)]
    seen = [await gone_on(call) for call in callers]
    assert sorted((it["STATUS"], it["REASON"]) for it in seen) == [
        ("completed", ""),
        ("invalid", "unknown_call"),
        ("invalid", "unknown_call"),
    ]
    assert outcome(await house.summary(call_id)) == ("completed", None, "plan")


async def test_a_prepared_call_can_be_ended_until_it_has_begun(house: House, asterisk: FakeAsterisk) -> None:
    """The caller is there, and Asterisk is slow to set what guards the channel: a code is revoked in this moment."""
    call_id = await prepared(house)
    with asterisk.faults.delay("setVariable", "setVariables", seconds=0.2, times=1):
        call = comes_in(asterisk, f"call={call_id}")
        await eventually(lambda: asterisk.requested("setVariable", "setVariables"))
        assert house.stasis.find("default", call_id) is not None
        house.stasis.hang_up(call_id)
        assert (await gone_on(call))["REASON"] == "unknown_call"
    assert outcome(await house.summary(call_id)) == ("canceled", None, "api")
    assert not house.happened(CallAnswered)


async def test_who_has_hung_up_already_burns_no_prepared_call(house: House, asterisk: FakeAsterisk) -> None:
    call_id = await prepared(house)
    with asterisk.faults.delay("setVariable", "setVariables", seconds=0.2, times=1):
        call = comes_in(asterisk, f"call={call_id}")
        await eventually(lambda: asterisk.requested("setVariable", "setVariables"))
        call.hang_up()
        await eventually(lambda: not house.stasis.door or not house.stasis.door.arriving)
    assert house.stasis.prepared(call_id) is not None
    assert (await gone_on(comes_in(asterisk, f"call={call_id}", caller="15550112")))["STATUS"] == "completed"


async def test_a_prepared_call_that_can_not_begin_has_a_summary(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id = await prepared(house)

    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(switchboard, "Line", breaks)
    seen = await gone_on(comes_in(asterisk, f"call={call_id}"))
    assert (seen["STATUS"], seen["REASON"]) == ("failed", "internal_error")
    assert outcome(await house.summary(call_id)) == ("failed", "internal_error", "us")


async def test_who_comes_while_we_stop_is_sent_on(house: House, asterisk: FakeAsterisk) -> None:
    waits = await prepared(house)
    with asterisk.faults.delay("setVariable", "setVariables", seconds=0.2, times=1):
        at_the_door = comes_in(asterisk, "say=Hello.")
        await eventually(lambda: asterisk.requested("setVariable", "setVariables"))
        draining = asyncio.create_task(house.stasis.drain(5.0))
        await eventually(lambda: house.stasis.draining)
        late = [comes_in(asterisk, arguments, caller="15550112") for arguments in ("say=Hello.", f"call={waits}")]
        for call in (at_the_door, *late):
            seen = await gone_on(call)
            assert (seen["STATUS"], seen["REASON"]) == ("failed", "draining")
        await draining
    assert outcome(await house.summary(waits)) == ("canceled", OwnAction.SHUTDOWN.value, "us")
    assert len(house.ledger.finished) == 1, "whoever was sent on has begun no call"


async def test_a_caller_at_the_door_of_a_frozen_asterisk_does_not_keep_us_from_stopping(
    house: House, asterisk: FakeAsterisk
) -> None:
    loop = asyncio.get_running_loop()
    with asterisk.faults.hang("setVariable", "setVariables", "getVariable"):
        comes_in(asterisk, "say=Hello.")
        await eventually(lambda: house.stasis.door is not None and house.stasis.door.arriving)
        began = loop.time()
        await house.stasis.drain(0.3)
        assert loop.time() - began < 0.3 + register.END_WITHIN + 1
