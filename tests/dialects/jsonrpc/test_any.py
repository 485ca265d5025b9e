"""Whatever a record has in it, and whatever happens: what is told and asked is JSON, and whole."""

from __future__ import annotations

import re
from typing import Any, Final

from hypothesis import given

from otpvoice.core.events import ActionCompleted, Asked, CallAnswered, DigitsCollected, Event
from otpvoice.dialects.jsonrpc.telling import ANSWERED, HUNG_UP, STATUS, JsonRpcTeller
from otpvoice.dialects.spelling import Told
from tests.dialects.whatever import AT, EVENTS, RECORD, strictly

WORDS: Final = {ANSWERED, HUNG_UP, *STATUS.values()}
DONE: Final = {"play_successful", "speak_successful", "send_dtmf_successful"}
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", re.ASCII)


def check(body: bytes) -> dict[str, Any]:
    """Return what is in ``data`` of a message that has all that its kind has."""
    document = strictly(body)
    data: dict[str, Any] = document["data"]
    assert re.fullmatch("[0-9A-F]{32}", document["reference_id"])
    assert isinstance(document.get("external_id", ""), str)
    assert (document["to"], document["from"]) == (data["to"], data["from"])
    assert all(number is None or isinstance(number, str) for number in (data["to"], data["from"]))
    assert document["event"] == "incoming_call" or data["status"] in WORDS | DONE
    for name in {"created_on_utc", "answered_on_utc", "ended_on_utc"} & data.keys():
        assert data[name] is None or INSTANT.fullmatch(data[name])
    assert data.get("duration", 0) >= 0
    return data


def check_end(told: list[Told]) -> None:
    *dialled, last = told
    assert [one.type for one in dialled] in ([], ["dial_completed"])
    assert last.type == "call_completed"
    data = check(last.body)
    assert data["direction"] in {"inbound", "outbound"}
    assert (data["status"] == HUNG_UP) == (data["answered_on_utc"] is not None)
    assert data["ended_on_utc"] is not None
    for one in dialled:
        check(one.body)


@given(RECORD, EVENTS, AT)
def test_whatever_a_record_has_in_it(call: dict[str, Any], event: Event, at: float) -> None:
    check_end(list(JsonRpcTeller().ended(call, at)))
    teller = JsonRpcTeller()
    assert not teller.told(call, event, at)
    check_end(list(teller.ended(call, at)))
    if isinstance(
        event.report if isinstance(event, Asked) else event, CallAnswered | DigitsCollected | ActionCompleted
    ):
        check(teller.question(call, event, at).body)


def test_a_record_of_which_nothing_is_left_has_failed() -> None:
    dialled, ended = JsonRpcTeller().ended({}, 1_552_632_508.151)
    assert check(dialled.body) == {"to": None, "from": None, "status": "failed"}
    assert check(ended.body) == {
        "duration": 0,
        "created_on_utc": None,
        "answered_on_utc": None,
        "ended_on_utc": "2019-03-15T06:48:28.151",
        "status": "failed",
        "audio_recording_file_name": None,
        "to": None,
        "from": None,
        "direction": "outbound",
    }


def test_an_outcome_of_a_later_version_has_failed() -> None:
    call = {"direction": "outbound", "outcome": {"class": "deferred"}, "answered_at": None}
    dialled, ended = JsonRpcTeller().ended(call, 0.0)
    assert (check(dialled.body)["status"], check(ended.body)["status"]) == ("failed", "failed")
