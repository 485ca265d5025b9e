"""What is set as a channel's ``TIMEOUT(absolute)``, what is put back, and what another life of ours puts back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.ari.limit import KEPT, NAME, AbsoluteLimit, restored

WALL = 1_800_000_000.0


@pytest.mark.parametrize(
    ("own", "seconds", "ours", "kept", "after", "back"),
    [
        ("0", 90.0, "90", "0", 5.0, "0"),
        ("", 90.0, None, None, 5.0, None),
        ("0", 89.2, "90", "0", 5.0, "0"),
        ("600.250", 90.0, "90", "600.250@1800000000.000", 5.0, "595.250"),
        ("91", 90.0, "90", "91.000@1800000000.000", 90.0, "1.000"),
        ("91", 90.0, "90", "91.000@1800000000.000", 95.0, "0.001"),
        ("90", 90.0, None, None, 5.0, None),
        ("20.5", 90.0, None, None, 5.0, None),
        (None, 90.0, None, None, 5.0, None),
        ("nonsense", 90.0, None, None, 5.0, None),
        ("nan", 90.0, None, None, 5.0, None),
        ("-1", 90.0, None, None, 5.0, None),
    ],
)
def test_a_limit_is_never_later_than_the_dialplans_own_which_is_put_back(
    *, own: str | None, seconds: float, ours: str | None, kept: str | None, after: float, back: str | None
) -> None:
    limit = AbsoluteLimit(own, 100.0, WALL)
    guard = {KEPT: kept, NAME: ours} if ours else {}
    assert limit.ours(seconds) == guard
    assert limit.again() == guard
    assert limit.own(100.0 + after) == ({NAME: back, KEPT: ""} if back else {})
    # Another life, which knows nothing but what was written down, does the same.
    assert restored(kept, WALL + after) == limit.own(100.0 + after)


def test_what_was_never_ours_is_not_put_back() -> None:
    assert AbsoluteLimit("0", 0.0, WALL).own(1.0) == {}


def test_what_there_was_is_written_down_before_it_is_changed() -> None:
    assert list(AbsoluteLimit("0", 0.0, WALL).ours(90.0)) == [KEPT, NAME]


@pytest.mark.parametrize(
    ("kept", "back"),
    [
        (None, None),  # it was never ours
        ("", None),
        ("0", "0"),
        ("600.000@1800000000.000", "590.000"),
        ("600@1799999000", "0.001"),  # it should have ended long ago
        ("600@1800003600", "600.000"),  # the clock was set back
        ("?", "0"),
        ("600", "0"),
        ("600@", "0"),
        ("@1800000000", "0"),
        ("600@soon", "0"),
        ("nan@1800000000", "0"),
        ("inf@1800000000", "0"),
        ("-5@1800000000", "0"),
        ("600@inf", "0"),
        ("1@2@3", "0"),
    ],
)
def test_what_a_former_life_has_written_down(kept: str | None, back: str | None) -> None:
    assert restored(kept, WALL + 10) == ({NAME: back, KEPT: ""} if back else {})


@given(st.text())
def test_whatever_is_found_there_is_no_error(kept: str) -> None:
    back = restored(kept, WALL)
    assert not back or float(back[NAME]) >= 0
