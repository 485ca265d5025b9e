"""How each packaged language comes out of its voice of espeak-ng: the right one, and told apart by ear."""

from __future__ import annotations

import subprocess
from functools import cache
from string import ascii_lowercase

import pytest

from otpvoice.adapters.speech.engines.espeak import Espeak
from tests.locales.packs import CHARACTERS, FILES, alone, bare, changes, in_full, ipa, pack, sentences, voice

CALLED = {"cmn": "zh", "yue": "zh"}
"""Voices whose language is written with another tag."""
SPELLED_IN_ENGLISH = frozenset({"af.toml", "ga.toml", "vi.toml", "zh-HK.toml"})
"""Some spelling words have no other form there."""


@cache
def listed() -> set[str]:
    """Return the names of espeak-ng's voices."""
    argv = ("espeak-ng", "--voices")
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10).stdout
    return {line.split()[1] for line in said.splitlines()[1:]}


@pytest.mark.parametrize("file", FILES)
def test_a_language_is_spoken_by_a_voice_of_its_own(file: str) -> None:
    locale = pack(file)
    names = {*locale.voices["espeak"].values(), voice(locale)}
    assert names <= listed()
    assert all(Espeak().voice_language(name) for name in names)
    for name in names:
        spoken = name.partition("-")[0]
        assert CALLED.get(spoken, spoken) == file.removesuffix(".toml").partition("-")[0]


@pytest.mark.parametrize("file", FILES)
def test_each_character_is_heard_and_sounds_like_no_other(file: str) -> None:
    heard = [bare(sound) for sound in alone(file)]
    assert len(heard) == len(CHARACTERS), "each in one part"
    by_sound: dict[str, str] = {}
    for one, sound in zip(CHARACTERS, heard, strict=True):
        assert sound
        assert by_sound.setdefault(sound, one) == one, f"{one} sounds like {by_sound[sound]}: {sound}"


@pytest.mark.parametrize("file", FILES)
def test_a_letter_that_is_spelled_sounds_as_it_does_alone(file: str) -> None:
    heard = bare("".join(in_full(file)))
    place = 0
    for letter, sound in zip(ascii_lowercase, map(bare, alone(file)[10:]), strict=True):
        found = heard.find(sound, place)
        assert 0 <= found - place < 60, (letter, sound, heard[place : place + 60])
        place = found + len(sound)


@pytest.mark.parametrize("file", FILES)
def test_nothing_but_letters_is_read_by_the_english_voice(file: str) -> None:
    if file in SPELLED_IN_ENGLISH:
        locale = pack(file)
        assert not changes(ipa(voice(locale), (*sentences(locale).values(), *locale.digits)))
    else:
        assert not changes(alone(file)[:10])
        assert changes(in_full(file)) == changes(alone(file))


@pytest.mark.parametrize(("name", "text"), [("ja", "電話"), ("ru", "Acme")])
def test_a_voice_that_changes_to_english_is_noticed(name: str, text: str) -> None:
    assert changes(ipa(name, (text,))) > 0


@pytest.mark.parametrize(
    ("name", "one", "other"), [("ja", "キュー", "きゅう"), ("cmn", "e", "一"), ("ko", "이", "2"), ("es", "i", "y")]
)
def test_what_sounds_the_same_is_noticed(name: str, one: str, other: str) -> None:
    first, second = ipa(name, (one, other))
    assert bare(first) == bare(second)
