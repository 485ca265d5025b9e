"""A woman's voice, or a man's, of an engine that has both; the others speak with the voice that they have.

Which voice speaks a language is for the language packs to say, and for the ladder to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.core.language_tags import lookup

_FEMALE_VARIANT: Final = "+f2"
"""Of espeak-ng, whose voices are men's."""
_FLITE: Final[Mapping[str, bool]] = MappingProxyType(
    {"slt": True, "rms": False, "awb": False, "kal": False, "kal16": False}
)


def of_sex(engine: Voice, voice: str | None, language: str, female: bool | None) -> str:
    """Return an engine's voice, as a request writes it: ``espeak:en-gb+f2``, ``flite:rms``, ``piper``.

    ``voice``: the engine's for this language by its pack; None: the pack names none. A variant that a pack names stays.
    """
    if engine.name == "flite":
        fits = female is None or _FLITE.get(voice or "") == female
        chosen = voice if fits else "slt" if female else "rms"
        return f"flite:{chosen}" if chosen else "flite"
    if engine.name == "espeak":
        chosen = voice or _by_tag(engine, language)
        if chosen is not None:
            return f"espeak:{chosen}{_FEMALE_VARIANT if female and '+' not in chosen else ''}"
    return engine.name


def _by_tag(engine: Voice, language: str) -> str | None:
    names = {tag: name for name, tag in engine.voices().items()}
    found = lookup(language, names)
    return names[found] if found is not None else None
