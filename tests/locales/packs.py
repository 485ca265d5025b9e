"""The packaged languages, as files and as what is made of them; and what espeak-ng's voices make of texts."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from string import ascii_lowercase, digits
from typing import Any, Final

from otpvoice.adapters.locales import PACKAGED, load_locales
from otpvoice.adapters.speech.engines.espeak import called
from otpvoice.core.locale import Locale

FILES: Final = tuple(sorted(path.name for path in PACKAGED.glob("*.toml")))
LOCALES: Final = load_locales()
CHARACTERS: Final = digits + ascii_lowercase

_UNSTEADY: Final = re.compile(r"[ˈˌ ]")


def pack(file: str) -> Locale:
    """Return the language of a file."""
    found = LOCALES.find(file.removesuffix(".toml"))
    assert found is not None
    assert f"{found.tag}.toml" == file
    return found


def document(file: str) -> Mapping[str, Any]:
    """Return what is in a file."""
    return tomllib.loads((PACKAGED / file).read_text("utf-8"))


def voice(locale: Locale) -> str:
    """Return espeak-ng's name of the voice."""
    name = locale.voice("espeak", locale.tag)
    assert name is not None
    return name


def sentences(locale: Locale) -> dict[str, str]:
    """Return all that is said around a code, by its key, with what may be filled in left out."""
    own = {
        "code": locale.code, "code_with_brand": locale.code_with_brand, "again": locale.again,
        "closing": locale.closing, "capital": locale.capital, "spelled": locale.as_in, "gate": locale.gate,
        "gate_any": locale.gate_any, "gate_failure": locale.gate_failure, "replay": locale.replay,
        "choose": locale.choose, "star": locale.star, "pound": locale.pound,
    }  # fmt: skip
    return {key: re.sub(r"\{\w+\}", "", text).strip() for key, text in own.items()}


def words(locale: Locale) -> dict[str, str]:
    """Return what is said for each digit and for each small letter."""
    return {character: locale.word(character) for character in CHARACTERS}


def alone(file: str) -> list[str]:
    """Return how each of ``CHARACTERS`` is said alone, as IPA."""
    locale = pack(file)
    return ipa(voice(locale), tuple(words(locale).values()))


def in_full(file: str) -> list[str]:
    """Return how all the rest is said: first each letter spelled, a to z, then sentences, and digits once more."""
    locale = pack(file)
    spelled = (locale.spelled(letter) for letter in ascii_lowercase)
    return ipa(voice(locale), (*spelled, *sentences(locale).values(), *locale.digits))


def bare(sound: str) -> str:
    """Return IPA without stress and spaces, which depend on what stands around."""
    return _UNSTEADY.sub("", sound)


def changes(lines: Iterable[str]) -> int:
    """Return how often the voice changed to the English one, for words that it can't read."""
    return sum(line.count("(en)") for line in lines)


@cache
def ipa(name: str, texts: tuple[str, ...]) -> list[str]:
    """Return how a voice says texts, in lines: a new one for each text, and for each part of a sentence."""
    # A blank line ends a text, whatever it is made of.
    argv = ("espeak-ng", "-q", "--ipa", "-b", "1", "-v", called(name), "--stdin")
    said = subprocess.run(argv, input="\n\n".join(texts) + "\n", capture_output=True, text=True, check=True, timeout=10)
    assert not said.stderr
    return [line for line in said.stdout.splitlines() if line.strip()]
