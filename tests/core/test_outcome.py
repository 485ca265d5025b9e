"""The table of how calls end: each row, who wins when rows compete, and that nothing falls out of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.outcome import (
    REASONS,
    TABLE,
    EndedParty,
    Ending,
    Fault,
    Outcome,
    OutcomeClass,
    OwnAction,
    classify,
    markdown,
)

BUSY = OutcomeClass.BUSY
CANCELED = OutcomeClass.CANCELED
COMPLETED = OutcomeClass.COMPLETED
EXPIRED = OutcomeClass.EXPIRED
FAILED = OutcomeClass.FAILED
INDETERMINATE = OutcomeClass.INDETERMINATE
INVALID_NUMBER = OutcomeClass.INVALID_NUMBER
NO_ANSWER = OutcomeClass.NO_ANSWER
REJECTED = OutcomeClass.REJECTED
UNREACHABLE = OutcomeClass.UNREACHABLE


def refused(status: int | None = None, cause: int | None = None, *, rang: bool = False) -> Ending:
    """The far side ended it before anybody answered; it is not known what the trunk replied."""
    return Ending(answered=False, progressed=rang, by_callee=True, sip_status=status, cause=cause)


def verdict(ending: Ending) -> tuple[OutcomeClass, str | None, EndedParty]:
    outcome = classify(ending)
    return outcome.class_, outcome.reason, outcome.ended_by


RING_TIMEOUT = OwnAction.RING_TIMEOUT
CONTRACT: list[tuple[Ending, OutcomeClass, str | None]] = [
    # answered, and none of the others
    (Ending(answered=True, by_callee=True, cause=16), COMPLETED, None),
    (Ending(answered=True, own=OwnAction.HANG_UP_BY_PLAN, cause=16), COMPLETED, None),
    (Ending(answered=True, own=OwnAction.HANG_UP_BY_API, cause=16), COMPLETED, None),
    # stale when queued, before dialling or at the answer
    (Ending(answered=False, own=OwnAction.EXPIRED), EXPIRED, None),
    (Ending(answered=True, own=OwnAction.EXPIRED), EXPIRED, None),
    # our hang-up by API before the answer
    (Ending(answered=False, own=OwnAction.HANG_UP_BY_API), CANCELED, None),
    # 486, 600
    (refused(486, 17), BUSY, None),
    (refused(600, 17), BUSY, None),
    # own ring timeout, 480 or 408 after 180/183
    (Ending(answered=False, progressed=True, replied=True, own=RING_TIMEOUT, cause=16), NO_ANSWER, None),
    (refused(480, 19, rang=True), NO_ANSWER, None),
    (refused(408, 18, rang=True), NO_ANSWER, None),
    # own ring timeout, 480 or 408 without any 18x but with an answer from the trunk
    (Ending(answered=False, replied=True, own=RING_TIMEOUT, cause=16), UNREACHABLE, None),
    (Ending(answered=False, replied=True, by_callee=True, sip_status=480, cause=19), UNREACHABLE, None),
    (Ending(answered=False, replied=True, by_callee=True, sip_status=408, cause=18), UNREACHABLE, None),
    # 404, 410, 484, 604, cause 1, 22, 28
    *((refused(status, 127), INVALID_NUMBER, None) for status in (404, 410, 484, 604)),
    *((refused(None, cause), INVALID_NUMBER, None) for cause in (1, 22, 28)),
    # 403, 603, 607, 608, other 6xx, cause 21
    (refused(403, 21), REJECTED, "forbidden"),
    (refused(603, 21), REJECTED, "declined"),
    (refused(607, 127), REJECTED, "unwanted"),
    (refused(608, 127), REJECTED, "blocked"),
    (refused(650, 127), REJECTED, "declined"),
    (refused(None, 21), REJECTED, "declined"),
    # no SIP reply at all, endpoint missing, 401/407, 488, 500, 502, 503, 302 not followed, 487 not ours, other 4xx/5xx
    (Ending(answered=False, replied=False, own=RING_TIMEOUT, cause=16), FAILED, "trunk_unreachable"),
    (Ending(answered=False, replied=False, by_callee=True, sip_status=408, cause=18), FAILED, "trunk_unreachable"),
    (Ending(answered=False, replied=False, by_callee=True, sip_status=503, cause=34), FAILED, "trunk_unreachable"),
    (Ending(answered=False, fault=Fault.TRUNK_MISSING), FAILED, "trunk_missing"),
    (refused(401, 21), FAILED, "auth"),
    (refused(407, 21), FAILED, "auth"),
    (refused(488, 58), FAILED, "codec"),
    (refused(500, 38), FAILED, "carrier_error"),
    (refused(502, 27), FAILED, "carrier_error"),
    (refused(503, 34), FAILED, "congestion"),
    (refused(302, 23), FAILED, "redirected"),
    (refused(487, 127), FAILED, "terminated"),
    (refused(499, 127), FAILED, "request_failure"),
    (refused(599, 34), FAILED, "carrier_error"),
    # Asterisk or we died
    (Ending(answered=True, fault=Fault.ASTERISK_LOST), FAILED, "asterisk_lost"),
    (Ending(answered=True, fault=Fault.APP_LOST), FAILED, "app_lost"),
    (Ending(answered=False, fault=Fault.LOST_BEFORE_DIALING), FAILED, "lost_before_dialing"),
    # originate sent, answer lost, channel not found
    (Ending(answered=False, fault=Fault.ORIGINATE_UNKNOWN), INDETERMINATE, "originate_unknown"),
]


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (Ending(answered=False, inbound=True, by_callee=True, cause=127), (CANCELED, None, EndedParty.CALLEE)),
        (Ending(answered=False, inbound=True), (CANCELED, None, EndedParty.ASTERISK)),
        (Ending(answered=True, inbound=True, by_callee=True, cause=16), (COMPLETED, None, EndedParty.CALLEE)),
        (
            Ending(answered=False, inbound=True, fault=Fault.MEDIA_UNAVAILABLE),
            (FAILED, "media_unavailable", EndedParty.US),
        ),
    ],
)
def test_how_calls_end_that_were_handed_to_us(
    ending: Ending, expected: tuple[OutcomeClass, str | None, EndedParty]
) -> None:
    assert verdict(ending) == expected


@pytest.mark.parametrize(("ending", "class_", "reason"), CONTRACT)
def test_the_table_of_outcomes_to_the_letter(ending: Ending, class_: OutcomeClass, reason: str | None) -> None:
    outcome = classify(ending)
    assert (outcome.class_, outcome.reason) == (class_, reason)


@pytest.mark.parametrize(
    ("status", "class_", "reason"),
    [
        (300, FAILED, "redirected"),
        (302, FAILED, "redirected"),
        (399, FAILED, "redirected"),
        (400, FAILED, "request_failure"),
        (401, FAILED, "auth"),
        (402, FAILED, "payment_required"),
        (403, REJECTED, "forbidden"),
        (404, INVALID_NUMBER, None),
        (405, FAILED, "not_supported"),
        (407, FAILED, "auth"),
        (408, UNREACHABLE, None),
        (410, INVALID_NUMBER, None),
        (415, FAILED, "not_supported"),
        (420, FAILED, "not_supported"),
        (421, FAILED, "not_supported"),
        (428, FAILED, "identity"),
        (436, FAILED, "identity"),
        (437, FAILED, "identity"),
        (438, FAILED, "identity"),
        (480, UNREACHABLE, None),
        (481, FAILED, "request_failure"),
        (482, FAILED, "loop"),
        (483, FAILED, "loop"),
        (484, INVALID_NUMBER, None),
        (485, FAILED, "request_failure"),
        (486, BUSY, None),
        (487, FAILED, "terminated"),
        (488, FAILED, "codec"),
        (499, FAILED, "request_failure"),
        (500, FAILED, "carrier_error"),
        (501, FAILED, "not_supported"),
        (502, FAILED, "carrier_error"),
        (503, FAILED, "congestion"),
        (504, FAILED, "carrier_error"),
        (505, FAILED, "not_supported"),
        (599, FAILED, "carrier_error"),
        (600, BUSY, None),
        (601, REJECTED, "declined"),
        (603, REJECTED, "declined"),
        (604, INVALID_NUMBER, None),
        (606, REJECTED, "declined"),
        (607, REJECTED, "unwanted"),
        (608, REJECTED, "blocked"),
        (699, REJECTED, "declined"),
    ],
)
def test_what_a_sip_status_means(status: int, class_: OutcomeClass, reason: str | None) -> None:
    # Cause 127 is what Asterisk has for most of them: it must not matter.
    assert classify(refused(status, 127)) == Outcome(class_, reason, 127, status, EndedParty.CALLEE)


@pytest.mark.parametrize(
    ("cause", "class_", "reason"),
    [
        (1, INVALID_NUMBER, None),
        (2, FAILED, "no_route"),
        (3, FAILED, "no_route"),
        (16, FAILED, "terminated"),
        (17, BUSY, None),
        (18, UNREACHABLE, None),
        (19, UNREACHABLE, None),
        (20, UNREACHABLE, None),
        (21, REJECTED, "declined"),
        (22, INVALID_NUMBER, None),
        (23, FAILED, "redirected"),
        (27, FAILED, "carrier_error"),
        (28, INVALID_NUMBER, None),
        (29, FAILED, "not_supported"),
        (31, UNREACHABLE, None),
        (34, FAILED, "congestion"),
        (38, FAILED, "carrier_error"),
        (41, FAILED, "carrier_error"),
        (42, FAILED, "congestion"),
        (44, FAILED, "congestion"),
        (47, FAILED, "congestion"),
        (58, FAILED, "codec"),
        (65, FAILED, "codec"),
        (79, FAILED, "not_supported"),
        (88, FAILED, "codec"),
        (102, FAILED, "carrier_error"),
        (127, FAILED, "unknown"),
        (99, FAILED, "unknown"),
        (0, FAILED, "unknown"),
        (None, FAILED, "unknown"),
        (-1, FAILED, "unknown"),
        (128, FAILED, "unknown"),
    ],
)
@pytest.mark.parametrize("status", [None, 0, 183, 200, 700])
def test_what_a_cause_means_where_no_final_status_was_seen(
    status: int | None, cause: int | None, class_: OutcomeClass, reason: str | None
) -> None:
    assert classify(refused(status, cause)) == Outcome(class_, reason, cause, status, EndedParty.CALLEE)


@pytest.mark.parametrize(
    "ending",
    [
        {"own": OwnAction.RING_TIMEOUT, "cause": 19},
        {"by_callee": True, "sip_status": 480, "cause": 19},
        {"by_callee": True, "sip_status": 408, "cause": 18},
        {"by_callee": True, "cause": 19},
    ],
)
@pytest.mark.parametrize(
    ("progressed", "replied", "class_", "reason"),
    [
        (True, True, NO_ANSWER, None),
        (True, None, NO_ANSWER, None),
        (True, False, NO_ANSWER, None),  # an 18x is a reply, whatever else was thought
        (False, True, UNREACHABLE, None),
        (False, None, UNREACHABLE, None),
        (False, False, FAILED, "trunk_unreachable"),
    ],
)
def test_nobody_picked_up(
    ending: dict[str, object], progressed: bool, replied: bool | None, class_: OutcomeClass, reason: str | None
) -> None:
    seen = Ending(answered=False, progressed=progressed, replied=replied, **ending)  # type: ignore[arg-type]
    silent = reason == "trunk_unreachable"
    by = EndedParty.TIMEOUT if seen.own else EndedParty.ASTERISK if silent else EndedParty.CALLEE
    assert verdict(seen) == (class_, reason, by)


@pytest.mark.parametrize(
    ("status", "cause", "class_", "reason"),
    [
        (503, 34, FAILED, "trunk_unreachable"),
        (None, 38, FAILED, "trunk_unreachable"),
        (None, None, FAILED, "trunk_unreachable"),
        # PJSIP makes none of these up; then somebody did reply.
        (486, 17, BUSY, None),
        (404, 1, INVALID_NUMBER, None),
        (603, 21, REJECTED, "declined"),
    ],
)
def test_a_failure_without_any_reply_is_the_trunks(
    status: int | None, cause: int | None, class_: OutcomeClass, reason: str | None
) -> None:
    outcome = classify(Ending(answered=False, replied=False, by_callee=True, sip_status=status, cause=cause))
    assert (outcome.class_, outcome.reason) == (class_, reason)


@pytest.mark.parametrize(
    ("own", "before_answer", "after_answer", "ended_by"),
    [
        (OwnAction.HANG_UP_BY_PLAN, (CANCELED, None), (COMPLETED, None), EndedParty.PLAN),
        (OwnAction.HANG_UP_BY_API, (CANCELED, None), (COMPLETED, None), EndedParty.API),
        (OwnAction.SHUTDOWN, (CANCELED, "shutdown"), (COMPLETED, "shutdown"), EndedParty.US),
        (OwnAction.EXPIRED, (EXPIRED, None), (EXPIRED, None), EndedParty.TIMEOUT),
        (OwnAction.NO_TURN, (EXPIRED, "trunk_busy"), (EXPIRED, "trunk_busy"), EndedParty.TIMEOUT),
        # Both come from racing the answer: the talk's limit without an answer, a ring timeout that crossed the 200 OK.
        (OwnAction.MAX_DURATION, (UNREACHABLE, None), (COMPLETED, "max_duration"), EndedParty.TIMEOUT),
        (OwnAction.RING_TIMEOUT, (UNREACHABLE, None), (NO_ANSWER, None), EndedParty.TIMEOUT),
    ],
)
def test_what_we_did_ourselves(
    own: OwnAction,
    before_answer: tuple[OutcomeClass, str | None],
    after_answer: tuple[OutcomeClass, str | None],
    ended_by: EndedParty,
) -> None:
    assert verdict(Ending(answered=False, own=own)) == (*before_answer, ended_by)
    assert verdict(Ending(answered=True, own=own)) == (*after_answer, ended_by)


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize(
    ("fault", "class_", "ended_by"),
    [
        (Fault.TRUNK_MISSING, FAILED, EndedParty.ASTERISK),
        (Fault.TRUNK_UNREACHABLE, FAILED, EndedParty.ASTERISK),
        (Fault.ORIGINATE_REFUSED, FAILED, EndedParty.ASTERISK),
        (Fault.ORIGINATE_UNKNOWN, INDETERMINATE, EndedParty.US),
        (Fault.ASTERISK_LOST, FAILED, EndedParty.ASTERISK),
        (Fault.APP_LOST, FAILED, EndedParty.US),
        (Fault.LOST_BEFORE_DIALING, FAILED, EndedParty.US),
        (Fault.SPEECH_UNAVAILABLE, FAILED, EndedParty.US),
        (Fault.MEDIA_UNAVAILABLE, FAILED, EndedParty.US),
        (Fault.MEDIA_LOST, FAILED, EndedParty.US),
        (Fault.INTERNAL_ERROR, FAILED, EndedParty.US),
        (Fault.NOT_ALLOWED, FAILED, EndedParty.US),
        (Fault.SCENARIO_INVALID, FAILED, EndedParty.US),
    ],
)
def test_what_broke(fault: Fault, class_: OutcomeClass, ended_by: EndedParty, answered: bool) -> None:
    """A fault is one before and after the answer: what was heard until then is told by ``delivered``."""
    assert verdict(Ending(answered=answered, fault=fault)) == (class_, fault.value, ended_by)


@pytest.mark.parametrize(
    ("by_callee", "status", "cause", "ended_by"),
    [
        (True, None, 16, EndedParty.CALLEE),
        (True, None, 0, EndedParty.CALLEE),
        (False, 486, 17, EndedParty.CALLEE),  # a Reason header on the BYE (RFC 3326)
        (False, None, 16, EndedParty.ASTERISK),  # TIMEOUT(absolute), or an operator at the console
    ],
)
def test_an_answered_call_is_completed_whatever_the_cause(
    by_callee: bool, status: int | None, cause: int, ended_by: EndedParty
) -> None:
    ending = Ending(answered=True, by_callee=by_callee, sip_status=status, cause=cause)
    assert classify(ending) == Outcome(COMPLETED, None, cause, status, ended_by)


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (
            Ending(answered=False, own=OwnAction.HANG_UP_BY_API, fault=Fault.ASTERISK_LOST, sip_status=486, cause=1),
            (CANCELED, None, EndedParty.API),
        ),
        (
            Ending(answered=False, fault=Fault.ASTERISK_LOST, sip_status=486, cause=1),
            (FAILED, "asterisk_lost", EndedParty.ASTERISK),
        ),
        (
            Ending(answered=True, fault=Fault.ASTERISK_LOST, sip_status=486, cause=1),
            (FAILED, "asterisk_lost", EndedParty.ASTERISK),
        ),
        (Ending(answered=True, sip_status=486, cause=1), (COMPLETED, None, EndedParty.CALLEE)),
        (Ending(answered=False, sip_status=486, cause=1), (BUSY, None, EndedParty.CALLEE)),
        (Ending(answered=False, cause=1), (INVALID_NUMBER, None, EndedParty.ASTERISK)),
    ],
)
def test_own_action_before_fault_before_answer_before_sip_status_before_cause(
    ending: Ending, expected: tuple[OutcomeClass, str | None, EndedParty]
) -> None:
    assert verdict(ending) == expected


@pytest.mark.parametrize("own", OwnAction)
def test_causes_that_we_set_are_reported_and_do_not_decide(own: OwnAction) -> None:
    """``DELETE /channels/…?reason=busy`` comes back as cause 17 and status 486."""
    ours = classify(Ending(answered=True, own=own, sip_status=486, cause=17))
    assert (ours.sip_status, ours.cause) == (486, 17)
    assert ours.class_ is not BUSY


STATUSES = (None, *range(300, 700))
CAUSES = (None, *range(128))
SOME_CAUSES = (None, 0, 17, 18, 38, 127)
A_FEW = list(product((None, 300, 408, 486, 503, 699), SOME_CAUSES))


def endings(pairs: list[tuple[int | None, int | None]]) -> Iterator[Ending]:
    """Return every ending that there can be, with these pairs of status and cause.

    Where something of ours decides, or the answer, a few of them stand for all.
    """
    for answered, progressed, replied, by_callee in product(
        (False, True), (False, True), (None, False, True), (False, True)
    ):
        for own, fault in product((None, *OwnAction), (None, *Fault)):
            network = own is None and fault is None and not answered and by_callee
            for status, cause in pairs if network else A_FEW:
                yield Ending(
                    answered=answered,
                    progressed=progressed,
                    replied=replied,
                    by_callee=by_callee,
                    own=own,
                    fault=fault,
                    sip_status=status,
                    cause=cause,
                )
            if progressed or replied is not None:
                continue
            for status, cause in A_FEW:
                # A call that was handed to us: progress and replies are nobody's there.
                yield Ending(
                    answered=answered,
                    inbound=True,
                    by_callee=by_callee,
                    own=own,
                    fault=fault,
                    sip_status=status,
                    cause=cause,
                )


def test_every_ending_has_an_outcome_and_every_reason_class_and_party_is_used() -> None:
    outcomes = set()
    for ending in endings(list(product(STATUSES, CAUSES))):
        outcome = classify(ending)
        assert (outcome.sip_status, outcome.cause) == (ending.sip_status, ending.cause)
        outcomes.add((outcome.class_, outcome.reason, outcome.ended_by))
    classes, reasons, parties = (set(column) for column in zip(*outcomes, strict=True))
    assert classes == set(OutcomeClass)
    assert reasons == REASONS | {None}
    assert parties == set(EndedParty)


def test_beside_a_status_no_cause_counts_and_what_we_know_ourselves_needs_neither() -> None:
    """Why a few of them may stand for all, above."""
    verdicts: dict[object, set[tuple[object, ...]]] = {}
    for ending in endings(list(product(STATUSES, SOME_CAUSES))):
        told = ending.sip_status is not None
        ours = ending.own is not None or ending.fault is not None or ending.answered
        key = replace(ending, cause=None, sip_status=None if ours else ending.sip_status)
        if told or ours:
            verdicts.setdefault(key, set()).add(verdict(ending)[:2])
    assert {len(different) for different in verdicts.values()} == {1}


def test_each_row_is_the_first_for_some_ending() -> None:
    """A row that others hide would be a promise in the documentation that is not kept."""
    pairs = [*product(STATUSES, (None,)), *product((None,), CAUSES)]
    used = {next(number for number, row in enumerate(TABLE) if row.covers(ending)) for ending in endings(pairs)}
    assert used == set(range(len(TABLE)))


def test_the_table_for_people_has_each_row() -> None:
    head, rule, *rows = markdown().splitlines()
    assert len(rows) == len(TABLE)
    assert {row.count("|") for row in (head, rule, *rows)} == {7}
    assert "| busy | 486, 600 | 17 | `busy` |  | RFC 3261, 21.4.24, 21.6.1; Q.850 |" in rows
    assert "| redirected | 3xx | 23 | `failed` | `redirected` | RFC 3261, 21.3; Q.850 |" in rows
    assert "| request failure | other 4xx |  | `failed` | `request_failure` | RFC 3261, 21.4 |" in rows


@given(
    st.builds(
        Ending,
        answered=st.booleans(),
        progressed=st.booleans(),
        replied=st.sampled_from([None, False, True]),
        own=st.sampled_from([None, *OwnAction]),
        fault=st.sampled_from([None, *Fault]),
        by_callee=st.booleans(),
        sip_status=st.none() | st.integers(300, 699) | st.integers(),
        cause=st.none() | st.integers(0, 127) | st.integers(),
    )
)
def test_no_ending_is_too_odd(ending: Ending) -> None:
    outcome = classify(ending)
    assert outcome.class_ in OutcomeClass
    assert outcome.reason is None or outcome.reason in REASONS
    assert (outcome.sip_status, outcome.cause) == (ending.sip_status, ending.cause)
    if outcome.class_ is OutcomeClass.INDETERMINATE:
        assert outcome.reason in {"originate_unknown", "events_lost"}
    if ending.own is None and ending.fault is None:
        assert (outcome.class_ is COMPLETED) == ending.answered
    if outcome.class_ in {FAILED, REJECTED, INDETERMINATE}:
        assert outcome.reason is not None


def test_reasons_are_short_words_in_snake_case() -> None:
    assert [reason for reason in REASONS if not re.fullmatch(r"[a-z]+(_[a-z]+){0,3}", reason)] == []
