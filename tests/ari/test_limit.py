"""What is set as a channel's ``TIMEOUT(absolute)``, and what is put back."""

from __future__ import annotations

import pytest

from otpvoice.ari.limit import NAME, AbsoluteLimit


@pytest.mark.parametrize(
    ("own", "seconds", "ours", "after", "back"),
    [
        ("0", 90.0, "90", 5.0, "0"),
        ("", 90.0, None, 5.0, None),
        ("0", 89.2, "90", 5.0, "0"),
        ("600.250", 90.0, "90", 5.0, "595.250"),
        ("91", 90.0, "90", 90.0, "1.000"),
        ("91", 90.0, "90", 95.0, "0.001"),
        ("90", 90.0, None, 5.0, None),
        ("20.5", 90.0, None, 5.0, None),
        (None, 90.0, None, 5.0, None),
        ("nonsense", 90.0, None, 5.0, None),
        ("nan", 90.0, None, 5.0, None),
        ("-1", 90.0, None, 5.0, None),
    ],
)
def test_a_limit_is_never_later_than_the_dialplans_own_which_is_put_back(
    *, own: str | None, seconds: float, ours: str | None, after: float, back: str | None
) -> None:
    limit = AbsoluteLimit(own, 100.0)
    assert limit.ours(seconds) == ({NAME: ours} if ours else {})
    assert limit.again() == ({NAME: ours} if ours else {})
    assert limit.own(100.0 + after) == ({NAME: back} if back else {})


def test_what_was_never_ours_is_not_put_back() -> None:
    assert AbsoluteLimit("0", 0.0).own(1.0) == {}
