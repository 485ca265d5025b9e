"""What a dialplan is told of a call."""

from __future__ import annotations

import pytest

from otpvoice.ari.variables import at_the_start, lost, no_call, variables_of
from otpvoice.core.digits import Collected, EndedBy
from otpvoice.core.outcome import EndedParty, Outcome, OutcomeClass
from otpvoice.core.result import Result
from otpvoice.core.secret import Keys

ENDED = Outcome(OutcomeClass.COMPLETED, None, 16, None, EndedParty.PLAN)
FAILED = Outcome(OutcomeClass.FAILED, "media_lost", None, None, EndedParty.US)
PRESSED = Collected(Keys("47#11"), EndedBy.MAX_DIGITS, valid=True, ignored=0)
NOTHING = Collected(Keys(""), EndedBy.NO_INPUT, valid=False, ignored=0)


@pytest.mark.parametrize(
    ("result", "status", "reason", "delivered", "digits", "ended_by"),
    [
        (Result(ENDED, delivered=True), "completed", "", "1", "", ""),
        (Result(ENDED, delivered=None), "completed", "", "0", "", ""),
        (Result(FAILED, delivered=False), "failed", "media_lost", "0", "", ""),
        (Result(ENDED, delivered=None, collected=PRESSED), "completed", "", "0", "47#11", "max_digits"),
        (Result(ENDED, delivered=None, collected=NOTHING), "completed", "", "0", "", "no_input"),
    ],
)
def test_the_variables_of_a_result(
    *, result: Result, status: str, reason: str, delivered: str, digits: str, ended_by: str
) -> None:
    assert variables_of(result) == {
        "OTPVOICE_STATUS": status,
        "OTPVOICE_REASON": reason,
        "OTPVOICE_ERROR": "",
        "OTPVOICE_DELIVERED": delivered,
        "OTPVOICE_DIGITS": digits,
        "OTPVOICE_DIGITS_ENDED_BY": ended_by,
    }


def test_the_status_is_set_last() -> None:
    """Who hangs up meanwhile is seen as who has hung up: it was set at the start."""
    assert list(variables_of(Result(ENDED, delivered=True)))[-1] == "OTPVOICE_STATUS"


def test_nothing_of_an_earlier_call_on_the_channel_is_left() -> None:
    at_the_end = variables_of(Result(ENDED, delivered=True, collected=PRESSED))
    for variables in (at_the_start("call_1"), lost("app_lost"), no_call("invalid", "format", "times: a sentence")):
        assert variables.keys() >= at_the_end.keys()
        assert (variables["OTPVOICE_DIGITS"], variables["OTPVOICE_DELIVERED"]) == ("", "0")
    assert (at_the_start("call_1")["OTPVOICE_CALL"], no_call("invalid", "format")["OTPVOICE_CALL"]) == ("call_1", "")
    assert "OTPVOICE_CALL" not in lost("app_lost"), "it was one, and its record is to be found"
