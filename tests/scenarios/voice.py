"""The voice of all scenarios: espeak-ng, whose every word is asked for once in a run and not in each test.

What it says is not changed: the renderer and all behind it are the product's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.media.wav import Wave
from otpvoice.testkit.programs import find


class RememberedEspeak:
    """espeak-ng, asked once for each text in the life of the tests."""

    name: Final = Espeak.name
    traits: Final = Espeak.traits

    def __init__(self) -> None:
        self._waves: dict[tuple[object, ...], Wave] = {}

    def voices(self) -> Mapping[str, str]:
        return Espeak().voices()

    def voice_language(self, name: str) -> str | None:
        return Espeak().voice_language(name)

    def missing(self) -> str | None:
        return _espeak().missing()

    def edition(self, language: str, voice_name: str | None) -> str:
        return _espeak().edition(language, voice_name)

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        key = (text, language, voice_name, speed)
        if key not in self._waves:
            self._waves[key] = await _espeak().render(text, language, voice_name, speed)
        return self._waves[key]


def _espeak() -> Espeak:
    # Each time anew: it belongs to one event loop, and each test has its own.
    return Espeak(str(find("espeak-ng")))


VOICE: Final = RememberedEspeak()
