"""A record is a fold: what happened goes in, one JSON object with the same keys always comes out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from otpvoice.core.actions import Dial, Say
from otpvoice.core.digits import Collected, EndedBy
from otpvoice.core.events import (
    ActionFailed,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    CallReleased,
    DigitsCollected,
    Event,
    OnSecond,
    OriginateAccepted,
    QualitySampled,
    SecondEnded,
    SpeakingStarted,
)
from otpvoice.core.instants import rfc3339, span_ms
from otpvoice.core.outcome import Ending, Fault, OwnAction, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.quality import mean_opinion_score
from otpvoice.core.record import CallRecord, State
from otpvoice.core.secret import Keys
from otpvoice.core.speech import CodeCharacter

PLAN = CallPlan("+15550100", "+15550199", "default", "en-US", (Say("Hello."),), metadata={"order": 7})


def fresh(expected: int = 1, **changes: Any) -> CallRecord:
    record = CallRecord(
        id="call_1",
        account="default",
        door="http",
        plan=PLAN,
        proof=Proof(spoken=True, expected=expected),
        node="a",
        instance="i",
        created_at=1000.0,
        channel="call_1-1",
    )
    return replace(record, **changes)


def test_the_keys_are_the_same_at_the_beginning_and_at_the_end() -> None:
    record = fresh()
    before = record.to_json()
    for event in LIFE:
        record.note(event)
    record.end(classify(Ending(answered=True, own=OwnAction.HANG_UP_BY_PLAN, cause=16)), 1010.0)
    after = record.to_json()
    assert before.keys() == after.keys()
    assert before["state"] == "queued"
    assert before["outcome"] is None
    assert after["state"] == "ended"
    assert json.loads(json.dumps(after)) == after


LIFE: list[Event] = [
    CallDialed(1000.1),
    OriginateAccepted(1000.2, "abc@host"),
    CallProgressed(1001.0, ringing=True),
    CallProgressed(1001.5, ringing=True),
    CallAnswered(1003.0),
    SpeakingStarted("1", 1003.013, 2.0),
    SpeakingStarted("2", 1006.0, 2.0),
    QualitySampled(1005.0, 4.4, 1.0, 0.0, 20.0),
    CallEnded(1009.5, cause=16),
]


def test_times_are_those_of_the_events() -> None:
    record = fresh()
    for event in LIFE:
        record.note(event)
    shown = record.to_json()
    assert (shown["ring_ms"], shown["talk_ms"], shown["played"]["first_audio_ms"]) == (2000, 6500, 13)
    assert shown["ringing_at"] == "1970-01-01T00:16:41.000Z"
    assert shown["legs"][0]["sip_call_id"] == "abc@host"
    assert shown["legs"][0]["quality"] == {
        "at": "1970-01-01T00:16:45.000Z",
        "mos": 4.4,
        "jitter_ms": 1.0,
        "loss": 0.0,
        "rtt_ms": 20.0,
    }


def test_a_leg_has_its_own_outcome_as_the_call_has() -> None:
    record = fresh()
    for event in LIFE:
        record.note(event)
    assert record.to_json()["legs"][0]["outcome"] is None
    record.end(classify(Ending(answered=True, own=OwnAction.HANG_UP_BY_PLAN, cause=16)), 1010.0)
    shown = record.to_json()
    assert shown["legs"][0]["outcome"] == shown["outcome"]
    assert shown["legs"][0]["cause"] == 16


# --- calls that came in -----------------------------------------------------------------------------------------------


def test_a_call_that_came_in_says_so_and_what_is_not_known_is_null() -> None:
    record = fresh(plan=replace(PLAN, inbound=True, to=None, caller_id=None))
    record.note(CallAnswered(1001.0))
    record.note(CallReleased(1005.0))
    shown = record.to_json()
    assert (shown["direction"], shown["from"], shown["to"]) == ("inbound", None, None)
    assert (shown["dialed_at"], shown["ringing_at"], shown["ring_ms"], shown["talk_ms"]) == (None, None, None, 4000)
    assert shown["ended_at"] == "1970-01-01T00:16:45.000Z"


def test_a_prepared_call_waits_without_a_leg_until_somebody_comes_for_it() -> None:
    record = fresh(state=State.WAITING, channel=None, node=None, plan=replace(PLAN, inbound=True))
    before = record.to_json()
    assert (before["state"], before["legs"], before["node"]) == ("waiting", [], None)
    record.plan = replace(record.plan, to="100", caller_id="+15550123")
    record.channel, record.node = "1700000000.17", "a"
    assert record.note(CallAnswered(1003.0))
    shown = record.to_json()
    assert (shown["state"], shown["from"], shown["to"]) == ("answered", "+15550123", "100")
    assert [(leg["role"], leg["channel"], leg["to"]) for leg in shown["legs"]] == [("first", "1700000000.17", "100")]


# --- second legs ------------------------------------------------------------------------------------------------------

BUSY = classify(Ending(answered=False, by_callee=True, replied=True, cause=17, sip_status=486))
TALKED = classify(Ending(answered=True, by_callee=True, cause=16))
SECOND_LIFE: list[Event] = [
    OnSecond(1, CallDialed(1004.0)),
    OnSecond(1, OriginateAccepted(1004.1, "def@host")),
    OnSecond(1, CallProgressed(1005.0, ringing=True)),
    OnSecond(1, CallAnswered(1006.0)),
    OnSecond(1, QualitySampled(1007.0, 4.1, 2.0, 0.01, 30.0)),
    OnSecond(1, CallEnded(1008.0, cause=16)),
    SecondEnded(1, TALKED),
]


def two_dials() -> CallRecord:
    record = fresh(plan=replace(PLAN, actions=(Dial("+15550177"), Say("And?"), Dial("+15550166"))))
    for event in (CallDialed(1000.1), CallAnswered(1003.0)):
        record.note(event)
    return record


def test_a_second_leg_stands_behind_the_first_with_facts_of_its_own() -> None:
    record = two_dials()
    record.second(1, "+15550177", "+15550188")
    for event in SECOND_LIFE:
        assert not record.note(event), "the call stays answered"
    assert record.state is State.ANSWERED
    first, second = record.to_json()["legs"]
    assert first.keys() == second.keys()
    assert (first["role"], first["ended_at"], first["quality"]) == ("first", None, None)
    assert (first["from"], first["dialed_at"]) == ("+15550199", "1970-01-01T00:16:40.100Z")
    assert second == {
        "role": "second",
        "channel": "call_1-2",
        "sip_call_id": "def@host",
        "from": "+15550188",
        "to": "+15550177",
        "dialed_at": "1970-01-01T00:16:44.000Z",
        "answered_at": "1970-01-01T00:16:46.000Z",
        "ended_at": "1970-01-01T00:16:48.000Z",
        "cause": 16,
        "sip_status": None,
        "quality": {"at": "1970-01-01T00:16:47.000Z", "mos": 4.1, "jitter_ms": 2.0, "loss": 0.01, "rtt_ms": 30.0},
        "outcome": {
            "class": "completed",
            "reason": None,
            "cause": 16,
            "sip_status": None,
            "ended_by": "callee",
        },
    }


def test_while_a_second_leg_is_on_it_has_no_outcome() -> None:
    record = two_dials()
    for event in SECOND_LIFE[:4]:
        record.note(event)
    leg = record.to_json()["legs"][1]
    assert (leg["outcome"], leg["cause"], leg["ended_at"]) == (None, None, None)


def test_each_second_leg_has_its_number_and_its_callee() -> None:
    record = two_dials()
    for number, to in enumerate(("+15550177", "+15550166"), start=1):
        record.second(number, to)
    for event in (*SECOND_LIFE, OnSecond(2, CallDialed(1010.0)), OnSecond(2, CallEnded(1011.0)), SecondEnded(2, BUSY)):
        record.note(event)
    shown = record.to_json()
    assert [(leg["channel"], leg["to"]) for leg in shown["legs"][1:]] == [
        ("call_1-2", "+15550177"),
        ("call_1-3", "+15550166"),
    ]
    assert shown["legs"][2]["outcome"]["class"] == "busy"
    assert shown["legs"][2]["sip_status"] == 486
    assert json.loads(json.dumps(shown)) == shown


def test_a_second_leg_whose_end_was_not_seen_ends_with_the_call() -> None:
    record = two_dials()
    for event in SECOND_LIFE[:4]:
        record.note(event)
    record.end(classify(Ending(answered=True, fault=Fault.INTERNAL_ERROR, cause=16)), 1020.0)
    leg = record.to_json()["legs"][1]
    assert leg["ended_at"] == "1970-01-01T00:17:00.000Z"
    assert (leg["outcome"]["reason"], leg["cause"]) == ("internal_error", None)


def test_an_outcome_of_its_own_stands_when_the_call_ends() -> None:
    record = two_dials()
    for event in SECOND_LIFE:
        record.note(event)
    record.end(classify(Ending(answered=True, own=OwnAction.HANG_UP_BY_API, cause=16)), 1020.0)
    leg = record.to_json()["legs"][1]
    assert (leg["outcome"]["ended_by"], leg["ended_at"]) == ("callee", "1970-01-01T00:16:48.000Z")


def test_a_second_party_whose_number_was_not_said_is_shown_without_a_number() -> None:
    record = fresh()
    record.note(OnSecond(1, CallDialed(1004.0)))
    assert record.to_json()["legs"][1]["to"] is None


def test_a_state_never_goes_back() -> None:
    record = fresh()
    assert record.note(CallAnswered(1.0))
    assert not record.note(CallProgressed(2.0, ringing=True))
    assert record.state is State.ANSWERED


@pytest.mark.parametrize(("sensitive", "digits"), [(True, None), (False, "42")])
def test_sensitive_keys_are_not_in_the_record(sensitive: bool, digits: str | None) -> None:
    record = fresh()
    collected = Collected(Keys("42"), EndedBy.TERMINATOR, valid=True, ignored=1)
    record.note(DigitsCollected(collected, "pin", 2, sensitive))
    assert record.to_json()["collected"] == [
        {
            "tag": "pin",
            "digits": digits,
            "count": 2,
            "ended_by": "terminator",
            "valid": True,
            "tries": 2,
            "ignored": 1,
        }
    ]


def test_errors_name_the_action() -> None:
    record = fresh()
    record.note(ActionFailed(3, "speech_failed", "no voice"))
    assert record.to_json()["errors"] == [{"code": "speech_failed", "message": "no voice", "action": 3}]


def test_the_end_counts_where_the_channels_own_end_was_not_seen() -> None:
    record = fresh()
    record.end(classify(Ending(answered=False)), 1234.0)
    assert record.ended_at == 1234.0


@pytest.mark.parametrize(
    ("positions", "readings", "complete"),
    [
        ("123", 1, False),
        ("123123", 2, True),
        ("12", 0, False),
        ("12123", 1, False),  # taken up again after a hold
        ("23", 0, False),
        ("13123", 1, False),
        ("12312", 1, False),
        ("", 0, False),
    ],
)
def test_a_reading_counts_when_its_characters_followed_each_other(
    positions: str, readings: int, complete: bool
) -> None:
    proof = Proof(spoken=True, expected=2)
    for position in positions:
        proof.played(CodeCharacter("x", 1, int(position), 3, "en"), 1.0)
    assert (proof.readings, proof.complete) == (readings, complete)


def test_a_reading_is_not_patched_from_two() -> None:
    proof = Proof(spoken=True, expected=2)
    for reading, position in ((1, 1), (1, 2), (2, 3)):
        proof.played(CodeCharacter("x", reading, position, 3, "en"), 1.0)
    assert not proof.delivered


def test_instants_and_spans() -> None:
    assert rfc3339(None) is None
    assert rfc3339(0.0015) == "1970-01-01T00:00:00.001Z"
    assert span_ms(None, 1.0) is None
    assert span_ms(2.0, 1.0) == 0, "the clocks of two hosts differ"
    assert span_ms(1.0, 2.0004) == 1000


def test_a_clean_line_sounds_better_than_a_bad_one() -> None:
    assert mean_opinion_score(0, 0, 0.02) == pytest.approx(4.4, abs=0.05)
    assert mean_opinion_score(0.05, 0.02, 0.1) < 3.0
    assert mean_opinion_score(1.0, 1.0, 9.0) == 1.0
