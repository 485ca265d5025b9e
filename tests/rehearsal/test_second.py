"""Second parties of a rehearsed call: scripted by their numbers, and gone when they have talked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from otpvoice.core.actions import Dial, Gather, Say
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    DigitReceived,
    OnSecond,
    OriginateAccepted,
    PartiesConnected,
    PartiesParted,
    SecondEnded,
)
from otpvoice.core.outcome import OwnAction
from otpvoice.rehearsal.line import TALK
from tests.rehearsal.rig import Rehearsal, rehearse, verdict
from tests.rehearsal.virtual import in_no_time

SOMEBODY = "+12025550123"
ELSE = "+12025550188"


def of_second(call: Rehearsal, number: int = 1) -> list[type[Any]]:
    return [type(event.event) for event in call.told if isinstance(event, OnSecond) and event.number == number]


def test_a_second_party_answers_talks_and_hangs_up_and_the_plan_goes_on() -> None:
    call, summary = in_no_time(rehearse(SOMEBODY, Dial(ELSE), Say("Bye.")))
    assert of_second(call) == [CallDialed, OriginateAccepted, CallProgressed, CallAnswered, CallEnded]
    assert verdict(summary) == ("completed", None, "plan")
    (second,) = summary["legs"]
    assert (second["to"], verdict(second)) == (ELSE, ("completed", None, "callee"))
    assert call.happened(PartiesConnected) == call.happened(PartiesParted) == 1
    (connected,) = [event.at for event in call.told if isinstance(event, PartiesConnected)]
    (parted,) = [event.at for event in call.told if isinstance(event, PartiesParted)]
    assert parted - connected == pytest.approx(TALK)


@pytest.mark.parametrize(
    ("number", "ended"),
    [
        ("+12025550101", ("busy", None, "callee")),
        ("+12025550102", ("no_answer", None, "callee")),
        ("+12025550104", ("invalid_number", None, "callee")),
        ("+12025550107", ("completed", None, "callee")),
        ("+12025550120", ("no_answer", None, "timeout")),
    ],
)
def test_a_second_party_is_who_its_number_says(number: str, ended: tuple[str, str | None, str]) -> None:
    call, summary = in_no_time(rehearse(SOMEBODY, Dial(number, ring_timeout=20.0), Say("Bye.")))
    assert verdict(summary) == ("completed", None, "plan")
    assert verdict(summary["legs"][0]) == ended
    assert call.happened(SecondEnded) == 1
    assert call.happened(PartiesConnected) == (ended[0] == "completed")


def test_several_are_called_one_after_the_other() -> None:
    call, summary = in_no_time(rehearse(SOMEBODY, Dial("+12025550101"), Dial(ELSE), Dial(ELSE)))
    assert [verdict(leg)[0] for leg in summary["legs"]] == ["busy", "completed", "completed"]
    assert of_second(call, 3) == [CallDialed, OriginateAccepted, CallProgressed, CallAnswered, CallEnded]


def test_nobody_presses_keys_while_two_talk() -> None:
    call, _ = in_no_time(rehearse(SOMEBODY, Dial(ELSE), Say("Bye."), tail=0.0))
    assert call.happened(DigitReceived) == 0
    assert DigitReceived not in of_second(call)


def test_whoever_is_back_is_asked_and_answers() -> None:
    ask = Gather(DigitRules(max_digits=1), sensitive=False)
    summary = in_no_time(rehearse("+12025550114", Dial(ELSE), ask))[1]
    assert summary["collected"][0]["digits"] == "4"


def test_both_end_when_the_call_is_hung_up() -> None:
    async def story() -> tuple[Rehearsal, dict[str, Any]]:
        call = Rehearsal(SOMEBODY, Dial(ELSE))
        running = asyncio.create_task(call.run())
        while not call.happened(PartiesConnected):  # noqa: ASYNC110 - its time is skipped
            await asyncio.sleep(0.01)
        call.session.hang_up(OwnAction.HANG_UP_BY_API)
        return call, await running

    call, summary = in_no_time(story())
    assert verdict(summary) == verdict(summary["legs"][0]) == ("completed", None, "api")
    assert summary["errors"] == []
    assert of_second(call)[-1] is CallEnded
