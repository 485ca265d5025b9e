"""The list of voices: each of them can really be asked for, and speaks what the list says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.engines.flite import Flite
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.ladder import Ladder
from otpvoice.core.actions import Say
from otpvoice.core.language_tags import is_tag
from otpvoice.dialects.callflow import parse_callflow
from otpvoice.dialects.hosted_voices import engine_voice
from otpvoice.dialects.locale_names import LANGUAGES, REGIONS, locale_name
from otpvoice.dialects.offers import CallDefaults, SpeechProfile
from otpvoice.dialects.speech_profiles import CODES, language_of, profiles, shown
from tests.dialects.callflow.account import DEFAULTS, NOW

OWN: Final = [("espeak:de", "de"), ("espeak:en-gb-x-rp", "en-GB-x-rp"), ("flite:slt", "en-US")]


class EspeakThatIsThere(Espeak):
    """Nobody is asked to speak here: whether its program is installed does not matter."""

    def missing(self) -> None:
        """Nothing is."""


class FliteThatIsThere(Flite):
    """The same."""

    def missing(self) -> None:
        """Nothing is."""


def anybody(_: str, __: bool | None) -> str:
    return "espeak"


def house() -> CallDefaults:
    """Return what an account is offered where espeak and flite are there, as the service puts it together."""
    engines: tuple[Voice, ...] = (EspeakThatIsThere(), FliteThatIsThere())
    voices: Mapping[str, Voice] = {one.name: one for one in engines}
    ladder = Ladder(voices, load_locales(), "espeak")
    own = [(f"{one.name}:{name}", tag) for one in engines for name, tag in one.voices().items()]
    listed = profiles(ladder.stand_in, own)
    return replace(DEFAULTS, check_voice=ladder.check, stand_in=ladder.stand_in, profiles=lambda: listed)


def test_each_voice_that_is_listed_is_taken_and_speaks_its_language() -> None:
    defaults = house()
    listed = defaults.profiles()
    assert len(listed) > 400
    for profile in listed:
        said = {"text": "Hello.", "voiceProfile": profile.code}
        call = {"action": "makeCall", "params": {"source": "6512341234", "destination": "6512345678"}}
        body = json.dumps({"callflow": [call, {"action": "say", "params": said}]}).encode()
        (action,) = parse_callflow(body, defaults, {}, NOW).plan.actions
        assert isinstance(action, Say)
        assert action.language == profile.language, profile


def test_voices_of_ours_and_of_others_are_in_one_list_by_language() -> None:
    listed = profiles(anybody, OWN)
    assert {code for code, _ in OWN} < {one.code for one in listed}
    assert [one.language.lower() for one in listed] == sorted(one.language.lower() for one in listed)
    assert len({one.code for one in listed}) == len(listed)
    german = [one for one in listed if one.code == "espeak:de"]
    assert german == [SpeechProfile("espeak:de", "de")]


def test_what_nobody_speaks_is_not_listed() -> None:
    assert profiles(lambda language, _: "x" if language == "da-DK" else None) == [
        SpeechProfile("da-DK-ChristelNeural", "da-DK", True),
        SpeechProfile("da-DK-JeppeNeural", "da-DK", False),
        SpeechProfile("da-DK-Mads", "da-DK", False),
        SpeechProfile("da-DK-Naja", "da-DK", True),
        SpeechProfile("da-DK-Sofie", "da-DK", True),
        SpeechProfile("da-DK-Standard-A", "da-DK", True),
        SpeechProfile("da-DK-Standard-C", "da-DK", False),
        SpeechProfile("da-DK-Standard-D", "da-DK", True),
        SpeechProfile("da-DK-Standard-E", "da-DK", True),
        SpeechProfile("da-DK-Standard-F", "da-DK", False),
    ]
    assert profiles(lambda *_: None) == []


def test_a_language_is_asked_for_once_for_each_sex() -> None:
    asked: list[tuple[str, bool | None]] = []
    profiles(lambda *kind: asked.append(kind))
    assert len(asked) == len(set(asked)) > 100


@pytest.mark.parametrize("code", ["en-US-Standard-A", "da-DK-Naja", "en-US-ZiraRUS", "en-IE-EmilyNeural", "en-GB-Emma"])
def test_voices_of_their_pages_are_listed(code: str) -> None:
    assert code in CODES


def test_of_each_hosted_voice_the_language_and_the_sex_are_known() -> None:
    for code in CODES:
        voice = engine_voice(code)
        assert voice is not None
        assert voice.language is not None
        assert voice.female is not None
        assert voice.language.split("-")[0].lower() in LANGUAGES
        assert locale_name(voice.language) != voice.language or voice.language == "ar"


def test_a_woman_and_a_man_of_a_language_are_known_by_their_names() -> None:
    listed = [one for one in profiles(anybody) if one.code.endswith("Neural")]
    by_language: dict[str, set[bool | None]] = {}
    for one in listed:
        by_language.setdefault(one.language, set()).add(one.female)
    assert len(by_language) > 90
    assert all(kinds == {True, False} for kinds in by_language.values())


@pytest.mark.parametrize(
    ("code", "language"), [("espeak:de", "de"), ("da-DK-Naja", "da-DK"), ("espeak:xx", None), ("espeak", None)]
)
def test_a_profile_has_a_language(code: str, language: str | None) -> None:
    assert language_of(code, profiles(anybody, OWN)) == language


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (SpeechProfile("a", "de-AT", True), {"localeDescription": "German (Austria)", "gender": "F"}),
        (SpeechProfile("a", "en-GB-x-rp", False), {"localeDescription": "English (United Kingdom)", "gender": "M"}),
        (SpeechProfile("a", "tlh", None), {"localeDescription": "tlh"}),
    ],
)
def test_a_profile_is_shown_as_theirs_are(profile: SpeechProfile, said: dict[str, str]) -> None:
    assert shown(profile) == {"speechProfileCode": "a", "localeCode": profile.language} | said


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("da", "Danish"),
        ("pt_BR", "Portuguese (Brazil)"),
        ("zh-hans-cn", "Chinese (China)"),
        ("es-419", "Spanish (Latin America)"),
        ("EN-us", "English (United States)"),
        ("xx-DE", "xx-DE"),
        ("no tag", "no tag"),
    ],
)
def test_a_language_has_a_name(tag: str, name: str) -> None:
    assert locale_name(tag) == name


def test_the_names_are_of_tags() -> None:
    assert all(is_tag(code) and re.fullmatch("[a-z]{2,3}", code) for code in LANGUAGES)
    assert all(re.fullmatch("[A-Z]{2}|[0-9]{3}", code) for code in REGIONS)
    names = [*LANGUAGES.values(), *REGIONS.values()]
    assert all(name and name == name.strip() for name in names)
