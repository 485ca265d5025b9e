"""When a service that failed is asked again: rows of seconds, without a clock."""

from __future__ import annotations

import pytest

from otpvoice.adapters.speech.engines.circuit import LONGEST_ASKED, Circuit


def opened(pauses: int = 1, *, asked: float | None = None) -> tuple[Circuit, float]:
    """Return a circuit that opened so many times in a row, and when."""
    circuit, now = Circuit(failures=1, first=10, longest=60), 100.0
    for _ in range(pauses - 1):
        circuit.failed(now)
        while not circuit.may_ask(now):
            now += 1
    circuit.failed(now, asked=asked)
    return circuit, now


def pause(circuit: Circuit, now: float) -> float:
    """Return the seconds until it may be asked, found as a caller would."""
    return next(float(second) for second in range(200_000) if circuit.may_ask(now + second))


def test_a_service_that_answers_is_asked() -> None:
    circuit = Circuit()
    assert circuit.may_ask(0)
    circuit.succeeded()
    assert circuit.may_ask(0)
    assert not circuit.open


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    circuit = Circuit(failures=3, first=10)
    for _ in range(2):
        circuit.failed(0)
        assert circuit.may_ask(0)
    circuit.failed(0)
    assert (circuit.open, circuit.may_ask(0)) == (True, False)


def test_an_answer_between_failures_starts_the_count_again() -> None:
    circuit = Circuit(failures=2)
    for _ in range(5):
        circuit.failed(0)
        circuit.succeeded()
    assert circuit.may_ask(0)


def test_too_much_opens_it_at_once() -> None:
    circuit = Circuit(failures=3, first=10)
    circuit.failed(5, at_once=True)
    assert circuit.open
    assert pause(circuit, 5) == 10


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(None, 10), (0.0, 10), (5.0, 10), (-1.0, 10), (45.0, 45), (3600.0, 3600), (1e12, LONGEST_ASKED)],
)
def test_what_the_service_asks_for_is_kept_to(asked: float | None, waited: float) -> None:
    assert pause(*opened(asked=asked)) == waited


@pytest.mark.parametrize(("times", "waited"), [(1, 10), (2, 20), (3, 40), (4, 60), (5, 60), (50, 60)])
def test_each_pause_is_twice_the_last_up_to_a_limit(times: int, waited: float) -> None:
    assert pause(*opened(times)) == waited


def test_after_the_pause_one_failure_opens_it_again() -> None:
    circuit = Circuit(failures=3, first=10)
    circuit.failed(0, at_once=True)
    assert circuit.may_ask(10)
    assert circuit.open, "nobody knows yet"
    circuit.failed(10)
    assert not circuit.may_ask(29)
    assert circuit.may_ask(30)


def test_after_the_pause_one_answer_closes_it_and_all_is_forgotten() -> None:
    circuit, now = opened(4)
    assert circuit.may_ask(now + 60)
    circuit.succeeded()
    assert not circuit.open
    circuit.failed(now + 60)
    assert pause(circuit, now + 60) == 10


def test_who_does_not_wait_for_the_answer_leaves_the_turn_to_the_next() -> None:
    circuit, now = opened()
    assert circuit.may_ask(now + 10)
    assert circuit.may_ask(now + 10)


def test_several_of_us_do_not_come_back_together() -> None:
    circuit = Circuit(failures=1, first=10)
    circuit.failed(0, share=1.2)
    assert pause(circuit, 0) == 12
    circuit = Circuit(failures=1, first=10)
    circuit.failed(0, asked=100, share=1.2)
    assert pause(circuit, 0) == 120
