"""espeak-ng: offline, over a hundred languages, some ten milliseconds a sentence.

The program (GPL-3.0-or-later) is run, one process a text, never loaded. Its markup (``-m``), its phonemes in double
brackets and its control characters are never passed: a text is words.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from typing import Final

from otpvoice.adapters.speech.child import Bounds, ask
from otpvoice.core.locale import lookup
from otpvoice.core.reading import is_speakable
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.pcm import speech_clip
from otpvoice.media.wav import read_wav

LONGEST_TEXT: Final = 3000
"""Characters."""
LONGEST_SOUND: Final = 600.0
"""Seconds."""
WORDS_PER_MINUTE: Final = 160
"""Of speed 1. The program's own default is 175; 0.5 to 2 times 160 is what it takes: 80 is its slowest."""
CHILDREN: Final = 2
"""Programs at once."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_OPENS_PHONEMES = re.compile(r"\[(?=\[)")

# Natural languages of ``espeak-ng --voices`` (1.51), by the name that ``-v`` takes.
_NAMES = """
    af am an ar as az ba be bg bn bs ca cmn cs cy da de el en-029 en-gb en-gb-scotland en-gb-x-rp en-us es es-419 et
    eu fa fi fr-be fr-ch fr-fr ga gd gn gu hak haw he hi hr ht hu hy id is it ja ka kk kl kn ko kok ku ky la lb lt ltg
    lv mi mk ml mr ms mt my nb nci ne nl om or pa pap pl pt pt-br qu ro ru sd shn si sk sl sq sr sv sw ta te th tk tn tr
    tt ug uk ur uz vi vi-vn-x-central vi-vn-x-south yue
"""
_VOICES: Final = frozenset(_NAMES.split())
# Tags of languages whose voices have other names.
_ALIASES: Final = {"en": "en-us", "fr": "fr-fr", "no": "nb", "zh": "cmn", "zh-HK": "yue"}
_VOICE_OF: Final = {voice: voice for voice in _VOICES} | _ALIASES
# The voice in another's throat: en-us+f3.
_VARIANT = re.compile(r"\+(m[1-8]|f[1-5])\Z")


class Espeak:
    """The voice ``espeak``. ``program`` is a path, or a name to be found on PATH at each text."""

    name: Final = "espeak"
    may_see_secrets: Final = True
    languages: Final = frozenset(_VOICE_OF)

    def __init__(self, program: str = "espeak-ng", deadline: float = 3.0) -> None:
        self._program = program
        self._deadline = deadline
        self._children = asyncio.Semaphore(CHILDREN)

    def voice_language(self, name: str) -> str | None:
        """See ``Voice.voice_language``. A voice may have a variant: ``de+f2``."""
        plain_name = _VARIANT.sub("", name)
        return plain_name if plain_name in _VOICES else None

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> bytes:
        """See ``Voice.render``."""
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"a text has at most {LONGEST_TEXT} characters")
        if not 0.5 <= speed <= 2:
            raise ValueError("a speed is 0.5 to 2")
        voice = self._voice(language, voice_name)
        words = plain(text)
        if not is_speakable(words):
            return b""
        program = shutil.which(self._program)
        if program is None:
            raise SpeechUnavailable("espeak-ng is not installed")
        wpm = round(WORDS_PER_MINUTE * speed)
        argv = (program, "--stdin", "--stdout", "-b", "1", "-v", voice, "-s", str(wpm))
        async with self._children:
            wave = await ask(argv, words.encode(), self._bounds(len(words), speed))
            return await asyncio.to_thread(_clip, wave)

    def _voice(self, language: str, name: str | None) -> str:
        if name is None:
            tag = lookup(language, _VOICE_OF)
            if tag is None:
                raise ValueError("espeak does not speak this language")
            return _VOICE_OF[tag]
        if self.voice_language(name) is None:
            raise ValueError("espeak has no voice of this name")
        return name

    def _bounds(self, length: int, speed: float) -> Bounds:
        # Some characters are long: an emoji is read as its name, two seconds and more.
        seconds = min(LONGEST_SOUND, 10 + 2 * length / speed)
        return Bounds(seconds=self._deadline + length * 0.002, output=int(seconds * 2 * 22050))


def plain(text: str) -> str:
    """Return the text without what espeak-ng would obey: control characters and double opening brackets."""
    return _OPENS_PHONEMES.sub("[ ", _CONTROL.sub(" ", text)).strip()


def _clip(wave: bytes) -> bytes:
    try:
        rate, pcm = read_wav(wave)
        return speech_clip(pcm, rate)
    except ValueError:
        raise SpeechUnavailable("the engine wrote no sound") from None
