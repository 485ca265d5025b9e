"""Keys that we press: one at a time, the next when the one before has sounded, however late Asterisk is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from otpvoice.ari import pressing
from otpvoice.core import flow, keying
from otpvoice.core.actions import Hangup, SendDigits
from otpvoice.core.compile import KEY, WAIT
from otpvoice.core.events import CallAnswered, DigitsNotSent, DigitsSent
from tests.ari.rig import NUMBER, House, eventually, outcome, the_call
from tests.fakes import FakeAsterisk, switch
from tests.fakes.channels import Json
from tests.fakes.faults import Fault, Faults


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "END_OF_CHANNEL", 0.3)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pressing, keying):
        monkeypatch.setattr(module, "LATE", 0.2)


async def sending(house: House, *digits: str) -> tuple[str, Json]:
    """A whole call that presses keys and hangs up."""
    house.asterisk.callee(NUMBER).answers()
    call_id = await house.place(*(SendDigits(keys) for keys in digits), Hangup())
    return call_id, await house.summary(call_id)


def codes(summary: Json) -> list[str]:
    return [error["code"] for error in summary["errors"]]


@pytest.mark.parametrize("quiet", [0.0, 0.1, 0.7])
async def test_the_last_key_has_sounded_before_the_plan_goes_on(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch, quiet: float
) -> None:
    """The later Asterisk begins with each, the longer it takes; and never is a second one said before."""
    monkeypatch.setattr(switch, "QUIET", quiet)
    call_id, summary = await sending(house, "12", "3")
    assert (outcome(summary), codes(summary)) == (("completed", None, "plan"), [])
    assert the_call(asterisk).digits == "123"
    assert [request.operation for request in asterisk.requested("sendDTMF", "answer", "hangup")] == [
        *["sendDTMF", "answer"] * 3,
        "hangup",
    ]
    assert len(house.happened(DigitsSent, call_id)) == 2


async def test_keys_are_not_pressed_faster_than_a_far_end_can_tell_them_apart(
    house: House, asterisk: FakeAsterisk
) -> None:
    await sending(house, "1", "23w4")
    ats = [request.at for request in asterisk.requested("sendDTMF")]
    gaps = [later - earlier for earlier, later in pairwise(ats)]
    assert all(gap >= least for gap, least in zip(gaps, [KEY, KEY, KEY + WAIT], strict=True)), gaps


async def test_nothing_but_waits_is_sent_when_they_are_over(house: House, asterisk: FakeAsterisk) -> None:
    call_id, summary = await sending(house, "ww")
    assert (codes(summary), asterisk.requested("sendDTMF", "answer")) == ([], [])
    [answered], [sent] = house.happened(CallAnswered, call_id), house.happened(DigitsSent, call_id)
    assert isinstance(answered, CallAnswered)
    assert isinstance(sent, DigitsSent)
    assert sent.at - answered.at >= 2 * WAIT


async def test_whether_a_key_has_sounded_may_be_asked_twice(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.faults.cut_after("answer", times=1)
    _, summary = await sending(house, "12")
    assert (the_call(asterisk).digits, codes(summary)) == ("12", [])


async def test_a_key_is_never_pressed_twice(house: House, asterisk: FakeAsterisk) -> None:
    """Whether it was pressed nobody knows."""
    asterisk.faults.cut_after("sendDTMF", times=1)
    call_id, summary = await sending(house, "12")
    assert (the_call(asterisk).digits, codes(summary)) == ("1", ["digits_not_sent"])
    assert len(house.happened(DigitsNotSent, call_id)) == 1


@pytest.mark.parametrize("status", [412, 500])
async def test_keys_that_are_refused_are_told(house: House, asterisk: FakeAsterisk, status: int) -> None:
    asterisk.faults.answer("sendDTMF", status=status)
    _, summary = await sending(house, "12")
    assert (the_call(asterisk).digits, codes(summary)) == ("", ["digits_not_sent"])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "fault",
    [lambda faults: faults.hang("answer"), lambda faults: faults.answer("answer", status=500)],
    ids=["silence", "no"],
)
async def test_where_nobody_says_that_a_key_has_sounded_no_more_are_pressed_and_the_plan_goes_on(
    house: House, asterisk: FakeAsterisk, fault: Callable[[Faults], Fault]
) -> None:
    with fault(asterisk.faults):
        _, summary = await sending(house, "12")
    assert (outcome(summary), codes(summary)) == (("completed", None, "plan"), ["digits_not_confirmed"])
    assert the_call(asterisk).digits == "1"


async def test_a_hang_up_waits_for_no_key(house: House, asterisk: FakeAsterisk) -> None:
    with asterisk.faults.hang("answer"):
        asterisk.callee(NUMBER).answers()
        call_id = await house.place(SendDigits("12"))
        await eventually(lambda: asterisk.requested("answer"))
        house.stasis.hang_up(call_id)
        summary = await house.summary(call_id)
        await house.legs_back()
    assert (outcome(summary), codes(summary)) == (("completed", None, "api"), [])
    assert the_call(asterisk).digits == "1"


async def test_whoever_hangs_up_meanwhile_ends_the_pressing(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    call_id = await house.place(SendDigits("1234567890"))
    await eventually(lambda: len(asterisk.requested("sendDTMF")) == 2)
    the_call(asterisk).hang_up()
    summary = await house.summary(call_id)
    assert (outcome(summary), codes(summary)) == (("completed", None, "callee"), [])
    assert len(asterisk.requested("sendDTMF")) == 2
    assert not house.happened(DigitsSent, call_id)
