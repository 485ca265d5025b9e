"""The words that letters are spelled with: they are to tell letters apart, so none may stand for two."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from string import ascii_lowercase

import pytest

from tests.locales.alphabets import BLOCKS
from tests.locales.packs import FILES, pack

_CYRILLIC = frozenset({"bg", "kk", "mk", "ru", "sr", "uk"})
LATIN = [
    file
    for file in FILES
    # Cantonese is spelled with English words.
    if file == "zh-HK.toml" or file.removesuffix(".toml").partition("-")[0] not in _CYRILLIC | BLOCKS.keys()
]
OTHERS = [file for file in FILES if file not in LATIN]
FIRST_SOUND_ALIKE = {
    ("ar.toml", "ix"): "two signs for one sound: in, ik",
    ("el.toml", "uy"): "two signs for one sound: yu, ya",
    ("fa.toml", "ix"): "two signs for one sound: in, ik",
    ("ur.toml", "ex"): "two signs for one sound: ef, ek",
}
"""File and letters whose words begin with the same two signs, and why they are told apart all the same."""


def plain(word: str) -> str:
    """Return a word without the marks over its letters: É is an E."""
    return "".join(one for one in unicodedata.normalize("NFD", word.casefold()) if not unicodedata.combining(one))


@pytest.mark.parametrize("file", LATIN)
def test_a_word_in_latin_letters_begins_with_the_letter_that_it_stands_for(file: str) -> None:
    # None is excepted: where a language has no such word, there is a name, a country, or the word of ICAO's alphabet.
    spelling = pack(file).spelling
    assert {letter: word for letter, word in spelling.items() if not plain(word).startswith(letter)} == {}


@pytest.mark.parametrize("file", OTHERS)
def test_words_in_another_script_do_not_begin_alike(file: str) -> None:
    first: dict[str, list[str]] = defaultdict(list)
    spelling = pack(file).spelling
    for letter in ascii_lowercase:
        first[spelling[letter][:2].casefold()].append(letter)
    alike = {"".join(letters) for letters in first.values() if len(letters) > 1}
    assert alike == {letters for one, letters in FIRST_SOUND_ALIKE if one == file}


@pytest.mark.parametrize("file", ["zh.toml", "zh-TW.toml"])
def test_chinese_words_do_not_begin_with_one_syllable(file: str) -> None:
    # 维克多 and 威士忌, 埃科 and 爱克斯 are written differently, and begin with the same syllable but for its tone.
    spelling = pack(file).spelling
    assert spelling["v"][0] in "维維"
    assert spelling["w"][0] == "沃"
    assert spelling["e"][0] == "厄"
    assert spelling["x"][0] in "爱愛"
