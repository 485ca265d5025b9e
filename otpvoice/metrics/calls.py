"""What is counted of calls: by their events while they are on, by their records at the end.

Calls of test keys ring nobody: only how many of them ended is counted, apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Histogram

from otpvoice.core.events import (
    Asked,
    CallAnswered,
    CallDialed,
    CodeReplayed,
    DigitsCollected,
    Event,
    KeyPressed,
    OnSecond,
)
from otpvoice.core.outcome import Fault, Outcome, OutcomeClass
from otpvoice.core.record import CallRecord
from otpvoice.metrics import catalogue
from otpvoice.metrics.instruments import counter, histogram
from otpvoice.metrics.refusals import DIALPLAN, HTTP, NO_OTHERS, OTHER, REFUSALS, refusals

NONE: Final = "none"
"""The reason of an outcome that says it all."""
_ROUTES: Final = (("outbound", HTTP), ("inbound", HTTP), ("inbound", DIALPLAN))
"""Who calls whom, by the door: of what is asked for over HTTP, some is called for by a dialplan."""
_FROM_THE_START: Final = ((OutcomeClass.COMPLETED, NONE), (OutcomeClass.FAILED, Fault.INTERNAL_ERROR))
"""Outcomes and reasons that each account has with 0: by the one it is known that there is the account, and of the other
the first is an alarm. All that there are would be 120 series for each account, most of which never count anything."""


class CallMetrics:
    """``accounts``, ``trunks``: the configured ones. ``doors``: those besides our own, with their reasons to refuse."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        accounts: Iterable[str],
        trunks: Iterable[str],
        doors: Mapping[str, Iterable[str]] = NO_OTHERS,
    ) -> None:
        self._doors = refusals(doors)
        self._accounts, self._trunks = frozenset(accounts), frozenset(trunks)
        each_trunk = [(trunk,) for trunk in sorted(self._trunks)]
        self._ended = counter(catalogue.CALLS, registry, _endings(sorted(self._accounts)))
        self._tests = counter(catalogue.TEST_CALLS, registry)
        self._recovered = counter(catalogue.CALLS_RECOVERED, registry)
        self._refused = counter(catalogue.CALLS_REFUSED, registry, _refusals())
        self._dials = counter(catalogue.DIALS, registry, each_trunk)
        self._answers = counter(catalogue.ANSWERS, registry, each_trunk)
        self._codes = counter(catalogue.CODES, registry)
        self._replayed = counter(catalogue.CODES_REPLAYED, registry)
        self._collected = counter(catalogue.DIGITS_COLLECTED, registry)
        self._keys = counter(catalogue.KEYS, registry)
        self._ring = histogram(catalogue.RING, registry)
        self._answer = histogram(catalogue.ANSWER, registry)
        self._first_audio = histogram(catalogue.FIRST_AUDIO, registry)
        self._talk = histogram(catalogue.TALK, registry)
        self._mos = histogram(catalogue.MOS, registry)
        self._noting: Mapping[type, Callable[[CallRecord, Event], None]] = {
            CallDialed: self._dialed,
            CallAnswered: self._answered,
            OnSecond: self._on_second,
            KeyPressed: lambda _, __: self._keys.inc(),
            CodeReplayed: lambda _, __: self._replayed.inc(),
            DigitsCollected: self._digits,
            Asked: self._digits,
        }

    def follow(self, record: CallRecord, event: Event) -> None:
        """Something happened to a call."""
        note = self._noting.get(type(event))
        if note is not None and not record.test:
            note(record, event)

    def ended(self, record: CallRecord) -> None:
        """A call is over, and its record closed."""
        class_, reason = _said(record.outcome)
        if record.test:
            self._tests.labels(class_).inc()
            return
        direction = "inbound" if record.plan.inbound else "outbound"
        account = record.account if record.account in self._accounts else OTHER
        door = record.door if record.door in self._doors else OTHER
        self._ended.labels(direction, door, account, class_, reason).inc()
        if (delivered := record.proof.delivered) is not None:
            self._codes.labels("true" if delivered else "false").inc()
        _span(self._ring, record.dialed_at, record.ringing_at)
        _span(self._answer, record.dialed_at, record.answered_at)
        _span(self._first_audio, record.answered_at, record.first_audio_at)
        _span(self._talk, record.answered_at, record.ended_at)
        if record.quality is not None:
            self._mos.observe(record.quality.mos)

    def refused(self, door: str, reason: str) -> None:
        """A call was asked for and not taken."""
        known = self._doors.get(door, frozenset())
        self._refused.labels(door if known else OTHER, reason if reason in known else OTHER).inc()

    def recovered(self, becomes: str) -> None:
        """A call of a former life was ended, or goes on."""
        self._recovered.labels(becomes).inc()

    # --- events -----------------------------------------------------------------------------------------------------

    def _dialed(self, record: CallRecord, _: Event) -> None:
        self._dials.labels(self._trunk(record)).inc()

    def _answered(self, record: CallRecord, _: Event) -> None:
        # What a dialplan hands to us was answered by us.
        if not record.plan.inbound:
            self._answers.labels(self._trunk(record)).inc()

    def _on_second(self, record: CallRecord, event: Event) -> None:
        match event:
            case OnSecond(event=CallDialed()):
                self._dials.labels(self._trunk(record)).inc()
            case OnSecond(event=CallAnswered()):
                self._answers.labels(self._trunk(record)).inc()
            case _:
                pass

    def _digits(self, _: CallRecord, event: Event) -> None:
        report = event.report if isinstance(event, Asked) else event
        if isinstance(report, DigitsCollected):
            self._collected.labels(report.collected.ended_by).inc()

    def _trunk(self, record: CallRecord) -> str:
        return record.plan.trunk if record.plan.trunk in self._trunks else OTHER


def _said(outcome: Outcome | None) -> tuple[str, str]:
    if outcome is None:
        return OTHER, NONE
    return outcome.class_, outcome.reason or NONE


def _span(into: Histogram, start: float | None, end: float | None) -> None:
    if start is not None and end is not None:
        # Instants are of two hosts' clocks.
        into.observe(max(0.0, end - start))


def _endings(accounts: Iterable[str]) -> Iterable[tuple[str, ...]]:
    for account in accounts:
        for direction, door in _ROUTES:
            for class_, reason in _FROM_THE_START:
                yield direction, door, account, class_, reason


def _refusals() -> Iterable[tuple[str, ...]]:
    for door, reasons in REFUSALS.items():
        for reason in reasons:
            yield door, reason
