"""Whatever happens in whatever order, and whatever a record has in it: what is told is JSON, and whole."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.events import (
    Asked,
    DigitsCollected,
    Event,
)
from otpvoice.core.outcome import Outcome
from otpvoice.core.proof import Proof
from otpvoice.core.record import CallRecord
from otpvoice.dialects.callflow.telling import CallflowTeller
from otpvoice.dialects.spelling import Told
from tests.dialects.callflow_telling.calls import CALL, inbound, outbound, read
from tests.dialects.whatever import AT, EVENTS, OUTCOMES, RECORD, strictly

SESSION: Final = {"sessionId", "subAccountId", "sessionStatus", "startTime", "endTime", "lastAction", "callCount"}
LEG: Final = {"callId", "callDirection", "initiatedTimestamp", "disconnectedTimestamp", "callStatus", "callDuration"}
WORDS: Final = {"COMPLETED", "BUSY", "NO_ANSWER", "CANCELED", "FAILED", "ERROR"}
EVENT: Final = {"eventId", "callId", "sessionId", "callStatus", "callDuration", "sipCode", "timestamp"}


def check(told: Told) -> None:
    assert told.hook == told.type
    document = strictly(told.body)
    payload = document["payload"]
    assert document["namespace"] == "VOICE"
    if told.hook == "VCS":
        assert payload.keys() >= EVENT
        assert payload["callDuration"] >= 0
        assert 200 <= payload["sipCode"] < 700
        return
    assert (told.hook, payload.keys() >= SESSION) == ("VSS", True)
    assert payload["sessionStatus"] in WORDS
    assert ("errorDetails" in payload) == (payload["sessionStatus"] == "ERROR")
    assert len(payload["details"]) == payload["callCount"]
    for leg in payload["details"].values():
        assert leg.keys() >= LEG
        assert leg["callStatus"] in WORDS
        assert leg["callDuration"] >= 0


@given(st.sampled_from([outbound(asks=True), outbound(), inbound()]), st.lists(EVENTS, max_size=25), OUTCOMES, AT, AT)
def test_whatever_happens_in_whatever_order(
    plan: Any, events: list[Event], outcome: Outcome, created: float, at: float
) -> None:
    record = CallRecord(CALL, "8x8_test", "8x8", plan, Proof.expecting(()), None, "i", created)
    teller = CallflowTeller()
    told: list[Told] = []
    keys: set[str] = set()
    for event in events:
        record.note(event)
        call = record.to_json()
        told += teller.told(call, event, at)
        report = event.report if isinstance(event, Asked) else event
        if isinstance(report, DigitsCollected):
            keys.add(report.collected.keys.reveal())
        if isinstance(event, Asked):
            question = teller.question(call, event, at)
            assert strictly(question.body)["payload"].keys() >= EVENT | {"eventData"}
    record.end(outcome, at)
    told += teller.ended(record.to_json(), at)
    for one in told:
        check(one)
        assert not any(key.encode() in one.body for key in keys)
    assert [one.hook for one in told].count("VSS") == 1
    # Each leg ends once.
    ends = [read(one.body)["payload"]["callId"] for one in told if b'"CALL_DISCONNECTED"' in one.body]
    assert len(ends) == len(set(ends))


@given(RECORD, EVENTS, AT)
def test_whatever_a_record_has_in_it(call: dict[str, Any], event: Event, at: float) -> None:
    for one in CallflowTeller().ended(call, at):
        check(one)
    teller = CallflowTeller()
    for one in (*teller.told(call, event, at), *teller.ended(call, at)):
        check(one)
    strictly(teller.question(call, event, at).body)


def test_a_record_of_which_nothing_is_left_is_an_unknown_error() -> None:
    (summary,) = CallflowTeller().ended({}, 1768292853.0)
    payload = read(summary.body)["payload"]
    assert (payload["sessionStatus"], payload["errorDetails"]["errorCode"]) == ("ERROR", -9999)
    assert payload["endTime"] == "2026-01-13T08:27:33Z"
