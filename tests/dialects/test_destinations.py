"""Which numbers may be called: rows of lists and numbers, then what no list can undo."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.dialects.destinations import SATELLITE, Destinations


@pytest.mark.parametrize(
    ("allow", "deny", "number", "allowed"),
    [
        # the longest prefix decides
        (("+44",), (), "+442079460123", True),
        (("+44",), (), "+33123456789", False),
        (("+44",), (), "+4", False),
        ((), (), "+442079460123", False),
        (("+44",), ("+447",), "+447911123456", False),
        (("+44",), ("+447",), "+442079460123", True),
        (("+44", "+44791"), ("+447",), "+447911123456", True),
        (("+44", "+44791"), ("+447",), "+447921123456", False),
        (("+447",), ("+44",), "+447911123456", True),
        # deny wins a tie
        (("+44",), ("+44",), "+442079460123", False),
        # costly numbers want to be named
        (("+44",), (), "+449098790000", False),  # premium rate
        (("+4",), (), "+449098790000", False),
        (("+44909",), (), "+449098790000", True),
        (("+44", "+44909"), ("+449",), "+449098790000", True),
        (("+44909",), ("+44909",), "+449098790000", False),
        (("+1",), (), "+19005551234", False),
        (("+1900",), (), "+19005551234", True),
        (("+371",), (), "+37190000000", False),
        (("+49",), (), "+4918012345", False),  # shared cost
        (("+4918",), (), "+4918012345", True),
        (("+44",), (), "+447012345678", False),  # personal
        (("+4470",), (), "+447012345678", True),
        # digits after the end of a costly number do not make it cheap
        (("+44",), (), "+44909879000012", False),
        (("+1",), (), "+190055512345", False),
        # satellites have no other numbers: the code written out is enough
        (("+8",), (), "+881612345678", False),
        (("+88",), (), "+8821612345678", False),
        (("+881",), (), "+881612345678", True),
        (("+8816",), (), "+881612345678", True),
        (("+881",), ("+8816",), "+881612345678", False),
        # a list of the whole world names nothing
        (tuple(f"+{digit}" for digit in range(1, 10)), (), "+979123456789", False),
        (tuple(f"+{digit}" for digit in range(1, 10)), (), "+442079460123", True),
        # numbers that no plan knows are judged by their prefix alone
        (("+1",), (), "+15550100", True),
        (("+999",), (), "+999123456", True),
    ],
)
def test_what_may_be_called(allow: tuple[str, ...], deny: tuple[str, ...], number: str, *, allowed: bool) -> None:
    assert (Destinations(allow, deny).refusal(number) is None) is allowed


@pytest.mark.parametrize(
    ("number", "allowed"),
    [
        ("+442079460123", True),
        ("+15550100", True),
        ("+447700900123", False),
        ("+449098790000", False),
        ("+881612345678", False),
    ],
)
def test_anywhere_is_anywhere_but_for_what_is_denied_and_what_is_costly(number: str, *, allowed: bool) -> None:
    destinations = Destinations((), ("+447700900",), anywhere=True)
    assert (destinations.refusal(number) is None) is allowed


def test_a_refusal_says_why_and_not_whom() -> None:
    refusals = [
        Destinations(("+44",), ("+447",)).refusal(number)
        for number in ("+447911123456", "+33123456789", "+449098790000")
    ]
    assert refusals == [
        "is on the list of denied destinations",
        "is not on the list of allowed destinations",
        "is a premium-rate number",
    ]


PREFIXES = st.lists(st.from_regex(r"\+[1-9][0-9]{0,5}", fullmatch=True), max_size=5).map(tuple)
NUMBERS = st.from_regex(r"\+[1-9][0-9]{5,14}", fullmatch=True)


@given(PREFIXES, PREFIXES, NUMBERS)
def test_nothing_outside_the_allow_list_is_ever_called(
    allow: tuple[str, ...], deny: tuple[str, ...], number: str
) -> None:
    if Destinations(allow, deny).refusal(number) is None:
        assert number.startswith(allow)


@given(PREFIXES, PREFIXES, NUMBERS)
def test_a_longer_deny_list_allows_nothing_more(allow: tuple[str, ...], deny: tuple[str, ...], number: str) -> None:
    if Destinations(allow, deny).refusal(number) is None:
        assert Destinations(allow).refusal(number) is None


@given(PREFIXES, st.sampled_from(SATELLITE), st.from_regex(r"[0-9]{4,11}", fullmatch=True))
def test_no_satellite_is_called_by_an_ordinary_prefix(allow: tuple[str, ...], satellite: str, rest: str) -> None:
    number = satellite + rest
    if Destinations(allow).refusal(number) is None:
        assert any(prefix.startswith(satellite) and number.startswith(prefix) for prefix in allow)
