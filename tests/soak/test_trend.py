"""What grows is told from what only goes up and down."""

from __future__ import annotations

import random

import pytest

from tests.soak.trend import FEWEST, HALF_AN_HOUR, SHORTEST, WARM, Bound, slope, trend

BOUND = Bound(floor=10.0)
MANY = [10.0 * number for number in range(60)]


def test_the_slope_is_that_of_a_line() -> None:
    assert slope([(at, 3.0 + 0.5 * at) for at in MANY]) == pytest.approx(0.5)
    assert slope([(at, 7.0) for at in MANY]) == 0.0
    assert slope([]) == slope([(1.0, 2.0)]) == slope([(1.0, 2.0), (1.0, 9.0)]) == 0.0


def test_a_burst_of_calls_moves_it_little() -> None:
    quiet = [(at, 30.0) for at in MANY]
    burst = [(at, 300.0 if 200 <= at < 350 else figure) for at, figure in quiet]
    assert slope(burst) == 0.0


GROWS = {
    "steadily": [(at, 80.0 + 0.02 * at) for at in MANY],
    "under noise": [(at, 80.0 + 0.02 * at + random.Random(at).uniform(-3, 3)) for at in MANY],
    "in steps": [(at, 80.0 + 4.0 * (at // 100)) for at in MANY],
}
FLAT = {
    "it does not move": [(at, 80.0) for at in MANY],
    "noise": [(at, 80.0 + random.Random(at).uniform(-3, 3)) for at in MANY],
    "only at the beginning": [(at, 80.0 - max(0.0, WARM - at)) for at in MANY],
    "it shrinks": [(at, 80.0 - 0.05 * at) for at in MANY],
    "a tenth": [(at, 800.0 + 0.03 * at) for at in MANY],
    "once": [(at, 80.0 + 5.0 * (at > 550)) for at in MANY],
}


@pytest.mark.parametrize("how", GROWS)
def test_what_grows_is_seen(how: str) -> None:
    seen = trend(GROWS[how], BOUND)
    assert seen.growth is not None
    assert seen.growth == pytest.approx(0.02 * HALF_AN_HOUR, rel=1.2)
    assert not seen.flat


@pytest.mark.parametrize("how", FLAT)
def test_what_does_not_is_flat(how: str) -> None:
    seen = trend(FLAT[how], BOUND)
    assert seen.growth is not None
    assert seen.flat


def test_a_life_that_is_short_says_nothing() -> None:
    steep = [(at, 10.0 * at) for at in MANY if at < WARM + SHORTEST]
    few = [(WARM + 50.0 * number, 1000.0 * number) for number in range(FEWEST - 1)]
    for points in ([], steep, few):
        seen = trend(points, BOUND)
        assert seen.growth is None
        assert seen.flat
