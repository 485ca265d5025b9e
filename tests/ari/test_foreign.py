"""What the other side's equipment says, made fit for a log and a record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.foreign import one_line, shown_number


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (None, None),
        ("", None),
        (" \t\n", None),
        ("15550111", "15550111"),
        ("12\n\x1b[31m34", "12[31m34"),
        ("a\u2028b\u202ec\x7fd\udcff", "abcd"),
        ("Größe 1", "Größe 1"),
        ("x" * 80, "x" * 79),
    ],
)
def test_one_printable_line(said: str | None, kept: str | None) -> None:
    assert one_line(said, 79) == kept


@pytest.mark.parametrize("said", ["anonymous", "Anonymous", "Restricted", "unavailable", " anonymous\n", "", None])
def test_who_is_withheld_has_no_number(said: str | None) -> None:
    assert shown_number(said, 79) is None


@pytest.mark.parametrize("said", ["15550111", "anonymous1", "alice"])
def test_who_is_shown_has_one(said: str) -> None:
    assert shown_number(said, 79) == said


@given(st.text(), st.integers(0, 100))
def test_whatever_is_said_is_short_and_printable(said: str, longest: int) -> None:
    kept = one_line(said, longest)
    assert kept is None or (kept.isprintable() and 0 < len(kept) <= longest)
