"""Who speaks for a voice that is somebody else's, of which a language and a sex are known."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.engines.flite import Flite
from otpvoice.adapters.speech.ladder import Ladder
from otpvoice.core.locale import Locales
from tests.adapters.speech_stands import Stand

LOCALES = load_locales()
WOMAN, MAN, ANY = True, False, None
# They are asked what they declare, and not to speak.
VOICES = (
    Espeak(sys.executable),
    Flite(sys.executable),
    Stand("piper", ("de", "en", "jv"), named={"de_DE-anna": "de-DE"}),
    Stand("recorded", ("fr",)),
    Stand("gtts", ("de", "tlh"), absent="it is off"),
)
BY_NAME = {voice.name: voice for voice in VOICES}


@pytest.mark.parametrize(
    ("configured", "language", "female", "ours"),
    [
        # espeak, in the pack's voice of that language.
        ("espeak", "en-US", WOMAN, "espeak:en-us+f2"),
        ("espeak", "en-IE", MAN, "espeak:en-gb"),
        ("espeak", "pt-BR", WOMAN, "espeak:pt-br+f2"),
        ("espeak", "es-MX", ANY, "espeak:es-419"),
        ("espeak", "cmn-TW", WOMAN, "espeak:cmn+f2"),
        ("espeak", "yue-HK", WOMAN, "espeak:yue+f2"),
        # It speaks Hebrew, for which there is no pack.
        ("espeak", "he-IL", WOMAN, "espeak:he+f2"),
        # The configured voice, where it is of that language; else what its engine has.
        ("espeak:en-us+f3", "en-GB", MAN, "espeak:en-us+f3"),
        ("espeak:en-us+f3", "de", WOMAN, "espeak:de+f2"),
        ("piper:de_DE-anna", "de-AT", MAN, "piper:de_DE-anna"),
        ("piper:de_DE-anna", "en-US", WOMAN, "piper"),
        ("recorded", "fr-FR", WOMAN, "recorded"),
        ("flite", "en-US", WOMAN, "flite:slt"),
        ("flite", "en-US", MAN, "flite:rms"),
        ("flite", "en-US", ANY, "flite:slt"),
        ("flite", "en-GB", MAN, "flite:awb"),
        ("flite", "en-GB", WOMAN, "flite:slt"),
        ("flite:kal", "en-US", WOMAN, "flite:kal"),
        # Its engine does not speak it, or is not there.
        ("piper", "fr-FR", WOMAN, "espeak:fr-fr+f2"),
        ("flite", "de-DE", MAN, "espeak:de"),
        ("gtts", "de-DE", WOMAN, "espeak:de+f2"),
        # Not espeak either: whoever does.
        ("espeak", "jv-ID", WOMAN, "piper"),
        ("espeak", "tlh", WOMAN, None),
    ],
)
def test_who_speaks_for_somebody_else(configured: str, language: str, female: bool | None, ours: str | None) -> None:
    ladder = Ladder(BY_NAME, LOCALES, configured)
    assert ladder.stand_in(language, female) == ours
    if ours is not None:
        ladder.check(language, ours)


def test_the_packs_of_the_administrator_name_the_voice() -> None:
    german = LOCALES.lookup("de")
    own = Locales((LOCALES.default, replace(german, voices={"espeak": {"de": "de+m3"}, "flite": {}})))
    assert Ladder(BY_NAME, own, "espeak").stand_in("de-DE", WOMAN) == "espeak:de+m3", "a variant is a choice"
    own = Locales((LOCALES.default, replace(german, voices={"espeak": {"de": "nl"}})))
    assert Ladder(BY_NAME, own, "espeak").stand_in("de-DE", WOMAN) == "espeak:nl+f2"
