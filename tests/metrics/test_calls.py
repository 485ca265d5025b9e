"""Events and records in, samples out: what is counted of a call, and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from otpvoice.core.actions import Say
from otpvoice.core.digits import Collected, EndedBy
from otpvoice.core.events import (
    ActionCompleted,
    Asked,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    CodeDelivered,
    CodeReplayed,
    DigitReceived,
    DigitsCollected,
    Event,
    KeyPressed,
    OnSecond,
    QualitySampled,
    SpeakingStarted,
)
from otpvoice.core.outcome import TABLE, Ending, Fault, OwnAction, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.record import CallRecord
from otpvoice.core.secret import Keys
from otpvoice.metrics.calls import CallMetrics
from tests.metrics.samples import Samples, changes, told

PLAN = CallPlan("+15550100", "+15550199", "carrier", "en-US", (Say("Hello."),))
COLLECTED = DigitsCollected(Collected(Keys("4821"), EndedBy.TERMINATOR, True, 0), None, 1, True)


def fresh(**changed: Any) -> CallRecord:
    record = CallRecord(
        id="call_1",
        account="shop",
        door="http",
        plan=PLAN,
        proof=Proof(),
        node="a",
        instance="i",
        created_at=1000.0,
    )
    return replace(record, **changed)


class Counted:
    """Metrics of one account and one trunk, and what they say by now."""

    def __init__(self, *, accounts: tuple[str, ...] = ("shop",)) -> None:
        self.registry = CollectorRegistry()
        self.metrics = CallMetrics(self.registry, accounts=accounts, trunks=("carrier",))
        self._before = told(self.registry)

    def changes(self) -> Samples:
        """What has changed since the beginning."""
        return changes(self._before, told(self.registry))

    def live(self, record: CallRecord, *events: Event) -> None:
        """Let things happen to a call."""
        for event in events:
            record.note(event)
            self.metrics.follow(record, event)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (CallDialed(1.0), {'otpvoice_dials_total{trunk="carrier"}': 1}),
        (CallAnswered(1.0), {'otpvoice_answers_total{trunk="carrier"}': 1}),
        (OnSecond(1, CallDialed(1.0)), {'otpvoice_dials_total{trunk="carrier"}': 1}),
        (OnSecond(1, CallAnswered(1.0)), {'otpvoice_answers_total{trunk="carrier"}': 1}),
        (OnSecond(1, CallProgressed(1.0, ringing=True)), {}),
        (OnSecond(1, DigitReceived("4", 1.0)), {}),
        (KeyPressed(1.0), {"otpvoice_keys_total": 1}),
        (KeyPressed(1.0, second=True), {"otpvoice_keys_total": 1}),
        (DigitReceived("4", 1.0), {}),
        (CodeReplayed(2), {"otpvoice_codes_replayed_total": 1}),
        (CodeDelivered(1.0), {}),
        (COLLECTED, {'otpvoice_digits_collected_total{ended_by="terminator"}': 1}),
        (Asked(COLLECTED), {'otpvoice_digits_collected_total{ended_by="terminator"}': 1}),
        (Asked(ActionCompleted(0, "say", None)), {}),
        (CallProgressed(1.0, ringing=True), {}),
        (CallEnded(1.0), {}),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else "",
)
def test_what_an_event_counts(event: Event, expected: Samples) -> None:
    counted = Counted()
    counted.metrics.follow(fresh(), event)
    assert counted.changes() == expected
    counted.metrics.follow(fresh(test=True), event)
    assert counted.changes() == expected, "calls of test keys ring nobody"


@pytest.mark.parametrize("event", [CallDialed(1.0), CallAnswered(1.0)])
def test_what_a_dialplan_hands_to_us_was_neither_dialled_nor_is_it_an_answer_of_a_trunk(event: Event) -> None:
    counted = Counted()
    counted.metrics.follow(fresh(plan=replace(PLAN, inbound=True)), CallAnswered(1.0))
    assert counted.changes() == {}


def completed(record: CallRecord) -> CallRecord:
    record.end(classify(Ending(answered=True, own=OwnAction.HANG_UP_BY_PLAN, cause=16)), 1010.0)
    return record


def test_a_call_that_went_well_is_counted_once_in_each_place() -> None:
    counted = Counted()
    record = fresh(proof=Proof(spoken=True, expected=1, readings=1))
    counted.live(
        record,
        CallDialed(1000.0),
        CallProgressed(1001.5, ringing=True),
        CallProgressed(1002.0, ringing=True),
        CallAnswered(1004.0),
        SpeakingStarted("u1", 1004.02, 3.0),
        QualitySampled(1005.0, 4.0, 1.0, 0.0, 20.0),
        QualitySampled(1006.0, 4.4, 1.0, 0.0, 20.0),
        SpeakingStarted("u2", 1008.0, 3.0),
    )
    counted.metrics.ended(completed(record))
    said = counted.changes()
    assert said == {
        'otpvoice_calls_total{account="shop",direction="outbound",door="http",outcome="completed",reason="none"}': 1,
        'otpvoice_dials_total{trunk="carrier"}': 1,
        'otpvoice_answers_total{trunk="carrier"}': 1,
        'otpvoice_codes_total{delivered="true"}': 1,
        "otpvoice_ring_seconds_count": 1,
        "otpvoice_ring_seconds_sum": 1.5,
        "otpvoice_answer_seconds_count": 1,
        "otpvoice_answer_seconds_sum": 4.0,
        "otpvoice_first_audio_seconds_count": 1,
        "otpvoice_first_audio_seconds_sum": pytest.approx(0.02),
        "otpvoice_talk_seconds_count": 1,
        "otpvoice_talk_seconds_sum": 6.0,
        "otpvoice_call_mos_count": 1,
        "otpvoice_call_mos_sum": 4.4,
    }


@pytest.mark.parametrize(
    ("ending", "outcome", "reason"),
    [
        (Ending(answered=False, sip_status=486), "busy", "none"),
        (Ending(answered=False, own=OwnAction.RING_TIMEOUT, progressed=True), "no_answer", "none"),
        (Ending(answered=False, fault=Fault.TRUNK_UNREACHABLE), "failed", "trunk_unreachable"),
        (Ending(answered=False, sip_status=503), "failed", "congestion"),
    ],
)
def test_a_call_that_nobody_took_has_its_outcome_and_no_times(ending: Ending, outcome: str, reason: str) -> None:
    counted = Counted()
    record = fresh(proof=Proof(spoken=True, expected=1))
    counted.live(record, CallDialed(1000.0))
    record.end(classify(ending), 1010.0)
    counted.metrics.ended(record)
    said = 'account="shop",direction="outbound",door="http"'
    assert counted.changes() == {
        f'otpvoice_calls_total{{{said},outcome="{outcome}",reason="{reason}"}}': 1,
        'otpvoice_dials_total{trunk="carrier"}': 1,
        'otpvoice_codes_total{delivered="false"}': 1,
    }


def test_a_call_without_a_code_says_nothing_of_codes() -> None:
    counted = Counted()
    counted.metrics.ended(completed(fresh()))
    assert not [name for name in counted.changes() if "codes" in name]


def test_instants_of_two_clocks_never_give_less_than_nothing() -> None:
    counted = Counted()
    record = fresh()
    counted.live(record, CallDialed(1000.0), CallProgressed(999.0, ringing=True), CallAnswered(999.5))
    counted.metrics.ended(completed(record))
    assert counted.changes()["otpvoice_ring_seconds_count"] == 1
    assert "otpvoice_ring_seconds_sum" not in counted.changes()


def test_a_call_of_a_test_key_is_counted_apart() -> None:
    counted = Counted()
    record = fresh(test=True, proof=Proof(spoken=True, expected=1, readings=1))
    counted.live(
        record, CallDialed(1000.0), CallAnswered(1001.0), SpeakingStarted("u", 1001.1, 1.0), KeyPressed(1002.0)
    )
    counted.metrics.ended(completed(record))
    assert counted.changes() == {'otpvoice_test_calls_total{outcome="completed"}': 1}


ROUTES = [("http", False), ("http", True), ("dialplan", True)]


def ended(counted: Counted, ending: Ending, *, account: str, door: str) -> None:
    record = fresh(account=account, door=door, plan=replace(PLAN, inbound=ending.inbound))
    record.end(classify(ending), 1010.0)
    counted.metrics.ended(record)


def test_the_first_completed_call_of_an_account_and_its_first_fault_of_ours_count_in_a_rate() -> None:
    """The alert OtpvoiceInternalErrors is made of it; without the series it would be silent of refusals, too."""
    counted = Counted(accounts=("shop", "bank"))
    before = told(counted.registry)
    for account in ("shop", "bank"):
        for door, inbound in ROUTES:
            ended(counted, Ending(answered=True, inbound=inbound), account=account, door=door)
            fault = Ending(answered=False, inbound=inbound, fault=Fault.INTERNAL_ERROR)
            ended(counted, fault, account=account, door=door)
    after = told(counted.registry)
    assert after.keys() == before.keys()
    assert {name: number for name, number in after.items() if name.startswith("otpvoice_calls_total")} == {
        name: 1 for name in before if name.startswith("otpvoice_calls_total")
    }


def test_of_all_other_outcomes_there_are_those_that_came() -> None:
    counted = Counted()
    before = told(counted.registry).keys()
    assert len([name for name in before if 'account="shop"' in name]) == 6
    for row in TABLE:
        own, fault = next(iter(row.own), None), row.fault
        ending = Ending(answered=bool(row.answered), own=own, fault=fault)
        ended(counted, ending, account="shop", door="http")
    came = told(counted.registry).keys() - before
    assert came
    assert all('direction="outbound",door="http"' in name for name in came)
    assert sum(number for name, number in counted.changes().items() if "calls_total" in name) == len(TABLE)


def test_names_that_nobody_configured_are_others() -> None:
    """However they come here: no label is made of what a request can choose."""
    counted = Counted()
    names = len(told(counted.registry))
    for number in range(1000):
        record = fresh(
            account=f"account-{number}",
            door=f"door-{number}",
            plan=replace(PLAN, to=f"+1555{number:07}", trunk=f"trunk-{number}"),
        )
        counted.live(record, CallDialed(1.0), OnSecond(1, CallDialed(1.0)), CallAnswered(2.0))
        counted.metrics.ended(completed(record))
        counted.metrics.refused(f"door-{number}", f"reason-{number}")
        counted.metrics.refused("http", f"reason-{number}")
    said = 'direction="outbound",door="other"'
    assert counted.changes() == {
        f'otpvoice_calls_total{{account="other",{said},outcome="completed",reason="none"}}': 1000,
        'otpvoice_calls_refused_total{door="other",reason="other"}': 1000,
        'otpvoice_calls_refused_total{door="http",reason="other"}': 1000,
        'otpvoice_dials_total{trunk="other"}': 2000,
        'otpvoice_answers_total{trunk="other"}': 1000,
        "otpvoice_answer_seconds_count": 1000,
        "otpvoice_answer_seconds_sum": 1000,
        "otpvoice_talk_seconds_count": 1000,
        "otpvoice_talk_seconds_sum": 1000 * 1008.0,
    }
    assert len(told(counted.registry)) == names + 4


def test_a_record_that_was_closed_without_an_outcome_is_counted_all_the_same() -> None:
    counted = Counted()
    counted.metrics.ended(fresh())
    assert [name for name in counted.changes() if 'outcome="other",reason="none"' in name]


@pytest.mark.parametrize(
    ("door", "reason", "counted_as"),
    [
        ("http", "rate_limited", ("http", "rate_limited")),
        ("http", "nothing_to_do", ("http", "other")),
        ("dialplan", "nothing_to_do", ("dialplan", "nothing_to_do")),
        ("dialplan", "rate_limited", ("dialplan", "other")),
    ],
)
def test_why_a_call_was_refused(door: str, reason: str, counted_as: tuple[str, str]) -> None:
    counted = Counted()
    counted.metrics.refused(door, reason)
    door, reason = counted_as
    assert counted.changes() == {f'otpvoice_calls_refused_total{{door="{door}",reason="{reason}"}}': 1}
