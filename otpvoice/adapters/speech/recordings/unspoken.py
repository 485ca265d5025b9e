"""What no engine says: recordings of the prompts folder, recordings at URLs, and tones."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from otpvoice.adapters.speech.clips.memory import ClipCache
from otpvoice.adapters.speech.encoding import encoded
from otpvoice.adapters.speech.recordings.downloads import Downloads
from otpvoice.adapters.speech.recordings.prompts import Prompts
from otpvoice.core.speech import Recording, RemoteRecording, SpeechUnavailable, Tone
from otpvoice.media.g711 import Law
from otpvoice.media.tone import tone

ROOM: Final = 1024 * 1024
"""Bytes of tones: those of all countries, and more."""

Unspoken: TypeAlias = Recording | RemoteRecording | Tone


class UnspokenSounds:
    """``prompts`` None: there is no folder of recordings, every one is missing. ``downloads`` None: none is fetched."""

    def __init__(self, law: Law, prompts: Prompts | None, downloads: Downloads | None) -> None:
        self._law, self._prompts, self._downloads = law, prompts, downloads
        self._tones = ClipCache(ROOM)
        self._thread = ThreadPoolExecutor(1, "tone")

    async def of(self, item: Unspoken) -> bytes:
        """Return its sound; a tone is exact to the sample. Raises ``SpeechUnavailable``."""
        if isinstance(item, Recording):
            if self._prompts is None:
                raise SpeechUnavailable("prompt_missing")
            return await self._prompts.clip(item.name, self._law)
        if isinstance(item, RemoteRecording):
            if self._downloads is None:
                raise SpeechUnavailable("audio_blocked")
            return await self._downloads.clip(item.url, self._law)
        if (sound := self._tones.get(item)) is None:
            sound = await self._encoded(item)
            self._tones.put(item, sound)
        return sound

    async def _encoded(self, item: Tone) -> bytes:
        try:
            pcm = await asyncio.get_running_loop().run_in_executor(self._thread, tone, item.frequencies, item.seconds)
        except ValueError:
            raise SpeechUnavailable("tone_frequency") from None
        return await encoded(pcm, self._law)
