"""Who says it, and who else: rows of what is asked for, what is configured, and the candidates that come of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from otpvoice.adapters.speech.ladder import Ladder, Rung
from otpvoice.core.locale import Locales
from tests.adapters.speech_stands import Stand, small_packs

LOCALES = small_packs()

ENGINES = (
    Stand("espeak", ("en", "de", "fr", "sv", "pl")),
    Stand("flite", ("en",), named={"slt": "en-US", "kal": "en-US"}),
    Stand("piper", (), named={"de_DE-anna": "de-DE", "en_GB-alan": "en-GB", "zz": "zz"}),
    Stand("gtts", ("en", "de", "fr"), secrets=False, speeds=None),
    Stand("recorded", (), absent="OTPVOICE_RECORDINGS_DIR is not set"),
)
BY_NAME = {stand.name: stand for stand in ENGINES}


def ladder(default: str = "espeak", *fallbacks: str, locales: Locales = LOCALES) -> Ladder:
    return Ladder(BY_NAME, locales, default, fallbacks)


def seen(rungs: Sequence[Rung]) -> list[tuple[str, str | None, str, str | None]]:
    return [(rung.engine, rung.voice, rung.language, rung.stands_in) for rung in rungs]


@pytest.mark.parametrize(
    ("default", "fallbacks", "language", "asked", "expected"),
    [
        # One voice, and the language's own name of it.
        ("espeak", (), "de", None, [("espeak", "de", "de", None)]),
        # A region that has a voice of the same name shares its sound.
        ("espeak", (), "de-AT", None, [("espeak", "de", "de", None)]),
        # No pack, but the engine speaks it.
        ("espeak", (), "sv", None, [("espeak", None, "sv", None)]),
        # The configured one, then those that stand in, each once.
        (
            "flite",
            ("espeak", "flite", "espeak:en"),
            "en-US",
            None,
            [("flite", None, "en-US", None), ("espeak", "en-us", "en", "espeak"), ("espeak", "en", "en", "espeak:en")],
        ),
        # A voice says languages that it has: a language that the configured one does not speak is somebody else's.
        ("flite", ("espeak",), "de", None, [("espeak", "de", "de", "espeak")]),
        # Who asks for a voice gets it, and behind it what is configured.
        (
            "espeak",
            ("flite",),
            "en-US",
            "piper:en_GB-alan",
            [
                ("piper", "en_GB-alan", "en-GB", None),
                ("espeak", "en-us", "en", "espeak"),
                ("flite", None, "en-US", "flite"),
            ],
        ),
        # What is asked for and what is configured may be the same.
        ("espeak", ("flite",), "en-US", "flite", [("flite", None, "en-US", None), ("espeak", "en-us", "en", "espeak")]),
        ("espeak", (), "de", "espeak", [("espeak", "de", "de", None)]),
        # The configured voice is for its own language only; in others its engine is as configured.
        ("espeak:de", (), "fr", None, [("espeak", "fr", "fr", None)]),
        ("espeak:de", (), "de-AT", None, [("espeak", "de", "de", None)]),
        # A voice that was asked for by its name and is of another language: its engine stands in for it.
        ("espeak", (), "de", "espeak:fr", [("espeak", "de", "de", "espeak")]),
        # An engine that has voices by name only, and none of this language.
        ("espeak", (), "fr", "piper:de_DE-anna", [("espeak", "fr", "fr", "espeak")]),
        ("piper:de_DE-anna", ("espeak",), "fr", None, [("espeak", "fr", "fr", "espeak")]),
        ("piper:de_DE-anna", ("espeak",), "de", None, [
            ("piper", "de_DE-anna", "de-DE", None), ("espeak", "de", "de", "espeak"),
        ]),
        # One that is not there has no languages, one that is not known no name.
        ("recorded", ("espeak",), "de", None, [("espeak", "de", "de", "espeak")]),
        ("espeak", (), "de", "gone:x", [("espeak", "de", "de", "espeak")]),
        ("espeak", (), "de", "espeak:xx", [("espeak", "de", "de", "espeak")]),
        ("espeak", ("gone",), "de", None, [("espeak", "de", "de", None)]),
        # Nobody speaks it: better in the wrong voice than not at all.
        ("espeak", ("flite",), "xx", None, [("espeak", "en-us", "en", None), ("flite", None, "en", "flite")]),
        ("flite", (), "de", None, [("flite", None, "en", None)]),
        ("piper", ("espeak",), "xx", "flite:slt", [
            ("flite", "slt", "en-US", None), ("espeak", "en-us", "en", "espeak"),
        ]),
    ],
)  # fmt: skip
def test_the_candidates_in_their_order(
    default: str, fallbacks: tuple[str, ...], language: str, asked: str | None, expected: list[object]
) -> None:
    assert seen(ladder(default, *fallbacks).rungs(language, asked)) == expected


def test_the_words_for_digits_are_those_of_the_language_that_is_spoken() -> None:
    rungs = ladder("espeak", "gtts").rungs("de-AT", None)
    assert [rung.locale.word("2") if rung.locale else None for rung in rungs] == ["zwei", "zwei"]
    assert [rung.locale for rung in ladder().rungs("xx-XX", None)] == [LOCALES.default]


def test_a_language_without_a_pack_has_no_words_for_digits() -> None:
    only_english = Locales([LOCALES.default])
    (rung,) = ladder(locales=only_english).rungs("sv", None)
    assert (rung.voice, rung.language, rung.locale) == (None, "sv", None)


def test_an_engine_s_own_voice_stands_in_for_nobody() -> None:
    assert ladder().own("gtts", "de") == Rung("gtts", None, "de", None)
    assert ladder().own("gtts", "pl") is None


@pytest.mark.parametrize(
    ("language", "asked", "complaint"),
    [
        ("en", "gone", "there is no voice of this name; there are espeak, flite, gtts, piper, recorded"),
        ("en", "espeak:xx", "espeak has no voice of this name"),
        ("en", "espeak:-w", "espeak has no voice of this name"),
        ("en", "recorded", "recorded is not there: OTPVOICE_RECORDINGS_DIR is not set"),
        ("de", "flite", "flite does not speak this language"),
        ("fr", "piper:de_DE-anna", "piper does not speak this language"),
        ("xx", None, "no voice speaks this language"),
    ],
)
def test_what_can_t_be_had_is_refused_at_the_door(language: str, asked: str | None, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ladder("flite", "espeak").check(language, asked)


@pytest.mark.parametrize(
    ("language", "asked"), [("sv-SE", None), ("de", None), ("de", "espeak:fr"), ("de", "piper:de_DE-anna")]
)
def test_what_somebody_can_say_is_not_refused(language: str, asked: str | None) -> None:
    ladder("flite", "espeak").check(language, asked)


@pytest.mark.parametrize("default", ["gone", "espeak:xx", ""])
def test_a_default_that_is_not_there_is_refused_at_the_start(default: str) -> None:
    with pytest.raises(ValueError, match="no voice of this name"):
        ladder(default)


def test_a_fallback_that_its_engine_does_not_have_is_refused_and_one_of_no_engine_is_left_out() -> None:
    with pytest.raises(ValueError, match="espeak has no voice of this name"):
        ladder("espeak", "espeak:xx")
    ladder("espeak", "gone:xx", "recorded:de")
