"""Idempotency keys: how they are spelled, and what is derived from them."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.idempotency import LONGEST, Invalid, KeyAnswered, call_id_of, fingerprint_of, read_key

SECRET = b"s" * 32
KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
BODY: dict[str, Any] = {"to": "+15550100", "code": "4821", "gather": {"max_digits": 4, "terminators": "#"}}


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (KEY, KEY),
        (f'"{KEY}"', KEY),
        (f'  "{KEY}"\t', KEY),
        ("a", "a"),
        ('"with blanks in it"', "with blanks in it"),
        (r'"a\"b\\c"', r'a"b\c'),
        (r"a\b", r"a\b"),
        ('a"b', 'a"b'),
        ('" "', " "),
        ("k" * LONGEST, "k" * LONGEST),
        ('"' + "k" * LONGEST + '"', "k" * LONGEST),
        ('"' + r"\\" * LONGEST + '"', "\\" * LONGEST),
    ],
)
def test_a_key_is_bare_or_quoted(header: str, key: str) -> None:
    assert read_key(header) == key


@pytest.mark.parametrize(
    "header",
    [
        "",
        "  ",
        '""',
        '"',
        '"open',
        '"a"; p=1',
        '"a", "b"',
        "two words",
        r'"a\b"',
        '"a"b"',
        "schlüssel",
        '"schlüssel"',
        "tab\tbed",
        "line\n",
        '"line\n"',
        "nul\x00",
        "k" * (LONGEST + 1),
        '"' + "k" * (LONGEST + 1) + '"',
    ],
    ids=repr,
)
def test_what_is_no_key(header: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_key(header)
    assert str(caught.value) == "must be 1 to 255 visible ASCII characters, bare or quoted"


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=LONGEST))
def test_every_printable_key_can_be_quoted(key: str) -> None:
    escaped = key.replace("\\", r"\\").replace('"', r"\"")
    assert read_key(f'"{escaped}"') == key


@given(st.text(max_size=300))
def test_whatever_a_header_holds_it_is_a_key_or_none(header: str) -> None:
    try:
        key = read_key(header)
    except Invalid:
        return
    assert 0 < len(key) <= LONGEST
    assert key.isascii()
    assert key.isprintable()


def test_a_key_stands_for_one_call_of_one_account_under_one_secret() -> None:
    ids = [
        call_id_of(SECRET, "shop", KEY),
        call_id_of(SECRET, "shop", KEY + "0"),
        call_id_of(SECRET, "bank", KEY),
        call_id_of(b"t" * 32, "shop", KEY),
        call_id_of(SECRET, "shop" + KEY, ""),
        call_id_of(SECRET, "sho", "p" + KEY),
    ]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"call_[0-9a-f]{32}", one) for one in ids)
    assert call_id_of(SECRET, "shop", KEY) == ids[0], "in every life"


def test_what_is_derived_is_the_same_in_every_version() -> None:
    """A key is kept for a day: an update in between must not place a second call."""
    assert call_id_of(SECRET, "shop", KEY) == "call_eba2846c5d3d29b6c6b1b9a62a5e6b83"
    assert fingerprint_of(SECRET, "shop", BODY) == "4554b503d05ecbfbf91326dd053ec984d8524eef2673ef1615fc519422560472"


@pytest.mark.parametrize(
    "body",
    [
        dict(reversed(BODY.items())),
        {**BODY, "gather": dict(reversed(BODY["gather"].items()))},
        json.loads(json.dumps(BODY, indent=4)),
        json.loads(json.dumps(BODY).replace("4821", r"\u0034821")),
    ],
)
def test_order_blanks_and_escapes_make_no_other_body(body: dict[str, Any]) -> None:
    assert fingerprint_of(SECRET, "shop", body) == fingerprint_of(SECRET, "shop", BODY)


def test_whatever_else_differs_makes_another_body() -> None:
    bodies: list[dict[str, Any]] = [
        BODY,
        {},
        {**BODY, "code": "4822"},
        {**BODY, "code": 4821},
        {**BODY, "to": None},
        {**BODY, "times": 1},
        {**BODY, "times": True},
        {**BODY, "times": "1"},
        {**BODY, "brand": "ü"},
        {**BODY, "brand": "\\u00fc"},
        {**BODY, "brand": "\ud800"},
        {**BODY, "gather": [BODY["gather"]]},
    ]
    prints = [fingerprint_of(SECRET, "shop", body) for body in bodies]
    assert [pair for pair in combinations(prints, 2) if pair[0] == pair[1]] == []


def test_a_fingerprint_says_nothing_to_who_has_no_secret() -> None:
    shown = fingerprint_of(SECRET, "shop", BODY)
    assert re.fullmatch("[0-9a-f]{64}", shown)
    assert shown != fingerprint_of(b"t" * 32, "shop", BODY)
    assert shown != fingerprint_of(SECRET, "bank", BODY)
    canonical = json.dumps(BODY, sort_keys=True, separators=(",", ":"))
    assert shown != hashlib.sha256(canonical.encode()).hexdigest()


def test_an_id_tells_nothing_of_a_fingerprint() -> None:
    assert fingerprint_of(SECRET, "shop", {})[:32] not in call_id_of(SECRET, "shop", "{}")


def test_an_answer_is_not_shown() -> None:
    assert "482" not in repr(KeyAnswered({"code": "482"}))
