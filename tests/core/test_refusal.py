"""What the record of a call says that was taken and never to begin, and what is understood of it later."""

from __future__ import annotations

from typing import Any, Final

import pytest

from otpvoice.core.outcome import EndedParty, Ending, Fault, OutcomeClass, classify
from otpvoice.core.refusal import MESSAGES, complaint, refusal

FORBIDDEN: Final = complaint(Fault.NOT_ALLOWED, None)


@pytest.mark.parametrize("fault", MESSAGES)
def test_who_is_refused_is_told_by_what_and_is_known_by_it_again(fault: Fault) -> None:
    entry = complaint(fault, None)
    assert entry == {"code": fault.value, "message": MESSAGES[fault], "action": None}
    assert refusal({"dialed_at": None, "errors": [entry]}) is fault
    outcome = classify(Ending(answered=False, fault=fault))
    assert (outcome.class_, outcome.reason, outcome.ended_by) == (OutcomeClass.FAILED, fault.value, EndedParty.US)


def test_there_may_be_more_to_say() -> None:
    entry = complaint(Fault.SCENARIO_INVALID, "no value for {name}")
    assert (entry["code"], entry["message"]) == ("scenario_invalid", "no value for {name}")
    assert refusal({"errors": [entry]}) is Fault.SCENARIO_INVALID


@pytest.mark.parametrize("fault", sorted(set(Fault) - set(MESSAGES)))
def test_nobody_is_refused_for_what_breaks_later(fault: Fault) -> None:
    with pytest.raises(KeyError):
        complaint(fault, None)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"errors": []},
        {"errors": None},
        {"errors": "destination_not_allowed"},
        {"errors": [None]},
        {"errors": ["destination_not_allowed"]},
        {"errors": [{}]},
        {"errors": [{"code": None}]},
        {"errors": [{"code": ["destination_not_allowed"]}]},
        {"errors": [{"code": "media_lost"}]},
        # In the middle of a call it is an answer that could not be used.
        {"errors": [FORBIDDEN], "dialed_at": "2026-01-01T00:00:00.000Z"},
        {"errors": [{"code": "audio_timeout"}, FORBIDDEN]},
    ],
)
def test_what_says_nothing_of_it_was_not_refused(record: dict[str, Any]) -> None:
    assert refusal(record) is None
