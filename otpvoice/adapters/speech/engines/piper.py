"""Piper: neural voices on this machine, from an administrator's program and voice files (``piper_voices``).

The program is run, one process a text, never loaded: it is GPL-3.0-or-later today (``piper1-gpl``), MIT before
(``rhasspy/piper``). Only those arguments are used that all of them know, spelled with underscores: what the newer one
does not know as an option, it speaks. A text goes in by standard input, where a line is an utterance; its sound comes
out as bare samples, in which garbage can't be told from speech.

An older one that misses its model fetches it from the Internet: it is asked only for one that is there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog

from otpvoice.adapters.speech.engines.piper_voices import PiperVoice, read_folder
from otpvoice.adapters.speech.engines.program import NO_SOUND, Program, seconds_for, words_of
from otpvoice.adapters.speech.engines.voice import Traits
from otpvoice.core.language_tags import lookup
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.wav import Wave

DEADLINE: Final = 15.0
"""Seconds, most of which go for loading a model of a hundred megabytes on a slow disk."""
EACH: Final = 0.03
"""Seconds more for each character: a third of the time that it takes to be spoken."""
MEMORY: Final = 4 * 1024 * 1024 * 1024
"""Bytes of addresses. Its threads reserve many times what they use."""
BETWEEN_SENTENCES: Final = 0.2
"""Seconds."""
SHORTEST: Final = 0.02
"""Seconds. Less than that is no word; it may be a message that is not meant for standard output."""
LONGEST_UTTERANCE: Final = 400
"""Characters without an end of a sentence: its memory grows with their square."""

_LONG_UTTERANCE: Final = re.compile(rf"((?:(?![.?!:;。！？] ).){{{LONGEST_UTTERANCE}}}\S*) ")

log = structlog.get_logger(__name__)


class Piper:
    """The voice ``piper``. The folder is read once, here; ``program`` is a path, or a name to be found on PATH.

    A voice of many speakers has each as a variant, by name or number: ``piper:en_US-libritts-high+12``.
    """

    name: Final = "piper"

    def __init__(self, folder: Path, program: str = "piper", deadline: float = DEADLINE) -> None:
        cores = os.cpu_count() or 1
        self._program = Program(program, deadline, each=EACH, memory=MEMORY, cores=cores, niceness=10)
        self._found = read_folder(folder)
        self._tags = MappingProxyType({name: voice.tag for name, voice in self._found.voices.items()})
        self._of_language = _by_language(self._tags)
        self.traits: Final = Traits(
            offline=True,
            may_see_secrets=True,
            languages=frozenset(self._of_language),
            speeds=(0.5, 2.0),
            licence="GPL-3.0-or-later",
        )
        for name, reason in self._found.refused.items():
            log.warning("speech.voice_refused", engine=self.name, voice=name, reason=reason)

    @property
    def refused(self) -> Mapping[str, str]:
        """The voice files that are not offered, by name, each with the reason."""
        return self._found.refused

    def voices(self) -> Mapping[str, str]:
        """See ``Voice.voices``."""
        return self._tags

    def voice_language(self, name: str) -> str | None:
        """See ``Voice.voice_language``."""
        plain_name, plus, speaker = name.partition("+")
        voice = self._found.voices.get(plain_name)
        return None if voice is None or (plus and speaker not in voice.speakers) else voice.tag

    def missing(self) -> str | None:
        """See ``Voice.missing``."""
        if self._found.unread is not None:
            return f"the folder of piper's voice files can't be read ({self._found.unread})"
        if not self._found.voices:
            refused = "; ".join(f"{name}: {reason}" for name, reason in list(self._found.refused.items())[:3])
            return f"there is no voice file for piper{f' ({refused})' if refused else ''}"
        return self._program.missing()

    def edition(self, language: str, voice_name: str | None) -> str:
        """See ``Voice.edition``."""
        try:
            voice, _ = self._voice(language, voice_name)
        except ValueError:
            return ""
        return self._program.edition(voice.model, voice.description)

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        """See ``Voice.render``."""
        words = words_of(text, speed, self.traits)
        voice, speaker = self._voice(language, voice_name)
        if not words:
            return Wave(voice.rate, b"")
        if not voice.model.is_file():
            raise SpeechUnavailable("the voice file is no longer there")
        arguments = [
            *("--model", str(voice.model), "--output_raw", "--length_scale", f"{voice.pace / speed:.4f}"),
            *("--sentence_silence", str(BETWEEN_SENTENCES)),
            *(() if speaker is None else ("--speaker", str(speaker))),
        ]
        lines = _LONG_UTTERANCE.sub("\\1\n", words) + "\n"
        pcm = await self._program.speak(arguments, lines, seconds_for(words, speed), voice.rate)
        if len(pcm) % 2 or len(pcm) < 2 * voice.rate * SHORTEST:
            raise SpeechUnavailable(NO_SOUND)
        return Wave(voice.rate, pcm)

    def _voice(self, language: str, name: str | None) -> tuple[PiperVoice, int | None]:
        if name is None:
            tag = lookup(language, self._of_language)
            if tag is None:
                raise ValueError("piper has no voice file for this language")
            name = self._of_language[tag]
        plain_name, plus, speaker = name.partition("+")
        voice = self._found.voices.get(plain_name)
        if voice is None or (plus and speaker not in voice.speakers):
            raise ValueError("piper has no voice of this name")
        return voice, voice.speakers[speaker] if plus else None


def _by_language(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the voice for each tag and each language: of several the first by name, at home if it can be."""
    found: dict[str, str] = {}
    for name, tag in tags.items():
        found.setdefault(tag, name)
    for tag in sorted(found, key=lambda tag: (not _at_home(tag), tag)):
        found.setdefault(tag.partition("-")[0], found[tag])
    return found


def _at_home(tag: str) -> bool:
    """Is it the language of the country that is named for it (de-DE), or the English of most voices?"""
    language, _, region = tag.partition("-")
    return language.upper() == region or tag == "en-US"
