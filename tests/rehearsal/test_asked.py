"""Rehearsed calls of plans that begin with nothing but a question, or end with one: what the callee does meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from otpvoice.core.actions import Action, Dial, Gather, Hangup, Say
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import Asked, CallAnswered, CallEnded, DigitReceived, DigitsSent, OnSecond, PartiesConnected
from otpvoice.core.plan import Webhook
from otpvoice.core.record import CallRecord
from otpvoice.rehearsal.line import TALK
from otpvoice.session import NoAnswer
from tests.rehearsal.rig import Rehearsal, verdict
from tests.rehearsal.virtual import in_no_time

SOMEBODY: Final = "+12025550123"
ELSE: Final = "+12025550188"
BUSY: Final = "+12025550101"
SIX_KEYS: Final = "+12025550108"
TOO_SHORT_AT_FIRST: Final = "+12025550109"
HOOK: Final = Webhook("https://hooks.example/", events=(), interactive=True)
PIN: Final = Gather(DigitRules(min_digits=4, max_digits=6), prompt=(Say("Your PIN, please."),), sensitive=False)


class Application:
    """Answers one question after the other, each after so many seconds. ``records``: what it was told, in order."""

    def __init__(self, *answers: tuple[Action, ...] | NoAnswer, seconds: float = 0.3) -> None:
        self.answers, self.seconds = list(answers), seconds
        self.records: list[dict[str, Any]] = []

    async def ask(self, record: CallRecord, /) -> tuple[Action, ...]:
        self.records.append(record.to_json())
        await asyncio.sleep(self.seconds)
        answer = self.answers.pop(0)
        if isinstance(answer, NoAnswer):
            raise answer
        return answer


def rehearsed(number: str, application: Application, *actions: Action) -> tuple[Rehearsal, dict[str, Any]]:
    async def story() -> tuple[Rehearsal, dict[str, Any]]:
        call = Rehearsal(number, actions=actions, asker=application, webhook=HOOK, tail=0.0)
        return call, await call.run()

    return in_no_time(story())


def test_a_callee_who_was_told_nothing_yet_waits_for_what_is_asked() -> None:
    application = Application((PIN,), (Say("Thank you."), Hangup()))
    call, summary = rehearsed(SIX_KEYS, application)
    assert verdict(summary) == ("completed", None, "plan")
    assert summary["collected"] == [
        {"tag": None, "digits": "123456", "count": 6, "ended_by": "max_digits", "valid": True, "tries": 1, "ignored": 0}
    ]
    assert application.records[0]["state"] == "answered"
    assert application.records[1]["collected"] == summary["collected"]
    assert call.happened(DigitReceived) == 7, "once: when it was asked"


def test_the_turns_of_a_callee_are_not_used_up_by_silence() -> None:
    application = Application((PIN,), (PIN,), ())
    _, summary = rehearsed(TOO_SHORT_AT_FIRST, application)
    assert [(one["digits"], one["ended_by"]) for one in summary["collected"]] == [
        ("12", "terminator"),
        ("123456", "max_digits"),
    ]


def test_whoever_is_asked_for_keys_without_a_word_presses_them_all_the_same() -> None:
    wordless = Gather(DigitRules(max_digits=6), sensitive=False)
    _, summary = rehearsed(SIX_KEYS, Application((wordless,), ()))
    assert summary["collected"][0]["digits"] == "123456"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (ELSE, ("completed", None, "callee")),
        (BUSY, ("busy", None, "callee")),
        ("+12025550120", ("no_answer", None, "timeout")),
        ("+12025550104", ("invalid_number", None, "callee")),
    ],
)
def test_a_question_after_a_second_leg_knows_all_of_it(number: str, expected: tuple[str, str | None, str]) -> None:
    application = Application((Dial(number, ring_timeout=20.0),), (Say("Bye."), Hangup()))
    call, summary = rehearsed(SOMEBODY, application)
    [leg] = [leg for leg in application.records[1]["legs"] if leg["role"] == "second"]
    assert (leg["to"], verdict(leg)) == (number, expected)
    assert (leg["answered_at"] is not None) is (expected[0] == "completed")
    assert leg["ended_at"] is not None
    assert leg == summary["legs"][-1], "and nothing is added to it later"
    assert verdict(summary) == ("completed", None, "plan")
    assert [event for event, _ in call.seen if isinstance(event, Asked)]


def test_an_extension_takes_its_time_and_reaches_nobody() -> None:
    call, summary = rehearsed(SOMEBODY, Application((Dial(ELSE, digits="www12#"),), ()))
    pressed, connected, answered = _moments(call)
    assert answered + 1.5 <= pressed <= connected
    assert verdict(summary["legs"][-1]) == ("completed", None, "callee")
    assert summary["errors"] == []


def _moments(call: Rehearsal) -> tuple[float, float, float]:
    """When the keys had sounded, when the two were connected, and when the second party had answered."""
    of_second = [event.event for event in call.told if isinstance(event, OnSecond)]
    [pressed] = [event.at for event in of_second if isinstance(event, DigitsSent)]
    [answered] = [event.at for event in of_second if isinstance(event, CallAnswered)]
    [connected] = [event.at for event in call.told if isinstance(event, PartiesConnected)]
    return pressed, connected, answered


def test_a_talk_of_so_many_seconds_is_as_short_as_that() -> None:
    call, summary = rehearsed(SOMEBODY, Application((Dial(ELSE, max_duration=TALK / 4),), ()))
    assert verdict(summary["legs"][-1]) == ("completed", "max_duration", "timeout")
    assert verdict(summary) == ("completed", None, "plan")
    assert call.happened(PartiesConnected) == 1


def test_an_application_that_is_away_is_told_in_the_record() -> None:
    application = Application(NoAnswer("webhook_unreachable", "nobody answered at the webhook"))
    _, summary = rehearsed(SOMEBODY, application)
    assert verdict(summary) == ("completed", None, "plan")
    assert [error["code"] for error in summary["errors"]] == ["webhook_unreachable"]


def test_a_plan_without_a_word_or_a_question_is_answered_and_hung_up() -> None:
    async def story() -> dict[str, Any]:
        return await Rehearsal(SOMEBODY, actions=()).run()

    summary = in_no_time(story())
    assert verdict(summary) == ("completed", None, "plan")
    assert summary["answered_at"] is not None
    assert (summary["delivered"], summary["played"]["complete"], summary["errors"]) == (None, 0, [])


def test_an_application_that_dials_a_busy_number_for_ever_comes_to_an_end_with_one_summary() -> None:
    application = Application(*[(Dial(BUSY),)] * 100, seconds=0.0)
    call, summary = rehearsed(SOMEBODY, application)
    assert verdict(summary) == ("completed", None, "plan")
    assert [(leg["role"], verdict(leg)) for leg in summary["legs"]] == [("second", ("busy", None, "callee"))] * 3
    assert [(error["code"], error["action"]) for error in summary["errors"]] == [("dialed_too_often", 3)]
    assert BUSY not in summary["errors"][0]["message"]
    assert len(application.records) == 4, "at the answer, and after each leg"
    assert call.happened(CallEnded) == 1
