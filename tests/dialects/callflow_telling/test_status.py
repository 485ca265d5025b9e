"""How sessions and legs ended, over the whole table of outcomes: each row has a status, and each error its code."""

from __future__ import annotations

from typing import Final

import pytest

from otpvoice.core.outcome import TABLE, Fault
from otpvoice.core.speech import OF_URLS, WORDS
from otpvoice.dialects.callflow.codes import SESSION_ERRORS, Error
from otpvoice.dialects.callflow.status import ERRORS, Status, Word, leg_word, sip_code, status_of
from otpvoice.dialects.seen import Seen
from otpvoice.dialects.spelling import ANSWER_FAULTS

ROWS: Final = {
    ("completed", None): "COMPLETED",
    ("completed", "shutdown"): "COMPLETED",
    ("completed", "max_duration"): "COMPLETED",
    ("completed", "events_lost"): "COMPLETED",
    ("canceled", None): "CANCELED",
    ("canceled", "shutdown"): "CANCELED",
    ("busy", None): "BUSY",
    ("no_answer", None): "NO_ANSWER",
    ("unreachable", None): "FAILED",
    ("invalid_number", None): "FAILED",
    ("rejected", "forbidden"): "FAILED",
    ("rejected", "unwanted"): "FAILED",
    ("rejected", "blocked"): "FAILED",
    ("rejected", "declined"): "FAILED",
    ("failed", "redirected"): "FAILED",
    ("failed", "identity"): "FAILED",
    ("failed", "loop"): "FAILED",
    ("failed", "terminated"): "FAILED",
    ("failed", "codec"): "FAILED",
    ("failed", "not_supported"): "FAILED",
    ("failed", "no_route"): "FAILED",
    ("failed", "request_failure"): "FAILED",
    ("failed", "carrier_error"): "FAILED",
    ("failed", "app_lost"): -2001,
    ("failed", "lost_before_dialing"): -2001,
    ("failed", "internal_error"): -2001,
    ("failed", "media_unavailable"): -2001,
    ("failed", "media_lost"): -2001,
    ("failed", "asterisk_lost"): -2002,
    ("failed", "trunk_missing"): -2002,
    ("failed", "trunk_unreachable"): -2002,
    ("failed", "originate_refused"): -2002,
    ("failed", "auth"): -2002,
    ("failed", "payment_required"): -2002,
    ("indeterminate", "originate_unknown"): -2002,
    ("indeterminate", "events_lost"): -2002,
    ("failed", "destination_not_allowed"): -2004,
    ("failed", "speech_unavailable"): -2005,
    ("expired", None): -2007,
    ("failed", "scenario_invalid"): -2009,
    ("expired", "trunk_busy"): -2010,
    ("failed", "congestion"): -2010,
    ("failed", "unknown"): -9999,
}
"""Each class and reason that there is, and the session's status, or the code of its error."""
MID_CALL: Final = {"not_answered", "answer_invalid", "answer_late", "nobody_to_ask"}
"""Codes of errors that a call has whose question came to nothing (``core.asking``, ``interview``)."""


def outcome(class_: str | None, reason: str | None = None, sip: int | None = None) -> Seen:
    return Seen({"class": class_, "reason": reason, "cause": None, "sip_status": sip, "ended_by": "us"})


def said(status: Status) -> str | int:
    assert (status.error is not None) == (status.word is Word.ERROR)
    return status.word.value if status.error is None else status.error.value


def test_the_table_is_whole() -> None:
    assert ROWS.keys() == {(row.class_.value, row.reason) for row in TABLE}


@pytest.mark.parametrize(("row", "status"), ROWS.items(), ids=str)
def test_each_row_has_its_status(row: tuple[str, str | None], status: str | int) -> None:
    assert said(status_of(outcome(*row))) == status


def test_each_code_is_produced_by_some_record() -> None:
    produced = {said(status_of(outcome(*row))) for row in ROWS}
    produced |= {said(status_of(outcome("completed"), [code])) for code in ERRORS}
    assert set(SESSION_ERRORS) == {code for code in produced if isinstance(code, int)} == set(Error)


def test_all_that_can_go_wrong_in_a_call_has_a_code() -> None:
    assert ANSWER_FAULTS | MID_CALL | set(WORDS) <= ERRORS.keys()
    assert {fault.value for fault in Fault} <= ERRORS.keys()


@pytest.mark.parametrize("code", sorted(WORDS))
def test_what_could_not_be_downloaded_is_told_apart_from_what_could_not_be_said(code: str) -> None:
    expected = -2006 if code in OF_URLS else -2005
    assert said(status_of(outcome("failed", "speech_unavailable"), ["not_a_code", code])) == expected
    assert said(status_of(outcome("completed"), [code])) == expected


COMPLAINTS: Final = [
    # What was not done beside the callflow is no error of the session.
    ("completed", ["end_not_seen", "digits_not_sent"], "COMPLETED"),
    ("completed", [None, "answer_invalid", "not_answered"], -2003),
    # What the network said of a callee stands, whatever else is written there.
    ("busy", ["answer_invalid"], "BUSY"),
    ("canceled", ["speech_unavailable"], "CANCELED"),
]


@pytest.mark.parametrize(("class_", "complaints", "status"), COMPLAINTS)
def test_which_complaints_count(class_: str, complaints: list[str | None], status: str | int) -> None:
    assert said(status_of(outcome(class_), complaints)) == status


UNKNOWN: Final = [Seen(), outcome(None), outcome("new_class"), outcome("new_class", "new_reason")]


@pytest.mark.parametrize("one", UNKNOWN, ids=["nothing", "no class", "a new class", "a new reason"])
def test_what_is_not_known_is_an_unknown_error(one: Seen) -> None:
    assert said(status_of(one)) == -9999


def test_a_new_reason_of_a_known_class_is_what_the_class_is() -> None:
    assert said(status_of(outcome("failed", "new_reason"))) == "FAILED"
    assert said(status_of(outcome("indeterminate", "new_reason"))) == -2002


LEGS: Final = [
    (outcome("completed"), True, "COMPLETED", 200),
    (outcome("completed"), False, "CANCELED", 500),
    (outcome("failed", "app_lost"), True, "COMPLETED", 200),
    (outcome("failed", "app_lost"), False, "ERROR", 500),
    (outcome("busy", None, 486), False, "BUSY", 486),
    (outcome("busy", None, 600), False, "BUSY", 600),
    (outcome("busy"), False, "BUSY", 486),
    (outcome("no_answer", None, 200), False, "NO_ANSWER", 480),
    (outcome("no_answer", None, 700), False, "NO_ANSWER", 480),
    (outcome("canceled"), False, "CANCELED", 487),
    (outcome("rejected", "declined", 603), False, "FAILED", 603),
    (outcome("invalid_number"), False, "FAILED", 404),
    # The answer crossed our hang-up.
    (outcome("no_answer"), True, "NO_ANSWER", 200),
]


@pytest.mark.parametrize(("one", "connected", "word", "sip"), LEGS)
def test_how_a_leg_ended(one: Seen, connected: bool, word: str, sip: int) -> None:
    assert leg_word(one, connected=connected) == word
    assert sip_code(one, connected=connected) == sip
