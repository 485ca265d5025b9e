"""When a failed delivery is tried again, and what an answer means for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.adapters.webhooks.schedule import pause_after, retry_after
from otpvoice.adapters.webhooks.verdict import Again, Arrived, EndpointGone, Never, Verdict, of_answer, of_fault

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT
MIDDLE = 0.5
"""Chance, where the jitter is nothing."""


def judged(status: int, wish: str | None = None, *, attempts: int = 1) -> Verdict:
    return of_answer(status, wish, attempts=attempts, now=NOW, chance=MIDDLE)


# --- the schedule -----------------------------------------------------------------------------------------------------


def test_the_pauses_are_those_of_the_specifications_example() -> None:
    minutes = [5 / 60, 5, 30, 2 * 60, 5 * 60, 10 * 60, 14 * 60, 20 * 60, 24 * 60]
    pauses = [pause_after(attempts, MIDDLE) for attempts in range(1, 10)]
    assert pauses == pytest.approx([60 * pause for pause in minutes])
    assert pause_after(10, MIDDLE) is None
    assert pause_after(11, MIDDLE) is None


@pytest.mark.parametrize("attempts", range(1, 10))
def test_each_pause_is_a_tenth_longer_or_shorter_by_chance(attempts: int) -> None:
    least, middle, most = (pause_after(attempts, chance) for chance in (0.0, MIDDLE, 1.0))
    assert least is not None
    assert middle is not None
    assert (least, most) == pytest.approx((0.9 * middle, 1.1 * middle))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("86400", 86_400),
        ("86401", 86_400),
        ("9" * 18, 86_400),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60),
        ("Fri, 15 Jan 2027 09:01:00 +0100", 60),
        ("Friday, 15-Jan-27 08:01:00 GMT", 60),  # RFC 850, obsolete
        ("Fri Jan 15 08:01:00 2027", 60),  # asctime, obsolete
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("Fri, 15 Jan 2038 08:00:00 GMT", 86_400),
        ("Fri, 15 Jan 2027 08:01:00 -0000", 60),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("+5", None),
        ("٥", None),
        ("9" * 19, None),
        ("Fri, 99 Jan 2027 08:00:00 GMT", None),
        ("Fri, 15 Jan 99999999999999999999 08:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 86_400),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_at_most_a_day(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.text() | st.from_regex(r"\A[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ [\d:]+ ([+-]\d+|GMT)\Z"))
def test_whatever_an_endpoint_writes_is_a_time_or_nothing(header: str) -> None:
    seconds = retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= 86_400


# --- verdicts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_success(status: int) -> None:
    assert judged(status) == Arrived()


@pytest.mark.parametrize("status", [100, 199, 300, 301, 302, 303, 304, 307, 308, 400, 401, 404, 500, 503, 599, 999])
def test_and_nothing_else_is(status: int) -> None:
    assert judged(status) == Again(f"http_{status}", 5.0)


@pytest.mark.parametrize("attempts", [1, 10])
def test_410_ends_the_endpoint_whichever_attempt_it_is(attempts: int) -> None:
    assert judged(410, "120", attempts=attempts) == EndpointGone()


def test_after_the_tenth_attempt_there_is_no_other() -> None:
    assert judged(500, attempts=10) == Never("http_500")
    assert judged(503, "120", attempts=10) == Never("http_503")
    assert of_fault("timeout", attempts=9, chance=MIDDLE) == Again("timeout", 86_400.0)
    assert of_fault("timeout", attempts=10, chance=MIDDLE) == Never("timeout")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_endpoint_that_has_too_much_to_do_is_left_alone_for_as_long_as_it_asks(status: int) -> None:
    assert judged(status, "120") == Again(f"http_{status}", 120.0, rest=120.0)
    # A wish makes no pause shorter.
    assert judged(status, "2") == Again(f"http_{status}", 5.0, rest=2.0)
    assert judged(status, "120", attempts=2) == Again(f"http_{status}", 300.0, rest=120.0)


@pytest.mark.parametrize("status", [302, 400, 500])
def test_elsewhere_a_wish_is_for_the_one_delivery(status: int) -> None:
    assert judged(status, "120") == Again(f"http_{status}", 120.0)
