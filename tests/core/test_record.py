"""A record is a fold: what happened goes in, one JSON object with the same keys always comes out."""

from __future__ import annotations

import json

import pytest

from otpvoice.core.actions import Say
from otpvoice.core.digits import Collected, EndedBy
from otpvoice.core.events import (
    ActionFailed,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    DigitsCollected,
    Event,
    OriginateAccepted,
    QualitySampled,
    SpeakingStarted,
)
from otpvoice.core.outcome import Ending, OwnAction, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.quality import mean_opinion_score
from otpvoice.core.record import CallRecord, State, rfc3339, span_ms
from otpvoice.core.secret import Keys
from otpvoice.core.speech import CodeCharacter

PLAN = CallPlan("+15550100", "+15550199", "default", "en-US", (Say("Hello."),), metadata={"order": 7})


def fresh(expected: int = 1) -> CallRecord:
    return CallRecord(
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
