"""Token buckets, as rows of what is taken and when."""

from __future__ import annotations

import pytest

from otpvoice.adapters.streams.bucket import Bucket


@pytest.mark.parametrize(
    ("takes", "last"),
    [
        ([(10, 0.0)], True),
        ([(11, 0.0)], False),
        ([(10, 0.0), (1, 0.0)], False),
        ([(10, 0.0), (1, 0.5)], True),
        ([(10, 0.0), (2, 0.5)], False),
        ([(10, 100.0), (10, 105.0)], True),
        ([(10, 0.0), (11, 1000.0)], False),  # no more than fits
        ([(11, 0.0), (1, 0.5)], True),  # what could not be taken emptied it, and is not owed
        ([(10, 5.0), (1, 4.0)], False),  # time does not go back
    ],
)
def test_so_much_a_second_and_so_much_at_once(takes: list[tuple[float, float]], last: bool) -> None:
    bucket = Bucket(a_second=2, at_once=10)
    assert [bucket.take(amount, now) for amount, now in takes][-1] is last
