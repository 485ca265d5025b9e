"""espeak-ng: offline, over a hundred languages, some ten milliseconds a sentence.

The program (GPL-3.0-or-later) is run, one process a text, never loaded. Its markup (``-m``), its phonemes in double
brackets and its control characters are never passed: a text is words (``plain_text``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from otpvoice.adapters.speech.engines.program import Program, seconds_for, wave_of, words_of
from otpvoice.adapters.speech.engines.voice import Traits
from otpvoice.core.language_tags import lookup
from otpvoice.media.wav import Wave

RATE: Final = 22050
"""Hz."""
WORDS_PER_MINUTE: Final = 160
"""Of speed 1. The program's own default is 175; 0.5 to 2 times 160 is what it takes: 80 is its slowest."""

# Natural languages of ``espeak-ng --voices`` (1.51), by the name that ``-v`` takes.
_NAMES = """
    af am an ar as az ba be bg bn bs ca cmn cs cy da de el en-029 en-gb en-gb-scotland en-gb-x-rp en-us es es-419 et
    eu fa fi fr-be fr-ch fr-fr ga gd gn gu hak haw he hi hr ht hu hy id is it ja ka kk kl kn ko kok ku ky la lb lt ltg
    lv mi mk ml mr ms mt my nb nci ne nl om or pa pap pl pt pt-br qu ro ru sd shn si sk sl sq sr sv sw ta te th tk tn tr
    tt ug uk ur uz vi vi-vn-x-central vi-vn-x-south yue
"""
_VOICES: Final = MappingProxyType({name: name for name in _NAMES.split()})
"""Name → BCP 47 tag, and they are the same."""
# Tags of languages whose voices have other names.
_ALIASES: Final = {"en": "en-us", "fr": "fr-fr", "no": "nb", "zh": "cmn", "zh-HK": "yue"}
_VOICE_OF: Final = {**_VOICES, **_ALIASES}
# 1.51's own cmn reads tones as English numbers, "nin two" (espeak-ng issues 1028 and 1236). The voice that takes Latin
# letters for pinyin reads Chinese characters as they are.
_CALLED: Final = {"cmn": "cmn-latn-pinyin"}
# The voice in another's throat: en-us+f3.
_VARIANT = re.compile(r"\+(m[1-8]|f[1-5])\Z")


class Espeak:
    """The voice ``espeak``. ``program`` is a path, or a name to be found on PATH at each text."""

    name: Final = "espeak"
    traits: Final = Traits(
        offline=True,
        may_see_secrets=True,
        languages=frozenset(_VOICE_OF),
        speeds=(0.5, 2.0),
        licence="GPL-3.0-or-later",
    )

    def __init__(self, program: str = "espeak-ng", deadline: float = 3.0) -> None:
        self._program = Program(program, deadline)

    def voices(self) -> Mapping[str, str]:
        """See ``Voice.voices``."""
        return _VOICES

    def voice_language(self, name: str) -> str | None:
        """See ``Voice.voice_language``. A voice may have a variant: ``de+f2``."""
        return _VOICES.get(_VARIANT.sub("", name))

    def missing(self) -> str | None:
        """See ``Voice.missing``."""
        return self._program.missing()

    def edition(self, language: str, voice_name: str | None) -> str:
        """See ``Voice.edition``. Its data comes with it."""
        return self._program.edition()

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        """See ``Voice.render``."""
        words = words_of(text, speed, self.traits)
        voice = self._voice(language, voice_name)
        if not words:
            return Wave(RATE, b"")
        arguments = ("--stdin", "--stdout", "-b", "1", "-v", called(voice), "-s", str(round(WORDS_PER_MINUTE * speed)))
        return wave_of(await self._program.speak(arguments, words, seconds_for(words, speed), RATE))

    def _voice(self, language: str, name: str | None) -> str:
        if name is None:
            tag = lookup(language, _VOICE_OF)
            if tag is None:
                raise ValueError("espeak does not speak this language")
            return _VOICE_OF[tag]
        if self.voice_language(name) is None:
            raise ValueError("espeak has no voice of this name")
        return name


def called(name: str) -> str:
    """Return what the program calls a voice, so that it can be understood."""
    plain_name, plus, variant = name.partition("+")
    return _CALLED.get(plain_name, plain_name) + plus + variant
