"""The port that every speech engine fills.

It says nothing of processes, networks or files: an engine may be any of these.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Voice(Protocol):
    """A speech engine, with what it declares about itself."""

    @property
    def name(self) -> str:
        """The word for it in settings and requests: ``name`` or ``name:voice``."""

    @property
    def may_see_secrets(self) -> bool:
        """What it is given stays on this machine. False: it is asked ahead of time only, never during a call."""

    @property
    def languages(self) -> Collection[str]:
        """BCP 47 tags that it speaks without being told a voice."""

    def voice_language(self, name: str) -> str | None:
        """Return the BCP 47 tag of one of its voices; None: it has no voice of this name."""

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> bytes:
        """Return the text as 16-bit little-endian mono PCM at 8000 Hz, as ``media.pcm.speech_clip`` leaves it.

        Empty where there is nothing to say. ``voice_name`` None: the engine's own for the language. ``speed`` 1 is a
        calm reading, 0.5 to 2. The same arguments give the same bytes. Raises ``ValueError`` for a text, voice,
        language or speed that it does not take, ``core.speech.SpeechUnavailable`` when it fails; neither repeats the
        text.
        """
