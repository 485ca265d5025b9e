"""The finishing of all scenarios: the product's, asked once for each sound in a run and not in each test."""

from __future__ import annotations

from typing import Final

from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.media.clip import Clip
from otpvoice.media.wav import Wave


class RememberedFinishing:
    """``AtHand``, asked once for each sound in the life of the tests. It belongs to no event loop, and never ends."""

    def __init__(self) -> None:
        self._hand = AtHand()
        self._clips: dict[tuple[Wave, float | None], Clip] = {}

    async def speech(self, wave: Wave, *, speed: float = 1.0, urgent: bool = True) -> Clip:
        if (wave, speed) not in self._clips:
            self._clips[wave, speed] = await self._hand.speech(wave, speed=speed, urgent=urgent)
        return self._clips[wave, speed]

    async def recording(self, wave: Wave) -> Clip:
        if (wave, None) not in self._clips:
            self._clips[wave, None] = await self._hand.recording(wave)
        return self._clips[wave, None]

    async def close(self) -> None:
        pass


FINISHING: Final = RememberedFinishing()
