"""Which numbers may be called: a golden list, whole plans of numbers, then what no list can undo.

The list (``examples/numbers``) says what the rules and the public numbering plans say. Where ``phonenumbers`` has it
otherwise, the row is as the library has it, and its note says so.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from otpvoice.core.e164 import is_e164
from otpvoice.dialects.destinations import REGIONS, SATELLITE, Destinations, telephone

NUMBERS_FOLDER = Path(__file__).parent / "examples" / "numbers"

REASONS: Final = {
    "ok": None,
    "denied": "is on the list of denied destinations",
    "not_listed": "is not on the list of allowed destinations",
    "region": "is a number of the region {}, which is not on the list of allowed destinations",
    "satellite": "is a satellite or global number",
    "premium": "is a premium-rate number",
    "shared_cost": "is a shared-cost number",
    "personal": "is a personal number, which may lead anywhere",
}
"""What stands in the column ``expected``, and what is said; the region of a row is what its note begins with."""


class Row(NamedTuple):
    """Lists are separated by blanks."""

    allow: str
    deny: str
    number: str
    expected: str
    note: str


def rows() -> Iterator[Row]:
    for path in sorted(NUMBERS_FOLDER.glob("*.tsv")):
        with path.open(newline="") as lines:
            header, *found = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            assert tuple(header) == Row._fields
            yield from (Row(*row) for row in found)


ROWS = list(rows())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.allow}/{row.deny}/{row.number}")
def test_what_may_be_called(row: Row) -> None:
    refusal = Destinations(tuple(row.allow.split()), tuple(row.deny.split())).refusal(row.number)
    expected = REASONS[row.expected]
    assert refusal == (expected and expected.format(row.note[:2])), row.note


def test_the_list_is_long_and_of_the_whole_world() -> None:
    numbers = {row.number for row in ROWS}
    regions = {
        phonenumbers.region_code_for_number(phonenumbers.parse(row.number)) for row in ROWS if row.note[:2].isupper()
    }
    assert len(numbers) >= 240
    assert len(regions - {None}) >= 100
    assert {row.expected for row in ROWS} == REASONS.keys()
    assert all(is_e164(row.number) for row in ROWS)
    assert len({row[:3] for row in ROWS}) == len(ROWS)


# --- whole plans ------------------------------------------------------------------------------------------------------

MAIN = sorted(REGIONS & ({phonenumbers.region_code_for_country_code(code) for code in range(1, 1000)} | {"CA"}))
OTHERS = sorted(REGIONS - set(MAIN))
SHARED_PLANS = {"EH", "MF"}
"""Regions that have no number that is not one of a region with the same country code, too."""
ORDINARY = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
COSTLY = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PERSONAL_NUMBER)


def examples(region: str, kinds: tuple[int, ...]) -> Iterator[str]:
    """Numbers of a region's plan."""
    for kind in kinds:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None and phonenumbers.region_code_for_number(example) == region:
            yield phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)


def country_code(region: str) -> str:
    return f"+{phonenumbers.country_code_for_region(region)}"


def test_a_country_code_opens_its_main_region() -> None:
    for region in MAIN:
        numbers = list(examples(region, ORDINARY))
        assert numbers, region
        for number in numbers:
            assert Destinations((country_code(region),)).refusal(number) is None, number
            assert Destinations((region,)).refusal(number) is None, number
            assert Destinations((number[:-2],), (region,)).refusal(number) == REASONS["denied"], number


@pytest.mark.parametrize("region", OTHERS)
def test_a_country_code_opens_no_other_region(region: str) -> None:
    numbers = list(examples(region, ORDINARY))
    assert bool(numbers) is (region not in SHARED_PLANS)
    for number in numbers:
        refusal = Destinations((country_code(region),)).refusal(number)
        assert refusal == f"is a number of the region {region}, which is not on the list of allowed destinations"
        assert Destinations((region,)).refusal(number) is None
        assert Destinations((number[:-2],)).refusal(number) is None
        assert Destinations((number[:-2],), (region,)).refusal(number) == REASONS["denied"]


def test_the_regions_that_share_a_country_code_are_known() -> None:
    """None was forgotten above; a newer library may know more of them."""
    main = {"US", "CA", "GB", "RU", "IT", "NO", "AU", "MA", "RE", "SH", "FI", "GP", "CW"}
    others = {"JM", "DO", "PR", "GG", "IM", "JE", "KZ", "VA", "SJ", "CC", "CX", "YT", "TA", "AX", "BL", "BQ"}
    assert main <= set(MAIN)
    assert others <= set(OTHERS)


def test_a_region_s_costly_numbers_want_to_be_named() -> None:
    for region in MAIN:
        for number in examples(region, COSTLY):
            for allow in (country_code(region), region):
                refusal = Destinations((allow,)).refusal(number)
                assert refusal in {REASONS["premium"], REASONS["shared_cost"], REASONS["personal"]}, number
            assert Destinations((number[:-2],)).refusal(number) is None, number


def test_digits_behind_a_costly_number_do_not_make_it_cheap() -> None:
    for region in MAIN:
        for number, digits in product(examples(region, COSTLY), ("0", "55", "999")):
            longer = number + digits
            beginnings = [phonenumbers.parse(longer[:length]) for length in range(len(number) + 1, len(longer) + 1)]
            if is_e164(longer) and not any(map(phonenumbers.is_valid_number, beginnings)):
                assert Destinations((country_code(region),)).refusal(longer) is not None, longer


# --- anywhere ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "allowed"),
    [
        ("+442079460123", True),
        ("+15550100", True),
        ("+18768880000", True),
        ("+447700900123", False),
        ("+447797712345", False),
        ("+449098790000", False),
        ("+881612345678", False),
    ],
)
def test_anywhere_is_anywhere_but_for_what_is_denied_and_what_is_costly(number: str, *, allowed: bool) -> None:
    destinations = Destinations((), ("+447700900", "JE"), anywhere=True)
    assert (destinations.refusal(number) is None) is allowed


def test_a_refusal_says_why_and_not_whom() -> None:
    for row in ROWS:
        refusal = Destinations(tuple(row.allow.split()), tuple(row.deny.split())).refusal(row.number) or ""
        assert not any(character.isdigit() for character in refusal)


# --- any lists, any numbers -------------------------------------------------------------------------------------------

PREFIXES = st.lists(
    st.from_regex(r"\+[1-9][0-9]{0,5}", fullmatch=True) | st.sampled_from(sorted(REGIONS)), max_size=5
).map(tuple)
NUMBERS = st.from_regex(r"\+[1-9][0-9]{5,14}", fullmatch=True) | st.builds(
    "{}{}".format, st.sampled_from([row.number for row in ROWS]), st.sampled_from(["", "0", "12"])
).filter(is_e164)


@given(PREFIXES, PREFIXES, NUMBERS)
def test_nothing_outside_the_allow_list_is_ever_called(
    allow: tuple[str, ...], deny: tuple[str, ...], number: str
) -> None:
    if Destinations(allow, deny).refusal(number) is None:
        codes = tuple(country_code(entry) for entry in allow if entry in REGIONS)
        assert number.startswith(tuple(entry for entry in allow if entry not in REGIONS) + codes)


@given(PREFIXES, PREFIXES, NUMBERS)
def test_nothing_that_a_denied_prefix_begins_is_called_without_a_longer_one(
    allow: tuple[str, ...], deny: tuple[str, ...], number: str
) -> None:
    denied = max((len(entry) for entry in deny if number.startswith(entry)), default=0)
    if denied and Destinations(allow, deny).refusal(number) is None:
        assert any(number.startswith(entry) and len(entry) > denied for entry in allow if entry not in REGIONS) or (
            any(len(country_code(entry)) > denied for entry in allow if entry in REGIONS)
        )


@given(PREFIXES, PREFIXES, NUMBERS)
def test_a_longer_deny_list_allows_nothing_more(allow: tuple[str, ...], deny: tuple[str, ...], number: str) -> None:
    if Destinations(allow, deny).refusal(number) is None:
        assert Destinations(allow).refusal(number) is None


@given(PREFIXES, NUMBERS)
def test_the_order_of_a_list_says_nothing(allow: tuple[str, ...], number: str) -> None:
    assert Destinations(allow).refusal(number) == Destinations(allow[::-1]).refusal(number)


@given(PREFIXES, st.sampled_from(SATELLITE), st.from_regex(r"[0-9]{4,11}", fullmatch=True))
def test_no_satellite_is_called_by_an_ordinary_prefix(allow: tuple[str, ...], satellite: str, rest: str) -> None:
    number = satellite + rest
    if Destinations(allow).refusal(number) is None:
        assert any(prefix.startswith(satellite) and number.startswith(prefix) for prefix in allow)


@pytest.mark.parametrize(
    ("number", "one"),
    [
        ("+442079460123", "+442079460123"),
        ("+4402079460123", "+442079460123"),
        ("+44207946012399", "+442079460123"),
        ("+12025550199123", "+12025550199"),
        ("+390612345678", "+390612345678"),  # where the 0 is part of the number
        ("+15550100123", "+15550100123"),  # in no plan
        ("+88216123456", "+88216123456"),
        ("1000", "1000"),
        ("reception", "reception"),
    ],
)
def test_spellings_of_one_telephone_are_one_telephone(number: str, one: str) -> None:
    assert telephone(number) == one
    assert telephone(one) == one
