"""The media leg of one call: taken when it is needed, replaced when it died, given back in the end.

It decides nothing: who is to hear it, and when, is the line's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from otpvoice.ari import errors
from otpvoice.ari.channel import CallChannel
from otpvoice.ari.ears import Ear, Watch
from otpvoice.ari.leg import Listener, MediaLeg
from otpvoice.ari.pool import LegPool
from otpvoice.media.playout import Piece

NEW_LEG_WITHIN: Final = 1.0
"""Seconds to find another leg in the middle of a call."""
LEFT_WITHIN: Final = 1.0
"""Seconds for the event that says that a channel has left the leg's bridge."""


class Handset:
    """``hear`` is told of all that the leg tells."""

    def __init__(self, pool: LegPool, leg: MediaLeg | None, hear: Listener) -> None:
        self._pool, self._hear = pool, hear
        self._leg: MediaLeg | None = None
        self._ear: Ear | None = None
        self._watch: Watch | None = None
        self._listening = False
        self._taking: asyncio.Task[MediaLeg] | None = None
        if leg is not None:
            self._adopt(leg)

    @property
    def lost(self) -> bool:
        """Is there no leg that lives?"""
        return self._leg is None or self._leg.lost

    async def take(self, within: float) -> bool:
        """Take a leg, unless there is one. False: called off. Raises ``NoLegFree``, ``MediaWedged``."""
        if self._leg is not None:
            return True
        taking = self._taking = asyncio.create_task(self._pool.take(within), name="handset")
        try:
            await asyncio.wait({taking})
        finally:
            taking.cancel()
            if taking.done() and not taking.cancelled() and taking.exception() is None:
                self._adopt(taking.result())
        if taking.cancelled():
            return False
        taking.result()
        return True

    def call_off(self) -> None:
        """Nobody needs a leg any more: whoever waits for one stops."""
        if self._taking is not None:
            self._taking.cancel()

    async def renew(self) -> None:
        """Take another leg where ours died; nothing is lost by it but what was queued. Raises as ``take``."""
        if self._leg is not None and self._leg.lost:
            # First: it may be the one that the pool has too many.
            await self.give_back()
        await self.take(NEW_LEG_WITHIN)

    async def join(self, channel: CallChannel) -> bool:
        """Let a channel hear us. False: it is gone, or not in Stasis yet. Raises ``AriError``."""
        if self._leg is None:
            raise errors.AriError("there is no leg")
        return await channel.join(self._leg)

    async def left_alone(self) -> None:
        """Wait for the event of a channel's leaving: later, it could pass for that of another."""
        if self._leg is not None:
            await self._leg.left_alone(LEFT_WITHIN)

    async def speak(self, utterance_id: str, pieces: Sequence[Piece]) -> None:
        """Push an utterance."""
        if self._leg is not None:
            await self._leg.speak(utterance_id, pieces)

    def say(self, utterance_id: str, pieces: Sequence[Piece]) -> None:
        """Push what somebody says as it comes; never waits."""
        if self._leg is not None:
            self._leg.say(utterance_id, pieces)

    def clear(self) -> None:
        """Throw away what was said and nobody has heard; never waits."""
        if self._leg is not None:
            self._leg.clear()

    async def listen(self, wanted: bool) -> None:
        """Have what the other side says sent to ``ear``, or not any more: by this leg, and by those after it."""
        self._listening = wanted
        if self._leg is not None:
            await self._leg.listen(wanted)

    @property
    def listening(self) -> bool:
        """Is what the other side says sent to us?"""
        return self._listening

    @property
    def ear(self) -> Ear | None:
        """Gets what the other side says."""
        return self._ear

    @ear.setter
    def ear(self, ear: Ear | None) -> None:
        self._ear = ear
        if self._leg is not None:
            self._leg.ear = ear

    @property
    def watch(self) -> Watch | None:
        """Hears what is pushed, and what becomes of it."""
        return self._watch

    @watch.setter
    def watch(self, watch: Watch | None) -> None:
        self._watch = watch
        if self._leg is not None:
            self._leg.watch = watch

    async def stop(self) -> None:
        """Cut what is being spoken."""
        if self._leg is not None:
            await self._leg.stop()

    async def give_back(self) -> None:
        """Return the leg to its pool."""
        leg, self._leg = self._leg, None
        if leg is not None:
            await self._pool.give_back(leg)

    def _adopt(self, leg: MediaLeg) -> None:
        self._leg = leg
        leg.listener, leg.ear, leg.watch, leg.listening = self._hear, self._ear, self._watch, self._listening
