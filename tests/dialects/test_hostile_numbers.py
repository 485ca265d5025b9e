"""What must never get into a dial string or a SIP header: hostile values, at each place where a number stands.

All of them are tried under the most generous settings that there can be: any destination, any extension.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otpvoice.core.e164 import LONGEST_EXTENSION, is_e164, is_extension
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.native import parse_answer, parse_call
from otpvoice.dialects.problems import ProblemFound
from otpvoice.dialects.stasis_args import Invalid, parse_arguments
from otpvoice.settings import values
from otpvoice.stasis.trunk import Trunk
from tests.dialects.account import DEFAULTS, NOW

GENEROUS: Final = replace(
    DEFAULTS, destinations=Destinations((), anywhere=True), local_numbers=re.compile(".*", re.DOTALL)
)
NUMBER: Final = "+442079460123"

CONTROLS: Final = {
    "NUL": "\0",
    "tab": "\t",
    "LF": "\n",
    "CR": "\r",
    "CRLF and a header": "\r\nX-Evil: 1",
    "escape": "\x1b",
    "delete": "\x7f",
    "next line": "\x85",
    "line separator": "\u2028",
    "zero width space": "\u200b",
    "right-to-left mark": "\u200f",
    "right-to-left override": "\u202e",
    "byte order mark": "\ufeff",
    "no-break space": "\u00a0",
}
DIAL_STRING: Final = {name: name for name in "&/@,;|(){}$[]\"'\\%<>:=?!~^`"} | {
    "space": " ",
    "second destination": "&PJSIP/trunk/sip:900",
    "option": ",30",
    "variable": "${EXTEN}",
    "function": "${SHELL(id)}",
    "expression": "$[1+1]",
    "user parameter": ";ext=99",
    "context": ";phone-context=evil",
    "host": "@evil.example",
    "percent": "%0d%0a",
}
FOREIGN: Final = {
    "full-width digit": "\uff10",
    "Arabic digit": "\u0660",
    "superscript": "\u00b2",
    "Roman numeral": "\u2163",
    "full-width plus": "\uff0b",
    "small plus": "\ufe62",
    "letter that looks like o": "\u043e",
    "combining mark": "\u0301",
    "half a pair": "\ud800",
}
WHOLE: Final = (
    "",
    "+",
    "++442079460123",
    "+0442079460123",
    "+44207",
    "+4420794601234567",
    "442079460123",
    "00442079460123",
    "9011442079460123",
    "18768880000",
    "1-876-888-0000",
    "1.876.888.0000",
    "*18768880000",
    "#31#18768880000",
    "\uff0b442079460123",
    "\ufe62442079460123",
    "+44 20 7946 0123",
    "+44(0)2079460123",
    "+44-20-7946-0123",
    "+44.20.7946.0123",
    "+44O2079460123",
    "tel:+442079460123",
    "sip:+442079460123@evil.example",
    "<sip:+442079460123@evil.example>",
    '"Bank" <+442079460123>',
    "PJSIP/trunk/sip:900@evil.example",
    "Local/100@internal",
    "-1",
    ".1",
    "_X.",
    "1" * 41,
    "a" * 41,
    "\u0661\u0662\u0663\u0664",
    "\uff11\uff12\uff13\uff14",
)
"""Numbers past the lists of destinations among them: without its plus, +1876… looks like an extension."""


def spoiled(part: str) -> Iterator[str]:
    """A number and an extension with something in front, within and behind."""
    for number in (NUMBER, "1000"):
        yield from (part + number, number[:3] + part + number[3:], number + part)


def everywhere(parts: dict[str, str]) -> list[Any]:
    return [pytest.param(tuple(spoiled(part)), id=name) for name, part in parts.items()]


HOSTILE: Final = [
    *everywhere(CONTROLS),
    *everywhere(DIAL_STRING),
    *everywhere(FOREIGN),
    *(pytest.param((value,), id=ascii(value)[:50]) for value in WHOLE),
]


def call(**fields: Any) -> dict[str, Any]:
    return {"to": NUMBER, "code": "918273", **fields}


def second(**fields: Any) -> dict[str, Any]:
    return {"to": NUMBER, "actions": [{"type": "dial", "to": NUMBER, **fields}]}


def fallback(**fields: Any) -> dict[str, Any]:
    webhook = {"url": "https://hooks.example/otp", "interactive": True, "fallback": second(**fields)["actions"]}
    return {"to": NUMBER, "webhook": webhook}


PLACES: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "$.to": lambda value: call(to=value),
    "$.to of one that waits": lambda value: call(to=value, dial=False),
    "$.from": lambda value: call(**{"from": value}),
    "$.trunk": lambda value: call(trunk=value),
    "$.actions[0].to": lambda value: second(to=value),
    "$.actions[0].from": lambda value: second(**{"from": value}),
    "$.webhook.fallback[0].to": lambda value: fallback(to=value),
    "$.webhook.fallback[0].from": lambda value: fallback(**{"from": value}),
    "$.sip_headers": lambda value: call(sip_headers={f"X-{value}": "1"}),
}
HARMLESS_NAMES: Final = frozenset(
    {"00442079460123", "442079460123", "9011442079460123", "18768880000", "1-876-888-0000", "-1", "1" * 41, "a" * 41}
)
"""What is no number, and may be the name of a header."""


def body(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_value_is_refused_wherever_a_number_stands(hostile: tuple[str, ...]) -> None:
    for (place, document), value in product(PLACES.items(), hostile):
        if place == "$.sip_headers" and value in HARMLESS_NAMES:
            continue
        with pytest.raises(ProblemFound) as found:
            parse_call(body(document(value)), GENEROUS, NOW)
        # Half a surrogate pair is not even JSON in UTF-8.
        spots = {problem.path.partition("['")[0] for problem in found.value.problems}
        assert spots <= {place.partition(" ")[0], "$"}, place


@pytest.mark.parametrize("place", PLACES)
def test_each_of_these_places_takes_what_is_harmless(place: str) -> None:
    """So that a refusal is one of the value, and not of the place."""
    value = {"$.trunk": "second", "$.sip_headers": "Id"}.get(place, "+442079460000")
    assert parse_call(body(PLACES[place](value)), GENEROUS, NOW).trunk in GENEROUS.trunks


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_value_is_refused_in_the_dialplan(hostile: tuple[str, ...]) -> None:
    for value in hostile:
        with pytest.raises(Invalid):
            parse_arguments([f"dial={value}"]).plan("1000", None, {}, GENEROUS, NOW)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_value_is_refused_in_the_answer_of_a_webhook(hostile: tuple[str, ...]) -> None:
    plan = parse_call(body(fallback()), GENEROUS, NOW).plan
    for value in hostile:
        for field in ("to", "from"):
            with pytest.raises(ProblemFound):
                parse_answer(body({"actions": second(**{field: value})["actions"]}), plan, GENEROUS, NOW)


@pytest.mark.parametrize("place", ["$.to", "$.actions[0].to", "$.webhook.fallback[0].to"])
@pytest.mark.parametrize("number", ["+449098790123", "+447797712345", "+447700900123", "+33199000123", "+881612345678"])
def test_a_number_that_may_not_be_called_is_refused_wherever_it_would_be_dialled(place: str, number: str) -> None:
    with pytest.raises(ProblemFound) as found:
        parse_call(body(PLACES[place](number)), DEFAULTS, NOW)
    assert [(problem.path, problem.code) for problem in found.value.problems] == [(place, "destination_not_allowed")]
    plan = parse_call(body(fallback()), DEFAULTS, NOW).plan
    with pytest.raises(ProblemFound):
        parse_answer(body({"actions": second(to=number)["actions"]}), plan, DEFAULTS, NOW)
    with pytest.raises(Invalid, match=r"^destination_not_allowed"):
        parse_arguments([f"dial={number}"]).plan("1000", None, {}, DEFAULTS, NOW)


@pytest.mark.parametrize("hostile", everywhere(CONTROLS))
def test_a_header_has_one_line_that_can_be_seen_whole(hostile: tuple[str, ...]) -> None:
    for value in hostile:
        with pytest.raises(ProblemFound) as found:
            parse_call(body(call(sip_headers={"X-Id": value})), GENEROUS, NOW)
        assert [problem.path for problem in found.value.problems] == ["$.sip_headers['X-Id']"]


@pytest.mark.parametrize("hostile", everywhere(DIAL_STRING))
def test_a_header_is_no_part_of_a_dial_string(hostile: tuple[str, ...]) -> None:
    """What would be evil there is text here, and goes nowhere else."""
    for value in hostile:
        plan = parse_call(body(call(sip_headers={"X-Id": value})), GENEROUS, NOW).plan
        assert plan == replace(parse_call(body(call()), GENEROUS, NOW).plan, sip_headers={"X-Id": value})


# --- what the admin writes --------------------------------------------------------------------------------------------

NUMBERS_ALONE: Final = frozenset({"442079460123", "00442079460123", "18768880000"})
"""What is a caller ID, as a trunk may want it. It is shown, and not dialled."""
PREFIXES_ALONE: Final = frozenset({"+44207"})


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_value_is_no_caller_id_and_no_destination(hostile: tuple[str, ...]) -> None:
    for value in hostile:
        if value not in NUMBERS_ALONE:
            with pytest.raises(ValueError, match=r"^must be numbers"):
                values.caller_ids(["+442079460000", value])
        if value not in PREFIXES_ALONE:
            with pytest.raises(ValueError, match=r"^must be prefixes"):
                values.prefixes(["+1", value])


@pytest.mark.parametrize(
    "value", ["gb", "UK", "XX", "001", "G", "GBR", "ＧＢ", "GB\n", "+GB", "+", "1", "+0", "+12 34"]
)
def test_what_is_no_region_is_no_destination(value: str) -> None:
    with pytest.raises(ValueError, match=r"or regions by ISO 3166, as in GB$"):
        values.prefixes([value])


def test_prefixes_and_regions_are_told_in_one_list() -> None:
    assert values.prefixes("+44, JM\n+1876 JM") == ("+44", "JM", "+1876")


def test_a_list_in_a_variable_is_not_a_number_in_groups() -> None:
    with pytest.raises(ValueError, match=r"^must be numbers"):
        values.caller_ids("+44 20 7946 0000")
    assert values.caller_ids("+442079460000, 1000\n") == ("+442079460000", "1000")


IN_TEMPLATES: Final = ["&", ",", "|", "(", ")", "$", '"', "'", "\\", " ", "<", ">", "`", "^"]


@pytest.mark.parametrize(
    "part", [*CONTROLS.values(), *FOREIGN.values(), *IN_TEMPLATES, "{", "}", "{}", "${EXTEN}", "{to}"]
)
def test_a_hostile_character_is_in_no_dial_string_of_a_trunk(part: str) -> None:
    for template in (f"{part}PJSIP/{{number}}@a", f"PJSIP/{part}{{number}}@a", f"PJSIP/{{number}}@a{part}"):
        with pytest.raises(ValueError, match=r"^must (be a dial string|hold)"):
            values.dial(template, dialplan=True)


# --- what can be dialled ----------------------------------------------------------------------------------------------

HARMLESS: Final = re.compile(r"[0-9A-Za-z+*#._-]+", re.ASCII)
NEARLY: Final = st.text(st.sampled_from("+0123456789*#._-aZ&/@,;$ \r\n\0\uff10\uff0b\u0660"), max_size=45)


@given(st.text(max_size=45) | NEARLY | st.from_regex(r"\+?[0-9]{1,16}"))
@example(NUMBER)
@example("1000")
@example("1000\n")
@example("*98#")
@example("front-desk.2")
def test_whatever_gets_through_dials_one_number_of_one_trunk(value: str) -> None:
    try:
        plans = [
            parse_call(body(call(to=value)), GENEROUS, NOW).plan.to,
            parse_call(body(second(to=value)), GENEROUS, NOW).plan.actions[0].to,  # type: ignore[union-attr]
        ]
    except ProblemFound:
        return
    assert plans == [value, value]
    assert HARMLESS.fullmatch(value)
    assert "+" not in value[1:]
    trunk = Trunk("a", "PJSIP/{number}@trunk/sip:{e164}@b")
    number = value.removeprefix("+")
    assert trunk.endpoint(value) == f"PJSIP/{number}@trunk/sip:{value}@b"
    # Either a list of destinations was asked, or no telephone number of the world is dialled.
    assert is_e164(value) or not is_e164(f"+{number}") or len(number) <= LONGEST_EXTENSION


@given(st.text(max_size=45) | NEARLY)
def test_whatever_a_list_in_a_variable_holds_its_items_are_harmless(text: str) -> None:
    for parse in (values.caller_ids, values.prefixes):
        try:
            items = parse(text)
        except ValueError:
            continue
        assert all(re.fullmatch(r"\+?[0-9]{1,15}|[A-Z]{2}", item, re.ASCII) for item in items)


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("1", True),
        ("1000", True),
        ("*98", True),
        ("#1", True),
        ("alice", True),
        ("front-desk.2", True),
        ("0004f2a1b2c3", True),  # the name of a telephone may have as many digits as it likes
        ("1" * LONGEST_EXTENSION, True),
        ("1" * (LONGEST_EXTENSION + 1), False),
        ("1-2-3-4-5-6-7-8-9-0", False),
        ("1.2.3.4.5.6.7.8.9*0", False),
        ("a" * 40, True),
        ("a" * 41, False),
        ("", False),
        ("-1", False),
        (".1", False),
        ("_1", False),
        ("+1000", False),
        ("1000\n", False),
    ],
)
def test_an_extension_is_a_word_that_no_network_takes_for_a_number(text: str, *, fine: bool) -> None:
    assert is_extension(text) is fine


@pytest.mark.parametrize("local", ["1[0-9]{3}", "1000|2000"])
@pytest.mark.parametrize("value", ["10001", "01000", "1000a", "a1000", "100", "2000\n", "1000 "])
def test_a_pattern_of_extensions_is_matched_whole(local: str, value: str) -> None:
    defaults = replace(DEFAULTS, local_numbers=re.compile(local))
    with pytest.raises(ProblemFound):
        parse_call(body(call(to=value)), defaults, NOW)
    assert parse_call(body(call(to="1000")), defaults, NOW).plan.to == "1000"
