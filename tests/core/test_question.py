"""What is said around a code that asks for keys: which sentence, of which language, in which voice."""

from __future__ import annotations

from typing import Any

import pytest

from otpvoice.core.actions import ANY_KEY, LanguageKey, SayCode
from otpvoice.core.question import (
    BETWEEN_SENTENCES,
    Manner,
    failure_script,
    gate_script,
    menu_script,
    offer_script,
)
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import Script, Silence, Words
from tests.core.stories import LOCALES

ENGLISH = Manner("en-US", None, LOCALES)
BETWEEN = Silence(BETWEEN_SENTENCES)


def say(**options: Any) -> SayCode:
    return SayCode(OtpCode("482"), **options)


def said(script: Script) -> list[tuple[str, str]]:
    """The sentences with their languages."""
    return [(piece.text, piece.language) for piece in script if isinstance(piece, Words)]


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("1", "Press one for your code."),
        ("0", "Press zero for your code."),
        ("*", "Press star for your code."),
        ("#", "Press pound for your code."),
        (ANY_KEY, "Press a key for your code."),
    ],
)
def test_a_gate_asks_for_its_key_by_name(key: str, sentence: str) -> None:
    assert gate_script(say(), key, ENGLISH) == (Words(sentence, "en-US", None, 0.9, packaged=True),)


def test_each_language_is_offered_in_its_own_words_and_none_twice() -> None:
    languages = (LanguageKey("5", "de-AT"), LanguageKey("#", "en-GB"))
    menu = menu_script(say(languages=languages), ENGLISH)
    assert said(menu) == [("Für Deutsch: fünf.", "de-AT"), ("For English, press pound.", "en-GB")]
    assert [piece for piece in menu if not isinstance(piece, Words)] == [BETWEEN]


def test_a_gate_offers_the_languages_behind_its_own_question() -> None:
    script = gate_script(say(languages=(LanguageKey("5", "de"),)), "1", ENGLISH)
    assert said(script) == [("Press one for your code.", "en-US"), ("Für Deutsch: fünf.", "de")]
    assert script[1] == BETWEEN


def test_a_language_without_a_pack_can_not_be_offered() -> None:
    languages = (LanguageKey("6", "sv"), LanguageKey("5", "de"), LanguageKey("7", "fi"))
    assert said(menu_script(say(languages=languages), ENGLISH)) == [("Für Deutsch: fünf.", "de")]
    assert menu_script(say(languages=languages[:1]), ENGLISH) == ()
    assert len(gate_script(say(languages=languages[:1]), "1", ENGLISH)) == 1, "and no silence is left of it"


def test_without_languages_there_is_no_menu() -> None:
    assert menu_script(say(), ENGLISH) == ()


@pytest.mark.parametrize(
    ("of_the_call", "of_the_action", "gate", "failure"),
    [
        ("en", None, ("Press one for your code.", "en"), ("Goodbye.", "en")),
        ("de-AT", None, ("Für Ihren Code: eins.", "de-AT"), ("Auf Wiederhören.", "de-AT")),
        ("en", "de", ("Für Ihren Code: eins.", "de"), ("Auf Wiederhören.", "de")),
        ("sv-SE", None, ("Press one for your code.", "en"), ("Goodbye.", "en")),  # spoken as what it is
        ("de", "sv", ("Press one for your code.", "en"), ("Goodbye.", "en")),
    ],
)
def test_the_language_of_a_question(
    of_the_call: str, of_the_action: str | None, gate: tuple[str, str], failure: tuple[str, str]
) -> None:
    manner = Manner(of_the_call, None, LOCALES)
    assert said(gate_script(say(language=of_the_action), "1", manner)) == [gate]
    assert said(failure_script(say(language=of_the_action), manner)) == [failure]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ("Press two to hear it again.", "en")),
        ("de", ("Noch einmal: zwei.", "de")),
        ("sv", ("Press two to hear it again.", "en")),
    ],
)
def test_the_offer_is_in_the_language_that_was_chosen(language: str, expected: tuple[str, str]) -> None:
    assert said(offer_script(say(), "2", language, ENGLISH)) == [expected]


@pytest.mark.parametrize(("own", "spoken_by"), [(None, "espeak"), ("espeak:f2", "espeak:f2")])
def test_questions_have_the_voice_and_the_speed_of_the_code(own: str | None, spoken_by: str) -> None:
    manner = Manner("en", "espeak", LOCALES)
    action = say(voice=own, speed=0.7, languages=(LanguageKey("5", "de"),))
    scripts = (
        gate_script(action, "1", manner),
        menu_script(action, manner),
        failure_script(action, manner),
        offer_script(action, "1", "de", manner),
    )
    words = [piece for script in scripts for piece in script if isinstance(piece, Words)]
    assert {(piece.voice, piece.speed, piece.packaged) for piece in words} == {(spoken_by, 0.7, True)}
    assert len(words) == 5
