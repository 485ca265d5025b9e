"""Flite: English, offline, warmer than espeak-ng, some fifty milliseconds a sentence.

The program (MIT, as CMU writes it; Debian has 2.2) is run, one process a text. An argument without a space it
takes for the name of a file to read, and a voice's name with a slash or a URL for one to load or to fetch: no argument
comes from a text or a request. Its output is a file that it goes back in; that file is memory of ours. SSML is off.

It knows the letters of ASCII alone, and is silent at others: what it could not read is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from otpvoice.adapters.speech.engines.program import Program, seconds_for, wave_of, words_of
from otpvoice.adapters.speech.engines.voice import Traits
from otpvoice.core.language_tags import lookup
from otpvoice.core.reading import is_speakable
from otpvoice.media.wav import Wave

RATE: Final = 16000
"""Hz; ``kal`` has 8000."""
EACH: Final = 0.005
"""Seconds more for each character: a text of three thousand takes three on a machine without other work."""
LONGEST_WORD: Final = 60
"""Characters."""
LONGEST_UTTERANCE: Final = 300
"""Characters without an end of a sentence."""

_VOICES: Final = MappingProxyType({"slt": "en-US", "rms": "en-US", "awb": "en-GB", "kal": "en-US", "kal16": "en-US"})
"""Of ``flite -lv``; not ``awb_time``, which says nothing but the time. ``slt`` is a woman, ``awb`` a Scotsman."""
_VOICE_OF: Final = MappingProxyType({"en": "slt", "en-US": "slt", "en-GB": "awb"})

# Letters that have no decomposition, and signs that pause, or are read, like others.
_SPELLED: Final = str.maketrans(
    dict(zip("øØđĐðÐłŁħĦı", "oOdDdDlLhHi", strict=True))
    | {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th", "ŋ": "ng", "Ŋ": "Ng"}
    | dict.fromkeys("\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2212", "-")
    | dict.fromkeys("\u2013\u2014\u2015", " - ")
    | {"\u2044": "/", "\u00d7": " times ", "\u00a3": " pounds ", "\u20ac": " euros ", "\u00b0": " degrees "}
)
# One utterance is spoken as a whole: long ones take hundreds of megabytes, long words the square of their length.
_LONG_WORD: Final = re.compile(rf"(\S{{{LONGEST_WORD}}})(?=\S)")
_LONG_UTTERANCE: Final = re.compile(rf"((?:(?![?!:] |\. [A-Z]).){{{LONGEST_UTTERANCE}}}\S*) ")


class Flite:
    """The voice ``flite``. ``program`` is a path, or a name to be found on PATH at each text."""

    name: Final = "flite"
    traits: Final = Traits(
        offline=True,
        may_see_secrets=True,
        languages=frozenset(_VOICE_OF),
        speeds=(0.5, 2.0),
        licence="MIT-Festival",
    )

    def __init__(self, program: str = "flite", deadline: float = 3.0) -> None:
        self._program = Program(program, deadline, each=EACH)

    def voices(self) -> Mapping[str, str]:
        """See ``Voice.voices``."""
        return _VOICES

    def voice_language(self, name: str) -> str | None:
        """See ``Voice.voice_language``."""
        return _VOICES.get(name)

    def missing(self) -> str | None:
        """See ``Voice.missing``."""
        return self._program.missing()

    def edition(self, language: str, voice_name: str | None) -> str:
        """See ``Voice.edition``. Its voices come with it."""
        return self._program.edition()

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        """See ``Voice.render``."""
        words = words_of(text, speed, self.traits)
        voice = self._voice(language, voice_name)
        if not words:
            return Wave(RATE, b"")
        words = in_ascii(words)
        arguments = ("-voice", voice, "--setf", f"duration_stretch={1 / speed:.4f}", "-o")
        return wave_of(await self._program.speak_into_memory(arguments, words, seconds_for(words, speed), RATE))

    def _voice(self, language: str, name: str | None) -> str:
        if name is None:
            tag = lookup(language, _VOICE_OF)
            if tag is None:
                raise ValueError("flite speaks English only")
            return _VOICE_OF[tag]
        if name not in _VOICES:
            raise ValueError("flite has no voice of this name")
        return name


def in_ascii(words: str) -> str:
    """Return words in ASCII, in pieces that are not too long: accents go, typographic signs become plain ones.

    Signs that are no letters are left out. Raises ``ValueError`` for letters of other scripts, and where nothing is
    left: silence would be worse than another voice.
    """
    letters = unicodedata.normalize("NFKD", words.translate(_SPELLED)).translate(_SPELLED)
    if any(not one.isascii() and one.isalnum() for one in letters):
        raise ValueError("flite reads Latin letters only")
    left = "".join(one for one in letters if one.isascii())
    if not is_speakable(left):
        raise ValueError("flite has no name for these signs")
    return _LONG_UTTERANCE.sub("\\1\n\n", _LONG_WORD.sub(r"\1 ", left))
