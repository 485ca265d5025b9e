"""Stand-ins for what makes speech: engines whose sound is their arguments, a finishing without effect, and counts.

They note what they were asked, wait at a gate, and fail as they are told.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.voice import Traits
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.language_tags import lookup
from otpvoice.core.locale import Locale, Locales
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import Clip
from otpvoice.media.wav import Wave

LOCALES = load_locales()


def small_packs() -> Locales:
    """Return English, German and French, with espeak's voices and no others."""

    def pack(tag: str, **voices: str) -> Locale:
        named = {name.replace("_", "-"): voice for name, voice in voices.items()}
        return replace(LOCALES.lookup(tag), voices={"espeak": named})

    return Locales([pack("en", en="en-us", en_GB="en-gb"), pack("de", de="de"), pack("fr", fr="fr")])


NOTHING = "(nothing)"
"""A text that comes out silent."""


class Stand:
    """An engine. It waits for ``gate`` and fails with ``fault``, or for the texts in ``faults``."""

    def __init__(
        self,
        name: str = "espeak",
        languages: Sequence[str] = ("en", "de", "fr", "sv"),
        *,
        secrets: bool = True,
        speeds: tuple[float, float] | None = (0.5, 2.0),
        named: Mapping[str, str] | None = None,
        absent: str | None = None,
    ) -> None:
        self.name = name
        self.traits = Traits(
            offline=secrets,
            may_see_secrets=secrets,
            languages=frozenset(languages),
            speeds=speeds,
            licence="MIT",
        )
        self.absent = absent
        self.version = "1"
        self.asked: list[tuple[str, str, str | None, float]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self.fault: Exception | None = None
        self.faults: dict[str, Exception] = {}
        self.silent = False
        self._named = named

    def voices(self) -> Mapping[str, str]:
        return self._named if self._named is not None else {tag: tag for tag in self.traits.languages}

    def voice_language(self, name: str) -> str | None:
        return self._named.get(name) if self._named is not None else lookup(name, self.traits.languages)

    def missing(self) -> str | None:
        return self.absent

    def edition(self, language: str, voice_name: str | None) -> str:
        return self.version

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        self.asked.append((text, language, voice_name, speed))
        self.begun.set()
        await self.gate.wait()
        if fault := self.faults.get(text, self.fault):
            raise fault
        silent = self.silent or text == NOTHING
        return Wave(16000, b"" if silent else repr((text, language, voice_name, speed)).encode() * 2)

    @property
    def texts(self) -> list[str]:
        return [text for text, *_ in self.asked]


class Untouched:
    """A finishing that hands sound on as it is. What is not urgent waits for ``gate``."""

    def __init__(self, workers: int = 1) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self.done: list[tuple[float, bool]] = []

    async def speech(self, wave: Wave, *, speed: float = 1.0, urgent: bool = True) -> Clip:
        self.begun.set()
        if not urgent:
            await self.gate.wait()
        self.done.append((speed, urgent))
        pcm = wave.pcm if speed == 1 else wave.pcm + b"\x00\x40" * round(speed * 20)
        return Clip(pcm, pcm)

    async def recording(self, wave: Wave) -> Clip:
        raise SpeechUnavailable("no recordings here")

    async def close(self) -> None:
        pass


class Tally:
    """``adapters.speech.counts.Counts``."""

    def __init__(self) -> None:
        self.renders: Counter[tuple[str, str]] = Counter()
        self.sources: Counter[str] = Counter()
        self.stood: Counter[str] = Counter()

    def rendered(self, engine: str, result: str, seconds: float, /) -> None:
        assert seconds >= 0
        self.renders[engine, result] += 1

    def had(self, source: str, clips: int = 1, /) -> None:
        self.sources[source] += clips

    def stood_in(self, engine: str, /) -> None:
        self.stood[engine] += 1


def renderer(*voices: Any, law: Any = "ulaw", **options: Any) -> Renderer:
    """Return a renderer of stand-ins: of one that is called espeak, where none is given."""
    options = {"finishing": Untouched()} | options
    return Renderer(voices or (Stand(),), options.pop("locales", LOCALES), law, **options)
