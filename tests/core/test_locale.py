"""Language packs as data, and finding one by a BCP 47 tag."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.locale import Locales, is_tag, lookup, parse_locale, split_template

NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
ENGLISH: dict[str, Any] = {
    "tag": "en",
    "code": "Your code is: {code}",
    "code_with_brand": "Your {brand} code is: {code}",
    "again": "Once again:",
    "capital": "capital {letter}",
    "gate": "To hear your code, press {key}.",
    "gate_any": "To hear your code, press any key.",
    "gate_failure": "Goodbye.",
    "replay": "To hear it again, press {key}.",
    "choose": "For English, press {key}.",
    "star": "star",
    "pound": "pound",
    "digits": dict(
        zip("0123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True)
    ),
    "letters": {"z": "zed"},
    "voices": {"espeak": {"en": "en-us", "en-GB": "en-gb"}},
}


def pack(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(ENGLISH) | changes


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("pt-BR", "pt-BR"),
        ("PT-br", "pt-BR"),
        ("pt_BR", "pt-BR"),
        ("pt-PT", "pt"),
        ("pt-BR-x-carioca", "pt-BR"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-Hans-CN", None),
        ("zh-Hant-a-b", "zh-Hant"),  # single letters go together with what follows them
        ("sv", None),
        ("p", None),
        ("", None),
        ("-", None),
    ],
)
def test_lookup_drops_subtags_from_the_end_until_one_fits(tag: str, found: str | None) -> None:
    assert lookup(tag, ["pt", "pt-BR", "zh-Hant", "de"]) == found


@given(st.text(alphabet="ab1-_", max_size=20))
def test_lookup_answers_any_text_with_one_of_those_available(tag: str) -> None:
    assert lookup(tag, ["a", "ab-b1"]) in {None, "a", "ab-b1"}


def test_a_language_without_a_pack_gets_the_default() -> None:
    locales = Locales([parse_locale(pack(), "en.toml"), parse_locale(pack(tag="pt"), "pt.toml")], default="en-US")
    assert locales.tags == ("en", "pt")
    assert locales.lookup("pt-BR").tag == "pt"
    assert locales.lookup("sv-SE").tag == "en"
    assert locales.find("sv-SE") is None


def test_without_the_default_there_are_no_locales() -> None:
    with pytest.raises(ValueError, match="default language sv"):
        Locales([parse_locale(pack(), "en.toml")], default="sv")


@pytest.mark.parametrize(("character", "word"), [("0", "zero"), ("9", "nine"), ("a", "a"), ("z", "zed")])
def test_digits_and_letters_have_their_words(character: str, word: str) -> None:
    assert parse_locale(pack(), "en.toml").word(character) == word


@pytest.mark.parametrize(("character", "word"), [("A", "capital a"), ("Z", "capital zed")])
def test_a_capital_is_said_to_be_one(character: str, word: str) -> None:
    assert parse_locale(pack(), "en.toml").word(character) == word


@pytest.mark.parametrize(
    ("engine", "tag", "voice"),
    [
        ("espeak", "en-GB", "en-gb"),
        ("espeak", "en_gb", "en-gb"),
        ("espeak", "en-AU", "en-us"),
        ("espeak", "sv", "en-us"),  # stands in
        ("piper", "en", None),
    ],
)
def test_an_engine_has_its_voice_by_region(engine: str, tag: str, voice: str | None) -> None:
    assert parse_locale(pack(), "en.toml").voice(engine, tag) == voice


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"colour": "red"}, "colour is not known"),
        ({"tag": "english language"}, "tag must be a language tag"),
        ({"tag": None}, "tag must be a text in quotes"),
        ({"again": "  "}, "again must be a text in quotes"),
        ({"again": "Again, {code}"}, "again must hold no braces"),
        ({"code": "Your code"}, "code must hold {code}, each once"),
        ({"code": "{code} {code}"}, "code must hold {code}, each once"),
        ({"code": "{code} {brand}"}, "code must hold {code}, each once"),
        ({"code_with_brand": "{code}"}, "code_with_brand must hold {brand} and {code}"),
        ({"capital": "capital"}, "capital must hold {letter}"),
        ({"digits": "0123"}, "digits must be a table"),
        ({"digits": {}}, "digits must hold a word for 7"),
        ({"digits": ENGLISH["digits"] | {"7": 7}}, "digits must hold a word for 7"),
        ({"digits": ENGLISH["digits"] | {"10": "ten"}}, "digits.10 is not a digit"),
        ({"letters": {"A": "ay"}}, "letters.A must be one of a to z"),
        ({"letters": {"a": ""}}, "letters.a must be one of a to z"),
        ({"letters": {"aa": "ay"}}, "letters.aa must be one of a to z"),
        ({"voices": {}}, "voices must name a voice"),
        ({"voices": {"espeak": "en"}}, "voices.espeak must be lines"),
        ({"voices": {"espeak": {"e n": "en"}}}, "voices.espeak must be lines"),
        ({"voices": {"espeak": {"en": 1}}}, "voices.espeak must be lines"),
    ],
)
def test_what_is_wrong_with_a_pack_is_said(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=r"^en\.toml: ") as caught:
        parse_locale(pack(**change), "en.toml")
    assert complaint in str(caught.value)


def test_all_that_is_wrong_with_a_pack_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"en\.toml") as caught:
        parse_locale({}, "en.toml")
    assert len(str(caught.value).splitlines()) == 12 + 10 + 1


def test_letters_may_be_left_out() -> None:
    document = pack()
    del document["letters"]
    assert parse_locale(document, "en.toml").word("z") == "z"


@pytest.mark.parametrize(
    ("template", "brand", "parts"),
    [
        ("Your code is {code}", None, ("Your code is ", "")),
        ("{code} is your {brand} code", "Acme", ("", " is your Acme code")),
        ("{brand}: {code}. {brand}!", "Acme", ("Acme: ", ". Acme!")),
        ("{code}", "unused", ("", "")),
        ("For {brand}: {code}", "{code} {brand}", ("For {code} {brand}: ", "")),
        ("For {brand}: {code}", "", ("For : ", "")),
    ],
)
def test_a_template_is_split_at_the_code(template: str, brand: str | None, parts: tuple[str, str]) -> None:
    assert split_template(template, brand) == parts


@pytest.mark.parametrize(
    ("template", "brand", "rule"),
    [
        ("Your code", None, "exactly once"),
        ("", None, "exactly once"),
        ("{code} or {code}", None, "exactly once"),
        ("{code} {name}", "Acme", "no other braces"),
        ("{code} {}", "Acme", "no other braces"),
        ("{code} }", "Acme", "no other braces"),
        ("{{code}}", "Acme", "no other braces"),
        ("{code:d}", "Acme", "no other braces"),
        ("{code.__class__}", "Acme", "no other braces"),
        ("{brand} {code}", None, "needs a brand"),
    ],
)
def test_a_template_that_breaks_a_rule_is_refused_by_the_rule(template: str, brand: str | None, rule: str) -> None:
    with pytest.raises(ValueError, match=rule) as caught:
        split_template(template, brand)
    assert template == "" or template not in str(caught.value)


@pytest.mark.parametrize(
    ("tag", "fine"), [("en", True), ("zh-Hant-TW", True), ("e", False), ("en-", False), ("", False)]
)
def test_the_shape_of_a_tag(tag: str, fine: bool) -> None:
    assert is_tag(tag) is fine
