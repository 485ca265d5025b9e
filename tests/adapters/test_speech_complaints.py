"""Why a voice could not speak is said once in a while, of nobody's call, and how often it was so."""

from __future__ import annotations

from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.testing import capture_logs

from otpvoice.adapters.speech.complaints import AGAIN, MOST, Complaints


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_same_is_said_again_after_a_while_with_its_number() -> None:
    clock = Clock()
    complaints = Complaints(clock)
    with bound_contextvars(call="call_1"), capture_logs(processors=[merge_contextvars]) as lines:
        for seconds in (0.0, 1.0, AGAIN - 2.0, 1.0, 1.0):
            clock.now += seconds
            complaints.note("flite", "no")
        complaints.note("flite", "another reason")
        complaints.note("piper", "no")
    assert [(line["engine"], line["reason"], line["times"]) for line in lines] == [
        ("flite", "no", 1),
        ("flite", "no", 3),
        ("flite", "another reason", 1),
        ("piper", "no", 1),
    ]
    assert all("call" not in line for line in lines)


def test_reasons_without_number_take_no_memory_without_bound() -> None:
    complaints = Complaints(Clock())
    with capture_logs():
        for number in range(3 * MOST):
            complaints.note("flite", f"reason {number}")
    assert len(complaints._said) == MOST


def test_what_is_as_it_was_set_is_mentioned_once() -> None:
    clock = Clock()
    complaints = Complaints(clock)
    with capture_logs() as lines:
        for _ in range(3):
            clock.now += 2 * AGAIN
            complaints.mention("recorded", "not recorded")
    assert [(line["log_level"], line["engine"]) for line in lines] == [("info", "recorded")]
