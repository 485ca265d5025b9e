"""The voice of all scenarios: espeak-ng, whose every word is asked for once in a run and not in each test.

What it says is not changed: the renderer and all behind it are the product's.
"""

from __future__ import annotations

from typing import Final

from otpvoice.adapters.speech.espeak import Espeak
from otpvoice.testkit.programs import find


class RememberedEspeak:
    """espeak-ng, asked once for each text in the life of the tests."""

    name: Final = "espeak"
    offline: Final = True
    may_see_secrets: Final = True
    languages: Final = Espeak.languages

    def __init__(self) -> None:
        self._clips: dict[tuple[object, ...], bytes] = {}

    def voice_language(self, name: str) -> str | None:
        return Espeak().voice_language(name)

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> bytes:
        key = (text, language, voice_name, speed)
        if key not in self._clips:
            self._clips[key] = await Espeak(str(find("espeak-ng"))).render(text, language, voice_name, speed)
        return self._clips[key]


VOICE: Final = RememberedEspeak()
