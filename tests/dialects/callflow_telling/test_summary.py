"""Summaries of records that are no ordinary ones: many legs, legs with numbers of their own, numbers of all kinds."""

from __future__ import annotations

from typing import Any, Final

import pytest

from otpvoice.dialects.callflow.countries import country_of
from otpvoice.dialects.callflow.summary import summary
from otpvoice.dialects.seen import Seen

DONE: Final = {"class": "completed", "reason": None, "cause": 16, "sip_status": None, "ended_by": "callee"}
RECORD: Final[dict[str, Any]] = {
    "id": "call_a089b40df05911f0893799c7872ee3c4",
    "account": "8x8_test",
    "direction": "inbound",
    "from": "+6591178965",
    "to": "100",
    "outcome": DONE,
    "created_at": "2026-01-13T08:26:58.999Z",
    "dialed_at": None,
    "answered_at": "2026-01-13T08:26:59.001Z",
    "ended_at": "2026-01-13T08:27:33.500Z",
    "talk_ms": 34_499,
    "legs": [],
    "metadata": {},
    "errors": [],
}
SECOND: Final[dict[str, Any]] = {
    "role": "second",
    "from": "+6568332048",
    "to": "+6531589338",
    "dialed_at": "2026-01-13T08:27:17.000Z",
    "answered_at": "2026-01-13T08:27:26.400Z",
    "ended_at": "2026-01-13T08:27:33.300Z",
    "outcome": DONE,
}


def told(last: str | None = None, **changes: Any) -> dict[str, Any]:
    payload = summary(Seen(RECORD | changes), last, 1768292853.0)["payload"]
    assert isinstance(payload, dict)
    return payload


def test_instants_have_no_fraction_and_durations_are_whole_seconds() -> None:
    payload = told()
    leg = payload["details"]["callA"]
    assert (payload["startTime"], payload["endTime"]) == ("2026-01-13T08:26:58Z", "2026-01-13T08:27:33Z")
    assert leg["connectedTimestamp"] == "2026-01-13T08:26:59Z"
    assert leg["callDuration"] == 34


def test_a_second_leg_has_the_number_that_it_shows_and_when_it_was_called() -> None:
    leg = told(legs=[SECOND])["details"]["callB"]
    assert (leg["source"], leg["callDirection"]) == ("+6568332048", "OUTBOUND")
    assert (leg["initiatedTimestamp"], leg["callDuration"]) == ("2026-01-13T08:27:17Z", 6)


def test_a_caller_is_not_shown_as_who_called_the_second_party() -> None:
    leg = told(legs=[SECOND | {"from": None}])["details"]["callB"]
    assert (leg["source"], leg["sourceCountryCode"]) == (None, None)


def test_a_second_leg_of_ours_shows_the_calls_number_where_the_record_does_not_say() -> None:
    legs = [{name: SECOND[name] for name in SECOND if name not in ("from", "dialed_at")}]
    leg = told(legs=legs, direction="outbound")["details"]["callB"]
    assert leg["source"] == "+6591178965"
    assert leg["initiatedTimestamp"] == leg["connectedTimestamp"] == "2026-01-13T08:27:26Z"


def test_legs_are_named_from_a_on_however_many_there_are() -> None:
    payload = told(legs=[SECOND] * 100)
    names = list(payload["details"])
    assert (payload["callCount"], len(names)) == (101, 101)
    assert (names[0], names[1], names[25], names[26], names[27], names[100]) == (
        *("callA", "callB", "callZ", "callAA", "callAB", "callCW"),
    )
    assert len({leg["callId"] for leg in payload["details"].values()}) == 101


def test_only_the_last_second_leg_decides() -> None:
    busy = SECOND | {"answered_at": None, "outcome": DONE | {"class": "busy"}}
    assert told("MAKE_CALL", legs=[SECOND, busy])["sessionStatus"] == "BUSY"
    assert told("MAKE_CALL", legs=[busy, SECOND])["sessionStatus"] == "COMPLETED"
    assert told("SAY", legs=[SECOND, busy])["sessionStatus"] == "COMPLETED", "it went on after that"


def test_a_second_party_that_could_not_be_called_for_a_fault_is_an_error() -> None:
    away = SECOND | {"answered_at": None, "outcome": DONE | {"class": "failed", "reason": "trunk_unreachable"}}
    payload = told("MAKE_CALL", legs=[away])
    assert (payload["sessionStatus"], payload["errorDetails"]["errorCode"]) == ("ERROR", -2002)
    assert payload["details"]["callA"]["callStatus"] == "COMPLETED"


def test_what_could_not_be_gone_on_with_counts_more_than_a_busy_second_party() -> None:
    busy = SECOND | {"answered_at": None, "outcome": DONE | {"class": "busy"}}
    errors = [{"code": "answer_invalid", "message": "", "action": None}]
    assert told("MAKE_CALL", legs=[busy], errors=errors)["sessionStatus"] == "ERROR"


def test_what_was_not_given_is_not_there() -> None:
    assert "clientRequestId" not in told()
    assert "clientRequestId" not in told(metadata={"clientRequestId": 7})
    assert told(metadata={"clientRequestId": "é"})["clientRequestId"] == "é"


MEASURED: Final = [
    ({"mos": 4.44, "loss": 0.012345, "jitter_ms": 19.6}, {"mos": 4.4, "packetLossRate": 0.0123, "jitter": 20}),
    ({"mos": 9, "loss": 2, "jitter_ms": -1}, {"mos": 5.0, "packetLossRate": 1.0, "jitter": 0}),
    ({"mos": None, "loss": 0.1, "jitter_ms": 1}, None),
    (None, None),
]


@pytest.mark.parametrize(("sample", "quality"), MEASURED)
def test_quality_is_there_where_it_was_measured(sample: Any, quality: dict[str, Any] | None) -> None:
    first = {"role": "first", "quality": sample}
    assert told(legs=[first])["details"]["callA"].get("callQuality") == quality


COUNTRIES: Final = {
    "+6591178965": "SG",
    "+94778066434": "LK",
    "+12314377870": "US",
    "+14165550123": "CA",
    "+18765550123": "JM",
    "+442079460123": "GB",
    "+441534600000": "JE",
    "+656833033": "SG",  # as in the vendor's sample: a digit is missing
    "+15550100": "US",  # no number of any plan; the main country of +1
    "+80012345678": None,  # free of charge everywhere, and of no country
    "+870773123456": None,
    "+999123456": None,
    "100": None,
    "front-desk.2": None,
    "": None,
}


@pytest.mark.parametrize("number", COUNTRIES)
def test_which_country_a_number_is_of(number: str) -> None:
    assert country_of(number) == COUNTRIES[number]


def test_nobodys_number_is_of_no_country() -> None:
    assert country_of(None) is None
