"""The port for what is done to sound before it is spoken: trimmed, levelled, brought to the telephone's rate.

Two fill it: ``workshop`` (processes of their own, for a service with calls in progress) and ``at_hand`` (in a thread of
this one, for a command that ends, and for tests).
"""

from __future__ import annotations

from typing import Protocol

from otpvoice.media.clip import Clip
from otpvoice.media.wav import Wave


class Finishing(Protocol):
    """Makes an engine's sound, or a recording, fit for the telephone. The same sound in, the same out."""

    async def speech(self, wave: Wave, *, speed: float = 1.0, urgent: bool = True) -> Clip:
        """Return an engine's sound: its own silence off (so that gaps are exact), levelled, faded at both ends.

        ``speed`` is done here, without a change of pitch, where the engine has one speed only. ``urgent``: a call waits
        for it; what does not, goes behind. ``media.clip.EMPTY`` where there is only silence. Raises
        ``core.speech.SpeechUnavailable``.
        """

    async def recording(self, wave: Wave) -> Clip:
        """Return a recording: levelled and faded, its pauses are meant. Raises ``core.speech.SpeechUnavailable``."""

    async def close(self) -> None:
        """Let go of what it holds; what is under way ends with ``SpeechUnavailable``."""
