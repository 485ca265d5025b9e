"""The texts that are known beforehand: what calls say that no request wrote, and under which name."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.phrases import KEYS, phrases, slug_of
from otpvoice.core.actions import ANY_KEY, LanguageKey, SayCode
from otpvoice.core.locale import Locales
from otpvoice.core.question import Manner, failure_script, gate_script, offer_script
from otpvoice.core.reading import closing_script, code_script, replay_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Script, Words

LOCALES = load_locales()
ENGLISH = phrases(LOCALES.lookup("en"), LOCALES)
CODE = OtpCode("A1b2zZ9")


def scripts(tag: str, brand: str | None, spelling: bool) -> tuple[Script, ...]:
    """All that calls without a text of their own can say."""
    say = SayCode(CODE, brand=brand, spelling=spelling, languages=(LanguageKey("7", tag),), times=3)
    manner = Manner(tag, None, LOCALES)
    return (
        code_script(say, tag, None, LOCALES),
        replay_script(say, 1, tag, None, LOCALES),
        closing_script(say, tag, None, LOCALES),
        *(gate_script(say, key, manner) for key in (*KEYS, ANY_KEY)),
        *(offer_script(say, key, tag, manner) for key in KEYS),
        failure_script(say, manner),
    )


@pytest.mark.parametrize("spelling", [False, True])
@pytest.mark.parametrize("tag", LOCALES.tags)
def test_all_that_a_call_says_has_a_name(tag: str, spelling: bool) -> None:
    locale = LOCALES.lookup(tag)
    pack = phrases(locale, LOCALES)
    for brand in (None, "Acme Inc."):
        for item in chain(*scripts(tag, brand, spelling)):
            if isinstance(item, Words):
                assert pack.name(item.text) is not None, item
            elif isinstance(item, CodeCharacter):
                word = locale.spelled(item.character) if item.spelled else locale.word(item.character)
                assert pack.name(word) is not None, word


NAMES: list[tuple[str, str | None]] = [
    (LOCALES.lookup("en").word("7"), "7"),
    (LOCALES.lookup("en").word("b"), "b"),
    (LOCALES.lookup("en").word("B"), "capital-b"),
    (LOCALES.lookup("en").spelled("b"), "spelled-b"),
    (LOCALES.lookup("en").spelled("B"), "spelled-capital-b"),
    ("Your code is:", "code"),
    ("Your Acme code is:", "code-acme"),
    ("Your Acme & Söhne, Inc. code is:", "code-acme-söhne-inc"),
    ("Your ../../etc code is:", "code-etc"),
    ("Your !!! code is:", None),
    ("Your  code is:", None),
    ("Your code is: 482913", None),
    ("Once again:", "again"),
    ("To hear your code, press star.", "gate-star"),
    ("To hear your code, press any key.", "gate-any"),
    ("For English, press two.", "choose-2"),
    ("To hear the code again, press pound.", "replay-pound"),
    ("four eight", None),
    ("Hello.", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_a_text_has_a_name(text: str, name: str | None) -> None:
    assert ENGLISH.name(text) == name


def test_of_two_names_the_plainer_one_stands() -> None:
    """A pack that tells no capitals, and spells nothing, has all its letters recorded once."""
    plain = Locales([replace(LOCALES.lookup("en"), capital="{letter}", spelling={})])
    pack = phrases(plain.default, plain)
    assert [pack.name(plain.default.spelled(letter)) for letter in "bB"] == ["b", "b"]


@pytest.mark.parametrize(
    ("brand", "slug"),
    [
        ("Acme", "acme"),
        ("ACME  Bank", "acme-bank"),
        ("Café & Co.", "café-co"),
        ("Cafe\u0301 & Co.", "café-co"),
        ("Straße", "strasse"),
        ("Яндекс", "яндекс"),
        ("हिन्दी बैंक", "हिन्दी-बैंक"),
        ("三菱", "三菱"),
        ("../../etc/passwd", "etc-passwd"),
        ("a\0b/c\\d.wav", "a-b-c-d-wav"),
        ("7-Eleven", "7-eleven"),
        ("…", ""),
        ("", ""),
        ("x" * 500, "x" * 64),
        ("x" * 63 + " y", "x" * 63),
    ],
)
def test_a_brand_is_a_part_of_a_files_name(brand: str, slug: str) -> None:
    assert slug_of(brand) == slug
    assert slug_of(slug) == slug


def test_brands_that_are_known_are_listed() -> None:
    pack = phrases(LOCALES.lookup("en"), LOCALES, ["Acme", "…"])
    assert pack.sentences["code-acme"] == "Your Acme code is:"
    assert pack.name("Your Acme code is:") == "code-acme"
    assert len(pack.sentences) == len(ENGLISH.sentences) + 1


@pytest.mark.parametrize("tag", LOCALES.tags)
def test_alphabets_are_whole_and_in_their_order(tag: str) -> None:
    digits, letters, *others = phrases(LOCALES.lookup(tag), LOCALES).alphabets
    assert list(digits) == list("0123456789")
    assert list(letters) == list("abcdefghijklmnopqrstuvwxyz")
    assert [len(alphabet) for alphabet in others] == [26] * 3
    assert all(text for alphabet in (digits, letters, *others) for text in alphabet.values())
