"""What a call's events are in this spelling: what is asked, what is posted, and that all of it is in the documents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest

from otpvoice.core.actions import SendDigits
from otpvoice.core.digits import Collected, EndedBy
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    Asked,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    CodeDelivered,
    DigitReceived,
    DigitsCollected,
    Event,
    OfSecond,
    OnSecond,
    QualitySampled,
    SecondEnded,
)
from otpvoice.core.outcome import EndedParty, Outcome, OutcomeClass
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.record import CallRecord
from otpvoice.core.secret import Keys
from otpvoice.dialects.jsonrpc import inbound_plan
from otpvoice.dialects.jsonrpc.telling import HUNG_UP, STATUS, JsonRpcTeller
from otpvoice.dialects.spelling import Question, Teller
from tests.dialects.jsonrpc.account import CALL, DEFAULTS

BEGAN = 1_552_632_502.151
"""2019-03-15T06:48:22.151Z, as in the vendor's example."""
HEX = "c58c8eb012d34f5a8b7c6d5e4f3a2b1c"
REFERENCE = "C58C8EB012D34F5A8B7C6D5E4F3A2B1C"
NAMED = replace(CALL, metadata={"external_id": "order-1"})
EXTENSION = replace(NAMED, actions=(SendDigits("12", id="dial"),))
INBOUND = inbound_plan("+442079460001", "+442079460555", {}, DEFAULTS)
TO, FROM = "442079460123", "442079460001"


@dataclass
class Story:
    """A call that is told as it happens, at so many seconds from its beginning."""

    plan: CallPlan = NAMED
    teller: Teller = field(default_factory=JsonRpcTeller)
    record: CallRecord = field(init=False)

    def __post_init__(self) -> None:
        self.record = CallRecord(
            id=f"call_{HEX}",
            account="shop",
            door="telesign",
            plan=self.plan,
            proof=Proof.expecting(()),
            node="node",
            instance="otp-1",
            created_at=BEGAN,
        )

    def happened(self, *events: Event) -> Story:
        for event in events:
            self.record.note(event)
            assert not self.teller.told(self.record.to_json(), event, BEGAN), "nothing is posted before the end"
        return self

    def asked(self, event: Event) -> tuple[str, dict[str, Any]]:
        """Return the question's name, and its body."""
        self.happened(event)
        question = self.teller.question(self.record.to_json(), event, BEGAN)
        assert isinstance(question, Question)
        return question.name, orjson.loads(question.body)

    def ended(self, outcome: Outcome, at: float, teller: Teller | None = None) -> list[tuple[str, dict[str, Any]]]:
        self.record.end(outcome, BEGAN + at)
        told = (teller or self.teller).ended(self.record.to_json(), BEGAN + at)
        assert {one.hook for one in told} == {"event"}
        return [(one.type, orjson.loads(one.body)) for one in told]


def outcome(class_: OutcomeClass = OutcomeClass.COMPLETED, reason: str | None = None) -> Outcome:
    return Outcome(class_, reason, None, None, EndedParty.CALLEE)


def answered(at: float = 2.0) -> CallAnswered:
    return CallAnswered(BEGAN + at)


def collected(keys: str, tag: str, ended_by: EndedBy = EndedBy.MAX_DIGITS) -> Asked:
    return Asked(DigitsCollected(Collected(Keys(keys), ended_by, valid=True, ignored=0), tag, 1, sensitive=True))


def done(type_: str, id_: str | None) -> Asked:
    return Asked(ActionCompleted(0, type_, id_))


# --- questions --------------------------------------------------------------------------------------------------------


def test_who_answers_is_asked_about() -> None:
    name, body = Story().happened(CallDialed(BEGAN), CallProgressed(BEGAN, ringing=True)).asked(answered())
    assert name == "dial_completed"
    assert body == {
        "event": "dial_completed",
        "reference_id": REFERENCE,
        "external_id": "order-1",
        "to": TO,
        "from": FROM,
        "data": {"to": TO, "from": FROM, "status": "answered"},
    }


def test_who_sent_no_id_of_his_own_gets_none() -> None:
    _, body = Story(CALL).asked(answered())
    assert "external_id" not in body


def test_who_is_behind_an_extension_is_asked_about_when_it_was_dialled() -> None:
    story = Story(EXTENSION).happened(answered())
    name, body = story.asked(done("send_digits", "dial"))
    assert (name, body["data"]["status"]) == ("dial_completed", "answered")


def test_a_call_that_comes_in_is_asked_about() -> None:
    name, body = Story(INBOUND).asked(answered())
    assert name == "incoming_call"
    assert body == {
        "event": "incoming_call",
        "reference_id": REFERENCE,
        "to": "442079460001",
        "from": "442079460555",
        "data": {"to": "442079460001", "from": "442079460555"},
    }


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        (collected("12345", "play"), "play_completed", {"status": "play_successful", "collected_digits": "12345"}),
        (collected("", "play", EndedBy.NO_INPUT), "play_completed",
         {"status": "play_successful", "collected_digits": ""}),
        (collected("1", "speak"), "speak_completed", {"status": "speak_successful", "collected_digits": "1"}),
        (collected("12#", "speak", EndedBy.TERMINATOR), "speak_completed",
         {"status": "speak_successful", "collected_digits": "12#"}),
        (done("play", "play"), "play_completed", {"status": "play_successful", "collected_digits": ""}),
        (done("say", "speak"), "speak_completed", {"status": "speak_successful", "collected_digits": ""}),
        (done("send_digits", "send_dtmf"), "send_dtmf_completed", {"status": "send_dtmf_successful"}),
        (done("pause", None), "play_completed", {"status": "play_successful", "collected_digits": ""}),
    ],
)  # fmt: skip
def test_what_was_done_is_told_with_what_was_keyed(event: Asked, name: str, data: dict[str, Any]) -> None:
    asked, body = Story().happened(answered()).asked(event)
    assert asked == body["event"] == name
    assert body["data"] == {"to": TO, "from": FROM, **data}
    assert (body["to"], body["from"]) == (TO, FROM)


def test_keys_are_in_no_representation_of_a_question() -> None:
    story = Story().happened(answered())
    event = collected("918273", "speak")
    assert "918273" not in repr(story.teller.question(story.record.to_json(), event, BEGAN))


def test_nobody_is_asked_by_what_asks_nobody() -> None:
    story = Story().happened(answered())
    with pytest.raises(ValueError, match="nobody is asked"):
        story.teller.question(story.record.to_json(), CodeDelivered(BEGAN), BEGAN)


# --- a second party ---------------------------------------------------------------------------------------------------


def second(story: Story, *events: OfSecond, outcome: Outcome) -> None:
    """Let a second leg come and go."""
    story.record.second(1, "+442079460124", "+442079460000")
    story.happened(*(OnSecond(1, event) for event in events), SecondEnded(1, outcome))


def test_a_second_leg_that_is_over_is_asked_about() -> None:
    story = Story().happened(answered())
    times = (CallDialed(BEGAN + 3), CallAnswered(BEGAN + 8), CallEnded(BEGAN + 20.6))
    second(story, *times, outcome=outcome())
    name, body = story.asked(done("dial", "dial"))
    assert name == "call_leg_completed"
    assert (body["to"], body["from"]) == ("442079460124", "442079460000")
    assert body["data"] == {
        "to": "442079460124",
        "from": "442079460000",
        "status": "hangup",
        "duration": 18,
        "created_on_utc": "2019-03-15T06:48:25.151",
        "answered_on_utc": "2019-03-15T06:48:30.151",
        "ended_on_utc": "2019-03-15T06:48:42.751",
    }


@pytest.mark.parametrize(
    ("class_", "status"),
    [
        (OutcomeClass.BUSY, "busy"),
        (OutcomeClass.NO_ANSWER, "no_answer"),
        (OutcomeClass.INVALID_NUMBER, "failed"),
        (OutcomeClass.COMPLETED, "canceled"),
    ],
)
def test_a_second_leg_that_nobody_took_is_told_as_that(class_: OutcomeClass, status: str) -> None:
    story = Story().happened(answered())
    second(story, CallDialed(BEGAN + 3), CallEnded(BEGAN + 4), outcome=outcome(class_))
    data = story.asked(done("dial", "dial"))[1]["data"]
    assert (data["status"], data["duration"], data["answered_on_utc"]) == (status, 1, None)


def test_of_several_second_legs_the_last_is_told() -> None:
    story = Story(INBOUND).happened(answered())
    for number, to in ((1, "+442079460124"), (2, "1001")):
        story.record.second(number, to)
        story.happened(OnSecond(number, CallDialed(BEGAN + number)), OnSecond(number, CallEnded(BEGAN + 9)))
        story.happened(SecondEnded(number, outcome()))
    _, body = story.asked(done("dial", "dial"))
    assert (body["to"], body["from"], body["data"]["created_on_utc"]) == ("1001", None, "2019-03-15T06:48:24.151")


def test_a_second_leg_that_nobody_knows_the_end_of_is_told_all_the_same() -> None:
    story = Story().happened(answered())
    second(story, outcome=outcome(OutcomeClass.FAILED))
    data = story.asked(done("dial", "dial"))[1]["data"]
    assert (data["duration"], data["created_on_utc"], data["ended_on_utc"]) == (0, None, None)
    name, body = Story().happened(answered()).asked(done("dial", "dial"))
    assert (name, body["to"], body["data"]["status"]) == ("call_leg_completed", None, "failed")


# --- the end ----------------------------------------------------------------------------------------------------------


def test_the_end_is_told_as_in_the_vendor_s_example() -> None:
    story = Story()
    story.asked(answered())
    assert story.ended(outcome(), 6.0) == [
        (
            "call_completed",
            {
                "event": "call_completed",
                "reference_id": REFERENCE,
                "external_id": "order-1",
                "to": TO,
                "from": FROM,
                "data": {
                    "duration": 6,
                    "created_on_utc": "2019-03-15T06:48:22.151",
                    "answered_on_utc": "2019-03-15T06:48:24.151",
                    "ended_on_utc": "2019-03-15T06:48:28.151",
                    "status": "hangup",
                    "audio_recording_file_name": None,
                    "to": TO,
                    "from": FROM,
                    "direction": "outbound",
                },
            },
        )
    ]


@pytest.mark.parametrize(
    ("class_", "status"),
    [(class_, STATUS[class_]) for class_ in OutcomeClass],
)
def test_who_did_not_answer_is_told_twice(class_: OutcomeClass, status: str) -> None:
    story = Story().happened(CallDialed(BEGAN))
    (dial, first), (end, last) = story.ended(outcome(class_), 3.4)
    assert (dial, first["data"]) == ("dial_completed", {"to": TO, "from": FROM, "status": status})
    assert (end, last["data"]["status"], last["data"]["duration"]) == ("call_completed", status, 3)
    assert last["data"]["answered_on_utc"] is None
    assert first["external_id"] == last["external_id"] == "order-1"


def test_who_was_reached_and_hung_up_before_anybody_was_asked_is_told_as_answered() -> None:
    (dial, first), (end, last) = Story(EXTENSION).happened(answered()).ended(outcome(), 3.0)
    assert (dial, first["data"]["status"]) == ("dial_completed", "answered")
    assert (end, last["data"]["status"]) == ("call_completed", "hangup")


def test_a_call_of_a_former_life_is_told_by_its_end_alone() -> None:
    story = Story()
    story.asked(answered())
    lost = outcome(OutcomeClass.FAILED, "app_lost")
    ((name, body),) = story.ended(lost, 60.0, JsonRpcTeller())
    assert (name, body["data"]["status"]) == ("call_completed", "hangup")
    never = Story().ended(outcome(OutcomeClass.FAILED, "lost_before_dialing"), 60.0, JsonRpcTeller())
    assert [name for name, _ in never] == ["dial_completed", "call_completed"]


def test_a_caller_who_hung_up_first_was_never_asked_about() -> None:
    ((name, body),) = Story(INBOUND).ended(outcome(OutcomeClass.CANCELED), 0.5)
    assert (name, body["data"]["direction"], body["data"]["status"]) == ("call_completed", "inbound", "canceled")


def test_a_channel_that_says_no_numbers_has_none() -> None:
    nobody = replace(INBOUND, to=None, caller_id=None)
    _, body = Story(nobody).asked(answered())
    assert (body["to"], body["from"], body["data"]) == (None, None, {"to": None, "from": None})


def test_every_outcome_has_its_word() -> None:
    assert STATUS.keys() == set(OutcomeClass)
    assert all(re.fullmatch("[a-z_]+", word) for word in STATUS.values())
    assert HUNG_UP not in STATUS.values(), "it is for legs that were answered"


@pytest.mark.parametrize("class_", OutcomeClass)
def test_who_answered_has_hung_up_whatever_ended_it(class_: OutcomeClass) -> None:
    story = Story().happened(answered())
    second(story, CallAnswered(BEGAN + 8), CallEnded(BEGAN + 20), outcome=outcome(class_))
    assert story.asked(done("dial", "dial"))[1]["data"]["status"] == "hangup"
    _, (name, last) = story.ended(outcome(class_), 30.0)
    assert (name, last["data"]["status"]) == ("call_completed", "hangup")


def test_what_happens_besides_is_passed_over() -> None:
    story = Story().happened(answered())
    story.happened(
        DigitReceived("1", BEGAN),
        QualitySampled(BEGAN, 4.0, 1.0, 0.0, None),
        ActionFailed(0, "digits_not_sent", "Asterisk did not press the keys"),
        ActionCompleted(0, "send_digits", "dial"),
        CallEnded(BEGAN + 5),
    )
