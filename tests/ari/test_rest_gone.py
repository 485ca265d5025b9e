"""No request is answered, and the events come as ever: said so, waited for, and put in order afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from otpvoice.ari import backoff, node, pool, pulse, telephone
from otpvoice.core import flow
from otpvoice.core.actions import Gather, Say
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import CallAnswered, PiecePlayed
from otpvoice.core.readiness import why_not_ready
from otpvoice.stasis import NotTaken
from tests.ari.rig import (
    NUMBER,
    House,
    answers_within,
    call_channels,
    eventually,
    leg_channels,
    outcome,
    rung,
    the_call,
)
from tests.fakes import FakeAsterisk
from tests.fakes.faults import Fault, Faults

AWAY = [lambda faults: faults.cut_before(times=None), lambda faults: faults.hang()]


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "END_OF_CHANNEL", 0.3)
    monkeypatch.setattr(backoff, "FIRST", 0.01)
    monkeypatch.setattr(telephone, "TRIES", 3)
    monkeypatch.setattr(pool, "LEFT_WITHIN", 0.1)
    monkeypatch.setattr(node, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(pulse, "EVERY", 0.05)
    monkeypatch.setattr(pulse, "WITHIN", 0.05)
    answers_within(monkeypatch, 0.1)


@pytest.mark.parametrize("away", AWAY)
async def test_nobody_is_called_while_no_request_is_answered(
    house: House, asterisk: FakeAsterisk, away: Callable[[Faults], Fault]
) -> None:
    with away(asterisk.faults):
        await eventually(lambda: not house.node.ready)
        assert why_not_ready(house.node) == ["asterisk_unavailable"]
        assert house.node.reason.startswith("no request is answered")
        with pytest.raises(NotTaken) as refused:
            await house.place()
        assert refused.value.reason == "asterisk_unavailable"
    await eventually(lambda: house.node.ready)
    assert house.node.reason == ""
    assert house.node.connections == 1, "the events came all the time"
    asterisk.callee(NUMBER).answers()
    assert outcome(await house.summary(await house.place())) == ("completed", None, "plan")


async def test_one_request_that_is_not_answered_is_no_outage(house: House, asterisk: FakeAsterisk) -> None:
    for _ in range(3):
        fault = asterisk.faults.answer("ping", status=500, times=1)
        await eventually(lambda fault=fault: fault.used)  # type: ignore[misc]
        count = len(asterisk.requested("ping"))
        await eventually(lambda count=count: len(asterisk.requested("ping")) > count)  # type: ignore[misc]
        assert house.node.ready


@pytest.mark.parametrize("away", AWAY)
async def test_a_call_goes_on_and_is_hung_up_when_requests_are_answered_again(
    house: House, asterisk: FakeAsterisk, away: Callable[[Faults], Fault]
) -> None:
    """Its audio is not asked for. All tries to hang up were in vain, and the events socket was never away."""
    asterisk.callee(NUMBER).answers()
    call_id = await house.place(Say("One."), Say("Two."), Say("Three."))
    await house.until(PiecePlayed)
    with away(asterisk.faults):
        summary = await house.summary(call_id)
        assert outcome(summary) == ("completed", None, "plan")
        await eventually(lambda: not house.stasis.count)
        # The leg, in whose bridge the callee still is, has been given up; its bridge could not be ended, either.
        await eventually(lambda: asterisk.requested("destroyBridge") and not house.node.pool._busy)
        assert not the_call(asterisk).over
    await eventually(lambda: the_call(asterisk).over)
    await eventually(lambda: not call_channels(asterisk))
    assert house.node.connections == 1
    await house.legs_back()
    await eventually(lambda: len(asterisk.switch.bridges) == len(leg_channels(asterisk)) == 1)
    assert len(house.ledger.finished) == 1
    assert rung(asterisk)[NUMBER] == 1


async def test_looks_leave_calls_in_progress_and_legs_alone(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    call_id = await house.place(Gather(DigitRules(max_digits=4, first_digit_timeout=9.0)))
    await house.until(CallAnswered)
    legs, bridges = dict.fromkeys(asterisk.switch.channels), dict.fromkeys(asterisk.switch.bridges)
    count = len(asterisk.requested("application"))
    await eventually(lambda: len(asterisk.requested("application")) > count + 8)
    assert (dict.fromkeys(asterisk.switch.channels), dict.fromkeys(asterisk.switch.bridges)) == (legs, bridges)
    house.stasis.hang_up(call_id)
    assert outcome(await house.summary(call_id))[0] == "completed"
