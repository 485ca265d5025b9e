"""Language packs as data, and finding one by a BCP 47 tag."""

from __future__ import annotations

from dataclasses import replace
from string import ascii_letters, digits

import pytest

from otpvoice.core.locale import Locales, parse_locale, split_template
from tests.core.packs import ENGLISH, pack, pack_of


def test_a_language_without_a_pack_gets_the_default() -> None:
    locales = Locales([parse_locale(pack(), "en.toml"), parse_locale(pack_of("pt"), "pt.toml")], default="en-US")
    assert locales.tags == ("en", "pt")
    assert locales.lookup("pt-BR").tag == "pt"
    assert locales.lookup("sv-SE").tag == "en"
    assert locales.find("sv-SE") is None


@pytest.mark.parametrize(
    ("asked", "found"), [("no-NO", "nb"), ("iw", "he"), ("zh-TW", "zh"), ("cmn-CN", "zh"), ("nn", "nb"), ("yue", None)]
)
def test_a_pack_is_found_by_what_the_tag_means(asked: str, found: str | None) -> None:
    locales = Locales([parse_locale(pack_of(tag)) for tag in ("en", "nb", "he", "zh")])
    pack_ = locales.find(asked)
    assert (pack_.tag if pack_ else None) == found


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
    ("character", "said"),
    [
        ("b", "b as in bravo"),
        ("z", "zed as in zulu"),
        ("B", "capital b as in bravo"),
        ("Z", "capital zed as in zulu"),
        ("7", "seven"),
    ],
)
def test_a_letter_is_spelled_a_capital_named_first_and_a_digit_has_its_word(character: str, said: str) -> None:
    assert parse_locale(pack(), "en.toml").spelled(character) == said


def test_where_a_capital_is_named_behind_its_letter_it_still_comes_before_the_spelling_word() -> None:
    french = parse_locale(pack(capital="{letter} majuscule", spelled="{letter} comme {word}"), "en.toml")
    assert french.spelled("B") == "b majuscule comme bravo"


def test_a_letter_without_a_spelling_word_is_said_as_it_is() -> None:
    bare = replace(parse_locale(pack(), "en.toml"), spelling={})
    assert [bare.spelled(one) for one in "zZ3"] == ["zed", "capital zed", "three"]


def test_no_two_characters_are_said_the_same() -> None:
    locale = parse_locale(pack(), "en.toml")
    for say in (locale.word, locale.spelled):
        assert len({say(one) for one in digits + ascii_letters}) == 10 + 2 * 26


def test_a_pack_is_what_its_file_says() -> None:
    locale = parse_locale(pack(reviewed_by=["Ada"], group=2), "en.toml")
    assert (locale.name, locale.english, locale.reviewed_by, locale.group) == ("English", "English", ("Ada",), 2)
    assert (locale.closing, locale.as_in) == (ENGLISH["closing"], ENGLISH["spelled"])
    assert parse_locale(pack(), "en.toml").reviewed_by == (), "nobody has, where the file does not say"


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
