"""Who is told to come back when the event loop is late, as sentences: how many, how soon, and for how long."""

from __future__ import annotations

import itertools
from typing import Final

import pytest

from otpvoice.stasis.admission import EASY, HARD, LATEST, MEMORY, SOONEST, Admission

EVERY: Final = 0.1
LONG: Final = 10 * MEMORY
"""Seconds after which nothing is left of what was noted before."""


def noted(*lags: float, admission: Admission | None = None, since: float = 0.0) -> tuple[Admission, float]:
    """Return an admission that was told of these lags, as a ticker tells them, and when it was told last."""
    admission, now = admission or Admission(), since
    for lag in lags:
        now += EVERY + lag
        admission.note(lag, now, EVERY)
    return admission, now


def between(part: float) -> float:
    """Return a lag so far on the way from where nobody is refused to where everybody is."""
    return EASY + part * (HARD - EASY)


def refused(admission: Admission, now: float, of: int) -> int:
    """Return how many of so many who ask at once are refused."""
    return sum(admission.refuses(now) is not None for _ in range(of))


def test_nobody_is_refused_before_anything_was_noted() -> None:
    assert refused(Admission(), 1e6, of=1000) == 0


@pytest.mark.parametrize("lag", [-0.001, 0.0, 0.001, EASY], ids=["early", "none", "a little", "the most that is easy"])
def test_a_loop_that_is_hardly_late_refuses_nobody(lag: float) -> None:
    admission, now = noted(*[lag] * 100)
    assert admission.share(now) == 0
    assert refused(admission, now, of=1000) == 0


@pytest.mark.parametrize("lag", [HARD, 0.5, 30.0], ids=["just", "half a second", "a machine that stood still"])
def test_a_loop_that_stays_late_refuses_nearly_everybody(lag: float) -> None:
    admission, now = noted(*[lag] * 100)
    assert admission.share(now) == pytest.approx(1.0)
    assert refused(admission, now, of=1000) >= 999


def test_in_between_the_share_grows_with_the_lag() -> None:
    shares = []
    for part in (0.2, 0.4, 0.6, 0.8):
        admission, now = noted(*[between(part)] * 100)
        shares.append(admission.share(now))
    assert shares == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.001)


def test_who_is_refused_is_no_matter_of_chance() -> None:
    admission, now = noted(*[between(0.4)] * 100)
    asked = [admission.refuses(now) is not None for _ in range(100)]
    assert sum(asked) == pytest.approx(40, abs=1)
    # One now and then, and not forty in a row.
    assert not any(one and other for one, other in itertools.pairwise(asked))


def test_who_asks_alone_is_taken() -> None:
    """One in three is refused, and there is only one."""
    admission, now = noted(*[between(0.33)] * 100)
    assert admission.refuses(now) is None


def test_one_pause_is_forgiven() -> None:
    """However long it was: a loop that was held up once is not overloaded."""
    admission, now = noted(*[0.001] * 50, 0.3, 0.001)
    assert admission.share(now) < 0.5
    admission, now = noted(*[0.001] * 10, admission=admission, since=now)
    assert refused(admission, now, of=100) == 0


def test_two_tellings_of_a_loop_that_gets_late_at_once_are_enough() -> None:
    admission, now = noted(*[0.0] * 50)
    admission, later = noted(HARD, HARD, admission=admission, since=now)
    assert admission.share(later) > 0.2


def test_when_it_is_over_everybody_is_taken_again_within_a_second() -> None:
    admission, now = noted(*[1.0] * 20)
    assert admission.share(now) > 0.9
    admission, later = noted(*[0.0] * 9, admission=admission, since=now)
    assert later - now < 1.0
    assert refused(admission, later, of=100) == 0


def test_a_telling_that_is_overdue_counts_as_late_already() -> None:
    """In one turn of the loop a hundred requests may be answered: the ticker is told of none of them before its end."""
    admission, now = noted(*[0.0] * 50)
    assert admission.share(now + EVERY) == 0
    shares = [admission.share(now + EVERY + late) for late in (HARD, 2 * HARD, 1.0 + HARD)]
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] > 0.8
    # It was asked, not told: what is noted in time is as if nobody had asked.
    admission.note(0.0, now + EVERY, EVERY)
    assert admission.lag(now + EVERY) == 0


def test_who_is_refused_is_told_to_come_back_the_later_the_more_are_refused() -> None:
    few, now = noted(*[between(0.3)] * 100)
    waits = [seconds for _ in range(10) if (seconds := few.refuses(now)) is not None]
    assert waits
    all_of_them, then = noted(*[HARD] * 100)
    longest = [seconds for _ in range(10) if (seconds := all_of_them.refuses(then)) is not None]
    assert SOONEST <= max(waits) < min(longest) <= LATEST


def test_what_is_owed_does_not_outlive_its_reason() -> None:
    """Half a refusal that was left over from the last time refuses nobody the next time."""
    admission, now = noted(*[between(0.5)] * 100)
    while admission.refuses(now) is not None:
        pass
    admission.note(0.0, now + LONG, EVERY)
    assert admission.refuses(now + LONG) is None
    admission, later = noted(*[between(0.02)] * 50, admission=admission, since=now + LONG)
    assert refused(admission, later, of=20) == 0
