"""Audio files of strangers made into sound, by a program that may not harm anybody.

What is in a file, is said by its content, never by its name or by whoever sent it. No decoder runs in this process: a
file that crashes one would end every call.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import structlog

from otpvoice.adapters.places import Places
from otpvoice.adapters.speech.child import Bounds, ask
from otpvoice.adapters.speech.encoding import encoded
from otpvoice.adapters.speech.finishing import Finishing
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import HIGHEST_RATE, LOWEST_RATE
from otpvoice.media.g711 import Law
from otpvoice.media.wav import Wave

CHILDREN: Final = 4
"""Programs at once. They are for the processor to share out: a short file is soon done beside long ones."""
CHILDREN_EACH: Final = 2
"""Of those for one domain: whoever sends us what takes long, waits for himself."""
LONGEST: Final = 300
"""Seconds of sound that come out."""
BOUNDS: Final = Bounds(seconds=10.0, output=2 * LONGEST * 48_000 + 64, memory=256 * 1024 * 1024)
PROGRAM: Final = (sys.executable, "-I", "-m", "otpvoice.adapters.speech.recordings.decoder_child")
"""Isolated (``-I``): no module is taken from a folder or variable that somebody else can write."""

_REFUSALS: Final = {b"audio_format": "audio_format", b"audio_too_large": "audio_too_large"}

log = structlog.get_logger(__name__)


class Decoder:
    """Decodes WAV (PCM, A-law, μ-law, float), MP3, Ogg Vorbis and FLAC of any usual rate, made mono."""

    def __init__(self, program: Sequence[str] = PROGRAM, bounds: Bounds = BOUNDS, children: int = CHILDREN) -> None:
        self._program = tuple(program)
        self._bounds = bounds
        self._children = Places(children, CHILDREN_EACH)

    async def decode(self, data: bytes, whose: str = "") -> Wave:
        """Return the sound of a file at its own rate, or the nearest that there is.

        ``whose``: the domain that it is from. Raises ``SpeechUnavailable``: ``audio_format`` (none of these, nothing in
        it, or nothing that could be decoded within bounds), ``audio_too_large`` (longer than ``LONGEST``).
        """
        async with self._children(whose):
            return await self._decoded(data)

    async def telephone(self, data: bytes, law: Law, whose: str = "", *, finishing: Finishing) -> bytes:
        """Return the sound of a file in this law, levelled as a recording of the prompts folder is.

        Raises as ``decode`` does, and as ``Finishing``.
        """
        # To the end in its place: minutes of sound at their own rate are large.
        async with self._children(whose):
            clip = await finishing.recording(await self._decoded(data))
        return await encoded(clip.telephone, law)

    async def _decoded(self, data: bytes) -> Wave:
        try:
            answer = await ask((*self._program, str(LONGEST)), data, self._bounds)
        except SpeechUnavailable as failed:
            log.warning("speech.decoder_failed", reason=failed.reason, size=len(data))
            raise SpeechUnavailable("audio_format") from None
        word, _, rate = answer[: answer.find(b"\n", 0, 64) + 1].strip().partition(b" ")
        if word != b"sound":
            raise SpeechUnavailable(_REFUSALS.get(word, "audio_format"))
        if not rate.isdigit() or not LOWEST_RATE <= int(rate) <= HIGHEST_RATE:
            raise SpeechUnavailable("audio_format")
        sound = answer[answer.index(b"\n") + 1 :]
        if len(sound) % 2:
            raise SpeechUnavailable("audio_format")
        return Wave(int(rate), sound)
