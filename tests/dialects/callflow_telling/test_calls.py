"""Whole calls, as they are told: compared to golden documents, whose members are those of the vendor's samples."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from otpvoice.core.events import (
    ActionFailed,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    DigitReceived,
    HangupAsked,
    Instructed,
    NotInstructed,
    OfSecond,
    OnSecond,
    PartiesConnected,
    PartiesParted,
    QualitySampled,
)
from otpvoice.core.outcome import Fault, Outcome, OwnAction, classify
from otpvoice.dialects.callflow.telling import CallflowTeller
from tests.core.stories import BEGAN, PASSES
from tests.core.stories import Told as Happened
from tests.dialects.callflow_telling import shapes
from tests.dialects.callflow_telling.calls import (
    BYE,
    CONNECT,
    FILE,
    HELLO,
    KEYS,
    Life,
    capture,
    inbound,
    outbound,
    paths,
    read,
    statuses,
)

GOLDEN: Final = Path(__file__).parent / "golden"
GOOD: Final = (4.5, 20.0, 0.0, 80.0)
RANG: Final[tuple[Happened, ...]] = ((0.1, CallDialed(BEGAN + 0.1)), (2.0, CallProgressed(BEGAN + 2.0, ringing=True)))
TAKEN: Final[tuple[Happened, ...]] = (*RANG, (5.0, CallAnswered(BEGAN + 5.0)))
MEASURED: Final[Happened] = (9.0, QualitySampled(BEGAN + 9.0, *GOOD))


def second(at: float, event: OfSecond) -> Happened:
    return at, OnSecond(1, event)


def gone(at: float, **how: bool | int) -> Happened:
    return at, CallEnded(BEGAN + at, **how)  # type: ignore[arg-type]  # rows


def pressed(at: float, keys: str = KEYS) -> list[Happened]:
    return [(at + index / 100, DigitReceived(key, BEGAN + at + index / 100)) for index, key in enumerate(keys)]


BRIDGED: Final[tuple[Happened, ...]] = (
    (10.0, Instructed(BEGAN + 10.0, (CONNECT, BYE))),
    second(10.2, CallDialed(BEGAN + 10.2)),
    second(12.0, CallProgressed(BEGAN + 12.0, ringing=True)),
    second(17.0, CallAnswered(BEGAN + 17.0)),
    (17.1, PartiesConnected(BEGAN + 17.1)),
    second(19.0, QualitySampled(BEGAN + 19.0, *GOOD)),
    second(25.5, CallEnded(BEGAN + 25.5, cause=16, by_callee=True)),
    (25.6, PartiesParted(BEGAN + 25.6)),
    (26.3, PASSES),
    gone(26.4, cause=16),
)
BUSY: Final[tuple[Happened, ...]] = (
    (10.0, Instructed(BEGAN + 10.0, (CONNECT, BYE))),
    second(10.2, CallDialed(BEGAN + 10.2)),
    second(12.0, CallEnded(BEGAN + 12.0, cause=17, sip_status=486, replied=True)),
    (12.7, PASSES),
    gone(12.8, cause=16),
)


# --- golden -----------------------------------------------------------------------------------------------------------


def a_message() -> Life:
    return Life(outbound(HELLO, FILE, BYE)).go(*TAKEN, MEASURED, (9.6, PASSES), gone(9.7, cause=16))


def a_menu_that_bridges() -> Life:
    return Life(outbound(capture(), asks=True)).go(*TAKEN, *pressed(7.0), MEASURED, *BRIDGED)


def a_caller_for_whom_it_is_busy() -> Life:
    life = Life(inbound()).go((1.0, CallAnswered(BEGAN + 1.0)), MEASURED)
    life.go((9.1, Instructed(BEGAN + 9.1, (capture("ivr1_level1"),))), *pressed(9.2))
    return life.go(*BUSY)


def a_caller_who_is_hung_up_on() -> Life:
    life = Life(inbound()).go((1.0, CallAnswered(BEGAN + 1.0)), MEASURED)
    return life.go((9.1, Instructed(BEGAN + 9.1, (HELLO, BYE))), (9.8, PASSES), gone(9.9, cause=16))


def nobody_who_may_be_called() -> Life:
    life = Life(outbound(HELLO))
    life.record.channel = None
    why = "the destination may not be called"
    life.record.note(ActionFailed(None, "destination_not_allowed", why))
    life.flow.give_up("destination_not_allowed", why, Fault.NOT_ALLOWED, 0.0)
    return life.go(gone(0.0))


CALLS: Final[dict[str, tuple[Callable[[], Life], set[str]]]] = {
    "message": (a_message, shapes.MESSAGE),
    "menu": (a_menu_that_bridges, shapes.BRIDGED),
    "busy": (a_caller_for_whom_it_is_busy, shapes.BUSY),
    "hung_up": (a_caller_who_is_hung_up_on, shapes.HUNG_UP),
    "not_allowed": (nobody_who_may_be_called, shapes.ERROR),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_told_as_its_golden_document_says(name: str) -> None:
    life = CALLS[name][0]()
    told = life.ended()
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    assert [told.type for told in life.told] == [told.hook for told in life.told]
    assert {"told": told, "asked": [read(question.body) for question in life.asked]} == golden


@pytest.mark.parametrize("name", CALLS)
def test_a_summary_has_the_members_of_the_vendors_sample_and_no_others(name: str) -> None:
    make, shape = CALLS[name]
    assert paths(make().ended()[-1]) == shape


@pytest.mark.parametrize("name", CALLS)
def test_statuses_and_questions_have_the_members_of_the_vendors_samples_and_no_others(name: str) -> None:
    life = CALLS[name][0]()
    for told in life.ended()[:-1]:
        assert paths(told) == shapes.STATUS
    for question in life.asked:
        asked = read(question.body)
        assert shapes.ACTION - paths(asked) <= {"$.payload.clientActionId"}
        assert paths(asked) <= shapes.ACTION
        assert question.name == "CALL_ACTION"


@pytest.mark.parametrize("name", CALLS)
def test_each_event_has_an_id_of_its_own_which_is_the_same_when_it_is_told_again(name: str) -> None:
    once, again = CALLS[name][0](), CALLS[name][0]()
    once.ended(), again.ended()
    told = [told.body for told in once.told] + [question.body for question in once.asked]
    ids = [payload["eventId"] for payload in (read(body)["payload"] for body in told) if "eventId" in payload]
    assert len(set(ids)) == len(ids)
    assert [told.body for told in once.told] == [told.body for told in again.told]


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["menu", "busy"])
def test_keys_are_in_the_question_and_nowhere_else(name: str) -> None:
    life = CALLS[name][0]()
    life.ended()
    assert read(life.asked[-1].body)["payload"]["eventData"] == {"dtmf": KEYS}
    assert not any(KEYS.encode() in told.body for told in life.told)
    assert not any(KEYS in repr(thing) for thing in (life.told, life.asked, life.teller))


def test_each_key_is_told_without_saying_which() -> None:
    life = Life(outbound(capture(), asks=True)).go(*TAKEN, *pressed(7.0, "12"))
    first, last = (read(told.body)["payload"] for told in life.told if b"DTMF_RECEIVED" in told.body)
    same = {name for name in first if first[name] == last[name]}
    assert first.keys() - same == {"eventId", "timestamp"}


def test_a_stuck_key_fills_nobodys_endpoint() -> None:
    life = Life(outbound(capture(), asks=True)).go(*TAKEN, *pressed(7.0, "*" * 300))
    assert life.statuses().count("DTMF_RECEIVED 65") == 200


def test_nothing_that_was_captured_is_null() -> None:
    life = Life(outbound(capture(), asks=True)).go(*TAKEN, (13.1, PASSES))
    assert read(life.asked[0].body)["payload"]["eventData"] == {"dtmf": None}


def test_what_was_captured_before_something_else_was_said_is_asked_with_and_only_once() -> None:
    life = Life(outbound(capture(), HELLO, asks=True)).go(*TAKEN, *pressed(7.0))
    life.go((8.0, Instructed(BEGAN + 8.0, (FILE,))))
    asked = [read(question.body)["payload"]["eventData"]["dtmf"] for question in life.asked]
    assert asked == [KEYS, None]


def test_keys_of_the_second_party_are_of_its_leg() -> None:
    life = Life(outbound(capture(), asks=True)).go(*TAKEN, *pressed(7.0), *BRIDGED[:6])
    life.go(second(20.0, DigitReceived("5", BEGAN + 20.0)), (21.0, DigitReceived("7", BEGAN + 21.0)))
    assert life.statuses()[-2:] == ["DTMF_RECEIVED 38", "DTMF_RECEIVED 65"]


# --- what is answered comes back --------------------------------------------------------------------------------------


def test_the_client_action_id_of_an_answer_is_in_the_next_question_alone() -> None:
    life = Life(inbound()).go((1.0, CallAnswered(BEGAN + 1.0)))
    life.go((2.0, Instructed(BEGAN + 2.0, (capture("ivr1_level1"),))), *pressed(3.0))
    life.go((4.0, Instructed(BEGAN + 4.0, (FILE,))))
    asked = [read(question.body)["payload"] for question in life.asked]
    assert [one.get("clientActionId") for one in asked] == [None, "ivr1_level1", None]
    assert [one["callStatus"] for one in asked] == ["CALL_RECEIVED", "ACTION_COMPLETED", "ACTION_COMPLETED"]
    assert [one["callDuration"] for one in asked] == [0, 2, 3]


def test_a_call_alone_is_asked_for_as_an_action_that_was_completed() -> None:
    life = Life(outbound(asks=True)).go(*TAKEN)
    assert read(life.asked[0].body)["payload"]["callStatus"] == "ACTION_COMPLETED"


# --- how sessions end -------------------------------------------------------------------------------------------------


def ended_as(life: Life) -> list[object]:
    """Return the session's status, its error, its last action and how its legs ended."""
    payload = life.ended()[-1]["payload"]
    error = payload.get("errorDetails", {}).get("errorCode")
    legs = [leg["callStatus"] for leg in payload["details"].values()]
    return [payload["sessionStatus"], error, payload["lastAction"], *legs]


def test_a_callee_who_is_busy() -> None:
    life = Life(outbound(HELLO)).go(*RANG, gone(3.0, cause=17, sip_status=486, replied=True))
    assert ended_as(life) == ["BUSY", None, "MAKE_CALL", "BUSY"]
    last = read(life.told[-2].body)["payload"]
    assert (last["callStatus"], last["sipCode"], last["callDuration"]) == ("CALL_DISCONNECTED", 486, 0)


def test_a_callee_who_does_not_pick_up() -> None:
    life = Life(outbound(HELLO)).go(*RANG, (47.0, PASSES), gone(47.1, cause=16, sip_status=487, replied=True))
    assert ended_as(life) == ["NO_ANSWER", None, "MAKE_CALL", "NO_ANSWER"]


def test_a_callee_who_hangs_up_while_something_is_asked() -> None:
    life = Life(outbound(HELLO, capture(), asks=True)).go(*TAKEN, gone(7.0, cause=16, by_callee=True))
    assert ended_as(life) == ["COMPLETED", None, "SAY_AND_CAPTURE", "COMPLETED"]


def test_a_caller_who_hangs_up_before_anything_was_done() -> None:
    life = Life(inbound()).go((1.0, CallAnswered(BEGAN + 1.0)), gone(1.5, cause=16, by_callee=True))
    assert ended_as(life) == ["COMPLETED", None, "HANGUP", "COMPLETED"]


def test_a_caller_who_hangs_up_before_he_is_answered() -> None:
    life = Life(inbound()).go(gone(0.5, cause=16, by_callee=True))
    assert ended_as(life) == ["CANCELED", None, "HANGUP", "CANCELED"]
    assert life.statuses() == ["CALL_RECEIVED 48", "CALL_DISCONNECTED 48"]


def test_a_callee_who_hangs_up_while_it_rings_elsewhere() -> None:
    life = Life(outbound(capture(), asks=True)).go(*TAKEN, *pressed(7.0), *BRIDGED[:3])
    life.go(gone(13.0, cause=16, by_callee=True), second(13.1, CallEnded(BEGAN + 13.1, cause=16)))
    assert ended_as(life) == ["CANCELED", None, "MAKE_CALL", "COMPLETED", "CANCELED"]
    assert life.statuses()[-2:] == ["CALL_DISCONNECTED 38", "CALL_DISCONNECTED 65"]


def test_who_hangs_up_in_the_middle_of_a_talk_ends_both_legs_once() -> None:
    life = Life(outbound(capture(), asks=True)).go(*TAKEN, *pressed(7.0), *BRIDGED[:5])
    life.go(gone(20.0, cause=16, by_callee=True), second(20.1, CallEnded(BEGAN + 20.1, cause=16)))
    assert ended_as(life) == ["COMPLETED", None, "MAKE_CALL", "COMPLETED", "COMPLETED"]
    assert life.statuses()[-2:] == ["CALL_DISCONNECTED 38", "CALL_DISCONNECTED 65"]


def test_a_second_leg_whose_end_nobody_saw_ends_with_the_session() -> None:
    life = Life(outbound(capture(), asks=True)).go(*TAKEN, *pressed(7.0), *BRIDGED[:5])
    call = life.record.to_json()
    assert life.flow.ending.own is None
    life.record.end(classify(life.flow.ending), BEGAN + 30.0)
    told = life.teller.ended(life.record.to_json(), BEGAN + 30.0)
    assert call["legs"][1]["ended_at"] is None
    assert statuses(told) == ["CALL_DISCONNECTED 38", "CALL_DISCONNECTED 65"]


def test_a_call_that_is_hung_up_by_request_while_two_talk() -> None:
    life = Life(outbound(capture(), asks=True)).go(*TAKEN, *pressed(7.0), *BRIDGED[:5])
    life.go((21.0, HangupAsked(BEGAN + 21.0, OwnAction.HANG_UP_BY_API)), gone(21.1, cause=16))
    life.go(second(21.2, CallEnded(BEGAN + 21.2, cause=16)))
    assert ended_as(life) == ["COMPLETED", None, "MAKE_CALL", "COMPLETED", "COMPLETED"]


ANSWERS: Final = [
    ("not_answered", -2002),
    ("answer_invalid", -2003),
    ("unsupported_state", -2003),
    ("destination_not_allowed", -2004),
    ("speech_unavailable", -2005),
    ("audio_status", -2006),
    ("caller_id_not_allowed", -2008),
    ("scenario_invalid", -2009),
]


@pytest.mark.parametrize(("code", "error"), ANSWERS)
def test_a_session_that_could_not_be_gone_on_with_is_an_error_though_its_leg_was_completed(
    code: str, error: int
) -> None:
    life = Life(outbound(capture(), asks=True)).go(*TAKEN, *pressed(7.0))
    life.go((8.0, NotInstructed(BEGAN + 8.0, code, "why")), (8.7, PASSES), gone(8.8, cause=16))
    assert ended_as(life) == ["ERROR", error, "SAY_AND_CAPTURE", "COMPLETED"]


def test_a_session_that_nobody_was_called_for_in_time() -> None:
    life = Life(outbound(HELLO, valid_until=BEGAN - 1))
    assert ended_as(life) == ["ERROR", -2007, "MAKE_CALL", "ERROR"]
    assert life.statuses() == []


def test_a_hang_up_that_was_asked_for_is_the_last_action_where_no_second_party_ended_it() -> None:
    life = Life(outbound(BYE)).go(*TAKEN, gone(5.5, cause=16))
    assert ended_as(life) == ["COMPLETED", None, "HANGUP", "COMPLETED"]


# --- a next life ------------------------------------------------------------------------------------------------------


def found(life: Life, fault: Fault = Fault.APP_LOST) -> tuple[dict[str, Any], list[str]]:
    """Return the summary of a call whose process died, and its last statuses, as a teller has them who saw nothing."""
    life.record.end(_lost(life, fault), BEGAN + 30.0)
    told = CallflowTeller().ended(life.record.to_json() | {"talk_ms": None}, BEGAN + 30.0)
    # Nobody knows for how long those talked whose end was not seen.
    assert {read(one.body)["payload"].get("callDuration", 0) for one in told} == {0}
    payload = read(told[-1].body)["payload"]
    assert isinstance(payload, dict)
    return payload, statuses(told)


def _lost(life: Life, fault: Fault) -> Outcome:
    life.flow.give_up(fault.value, "", fault, 30.0)
    return classify(life.flow.ending)


def test_a_call_of_a_former_life_is_ended_by_its_record_alone() -> None:
    payload, last = found(Life(outbound(HELLO)).go(*TAKEN))
    assert (payload["sessionStatus"], payload["lastAction"]) == ("ERROR", "MAKE_CALL")
    assert payload["errorDetails"] == {"errorCode": -2001, "errorMsg": "An internal error has occurred"}
    assert last == ["CALL_DISCONNECTED 65"]
    leg = payload["details"]["callA"]
    assert (leg["callStatus"], leg["callDuration"]) == ("COMPLETED", 0)


def test_a_second_leg_that_was_on_when_we_died_ends_too_and_one_that_was_over_does_not_end_twice() -> None:
    talking = Life(outbound(capture(), asks=True)).go(*TAKEN, *pressed(7.0), *BRIDGED[:5])
    payload, last = found(talking)
    assert last == ["CALL_DISCONNECTED 38", "CALL_DISCONNECTED 65"]
    assert payload["details"]["callB"]["callDuration"] == 0
    over = Life(outbound(capture(), asks=True)).go(*TAKEN, *pressed(7.0), *BRIDGED[:7])
    payload, last = found(over)
    assert last == ["CALL_DISCONNECTED 65"]
    assert payload["details"]["callB"]["callDuration"] == 8


def test_a_call_of_a_former_life_that_was_not_dialled_has_no_status() -> None:
    payload, last = found(Life(outbound(HELLO)), Fault.LOST_BEFORE_DIALING)
    assert (payload["sessionStatus"], last) == ("ERROR", [])


def test_a_report_by_which_somebody_is_asked_tells_nothing_but_is_remembered() -> None:
    life = Life(outbound(HELLO, asks=True)).go(*TAKEN)
    assert life.statuses() == ["CALL_INITIATED 65", "CALL_CONNECTED 65"]
    assert len(life.asked) == 1
    life.go((6.0, Instructed(BEGAN + 6.0, ())), (6.7, PASSES), gone(6.8, cause=16))
    assert ended_as(life) == ["COMPLETED", None, "SAY", "COMPLETED"]
