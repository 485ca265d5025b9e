"""What a dialplan is told of a call."""

from __future__ import annotations

import pytest

from otpvoice.ari.variables import at_the_start, found, known, lost, no_call, on_arrival, variables_of
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
    for variables in (on_arrival(), no_call("invalid", "format", "times: a sentence")):
        assert variables.keys() == at_the_end.keys() | {"OTPVOICE_CALL"}
        assert (variables["OTPVOICE_DIGITS"], variables["OTPVOICE_DELIVERED"]) == ("", "0")
        assert variables["OTPVOICE_CALL"] == ""
    assert at_the_start("call_1") == {"OTPVOICE_CALL": "call_1"}


def test_what_is_told_first_of_all_is_that_somebody_has_hung_up() -> None:
    """Whoever hangs up in the next moment is not taken for the outcome of the ``Stasis()`` before."""
    assert next(iter(on_arrival().items())) == ("OTPVOICE_STATUS", "hangup")


@pytest.mark.parametrize(
    ("delivered", "collected", "told"),
    [
        (None, None, {"OTPVOICE_DELIVERED": "0"}),
        (True, None, {"OTPVOICE_DELIVERED": "1"}),
        (
            False,
            PRESSED,
            {"OTPVOICE_DELIVERED": "0", "OTPVOICE_DIGITS": "47#11", "OTPVOICE_DIGITS_ENDED_BY": "max_digits"},
        ),
    ],
)
def test_what_is_known_in_the_middle_says_nothing_of_the_end(
    delivered: bool | None, collected: Collected | None, told: dict[str, str]
) -> None:
    assert known(Result(FAILED, delivered=delivered, collected=collected)) == told


def test_of_a_call_that_broke_off_what_was_told_is_kept() -> None:
    """It was heard, and pressed, before that: the dialplan is not to do it again."""
    expected = {"OTPVOICE_STATUS": "failed", "OTPVOICE_REASON": "app_lost", "OTPVOICE_ERROR": ""}
    assert lost("app_lost") == found("hangup", "app_lost") == expected


@pytest.mark.parametrize("status", [None, "", "completed", "?"])
def test_a_channel_that_was_never_a_call_tells_nothing_of_the_one_before(status: str | None) -> None:
    assert found(status, "events_lost") == no_call("failed", "events_lost")
