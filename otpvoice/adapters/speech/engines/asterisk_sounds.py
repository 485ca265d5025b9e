"""Asterisk's own prompts as a voice: which of its core sounds says what a language pack says.

A digit and a letter have their file in every language. What else there is, and that it says the same as the pack does,
is written down in ``asterisk_sounds.toml``; of sentences that is little more than "goodbye". The files are those that
Asterisk plays, in its own folder, in a format that needs no codec of its own: GSM and G.722 are not read.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from string import ascii_lowercase, digits
from typing import Any, Final

from otpvoice.adapters.speech.engines.recording_file import FORMATS, find
from otpvoice.adapters.speech.engines.recordings import Way
from otpvoice.core.locale import Locale

LICENCE: Final = "CC-BY-SA-3.0 AND CC-BY-3.0"
"""Of Asterisk's core sounds; the Russian ones have the second."""

# en, en_US, and as Debian's packages name who speaks: en_US_f_Allison.
_FOLDER: Final = re.compile(r"([a-z]{2,3})(?:[_-]([A-Z]{2}|[0-9]{3}))?(?:_[mf]_[A-Za-z0-9]+)?")


class AsteriskSounds:
    """The prompts of one language."""

    def __init__(self, folder: Path, language: str) -> None:
        self.folder: Final = folder
        said: Mapping[str, Any] = _said().get(language, {})
        self._letters: Final[bool] = said.get("letters", True)
        self._capital: Final[str] = said.get("capital", "")
        self._spelling: Final = [_heard(word) for word in said.get("spelling", "").split()]
        self._sentences: Final = {_heard(text): stem for stem, text in said.get("sentences", {}).items()}

    def ways(self, name: str, text: str, locale: Locale) -> Iterator[Way]:
        """Yield the files to say a text by, which is ``name`` in its pack."""
        *manner, character = name.split("-")
        if len(character) != 1 or not set(manner) <= {"capital", "spelled"}:
            if (sentence := self._sentences.get(_heard(text))) is not None:
                yield (sentence,)
            return
        way = self._spelled(character, locale) if "spelled" in manner else self._plain(character)
        if way and "capital" in manner:
            way = _beside(self._capital, way, locale)
        if way:
            yield way

    def stems(self) -> Iterator[str]:
        """Yield all files that there may be a way by."""
        yield from (f"digits/{digit}" for digit in digits)
        for letter in ascii_lowercase:
            yield from (f"letters/{letter}", f"phonetic/{letter}_p")
        yield from self._sentences.values()
        if self._capital:
            yield self._capital

    def _plain(self, character: str) -> Way:
        if character.isdecimal():
            return (f"digits/{character}",)
        return (f"letters/{character}",) if self._letters else ()

    def _spelled(self, letter: str, locale: Locale) -> Way:
        words = [_heard(locale.spelling.get(one, "")) for one in ascii_lowercase]
        return (*self._plain(letter), f"phonetic/{letter}_p") if words == self._spelling else ()


def _beside(capital: str, way: Way, locale: Locale) -> Way:
    """Return a way with what tells a capital, before it or behind it as in the pack; none without."""
    if not capital:
        return ()
    return (*way, capital) if locale.capital.startswith("{letter}") else (capital, *way)


def asterisk_sounds(folder: Path) -> tuple[dict[str, AsteriskSounds], list[str]]:
    """Return the prompts of each language in a folder of ``sounds``, by tag, and those folders that can't be read.

    ``en_US_f_Allison`` is ``en-US``, and ``en`` where nothing else is. Raises ``OSError`` for a folder that is not.
    """
    found: dict[str, AsteriskSounds] = {}
    others: dict[str, AsteriskSounds] = {}
    unread: list[str] = []
    for path in sorted(folder.iterdir(), key=lambda path: (len(path.name), path.name)):
        named = _FOLDER.fullmatch(path.name)
        if named is None or not (path / "digits").is_dir():
            continue
        if find(path / "digits" / "1") is None:
            unread.append(path.name)
            continue
        language, region = named.groups()
        sounds = AsteriskSounds(path, language)
        found.setdefault(f"{language}-{region}" if region else language, sounds)
        others.setdefault(language, sounds)
    return others | found, unread


def advice(unread: list[str]) -> str:
    """Return what to do about prompts that are there and can't be read, for people."""
    return (
        f"Asterisk's prompts in {', '.join(unread)} are in none of the formats that are read here"
        f" ({' '.join(FORMATS)}): install them as WAV (Debian: asterisk-core-sounds-<language>-wav)"
    )


@cache
def _said() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


def _heard(text: str) -> str:
    """Return what of a text is heard: small letters and digits, without spaces, marks and accents."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in apart if letter.isalnum())
