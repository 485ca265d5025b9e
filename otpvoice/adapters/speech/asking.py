"""One text, asked of its engine and finished: with the engine's own speed where it has it, stretched where not.

Nothing is kept here. Whatever goes wrong in an engine comes out as ``SpeechUnavailable``, without the text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from otpvoice.adapters.speech.counts import Counts
from otpvoice.adapters.speech.disk import Disk
from otpvoice.adapters.speech.engines.recorded import NOT_RECORDED
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.finishing import Finishing
from otpvoice.adapters.speech.orders import Order
from otpvoice.adapters.speech.urgency import Precedence, Urgency
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import EMPTY, MASTER_RATE, Clip
from otpvoice.media.wav import Wave

NOT_NOW: Final = "this engine is not asked during a call"
PAUSED: Final = "engine_paused"
"""The reason of an engine that has failed, and is left alone for a while: nobody was asked."""
PATIENCE: Final = 1.0
"""Seconds that a call waits to know its engine's edition; without, it is made anew and not kept on the disk."""

log = structlog.get_logger(__name__)


class NeverTaken(SpeechUnavailable):
    """An engine does not take this text, voice or language, and will not the next time."""


class Asking:
    """The engines, by name, and what finishes their sound."""

    def __init__(self, voices: Mapping[str, Voice], finishing: Finishing, counts: Counts) -> None:
        self._voices, self._finishing, self._counts = voices, finishing, counts
        self._precedence = Precedence()
        # One for each engine: whose files hang keeps no other one from being known.
        self._disks = {name: Disk(f"edition-{name}", patience=PATIENCE) for name in voices}

    def may_be_asked(self, engine: str) -> bool:
        """Is it asked during a call?"""
        return self._voices[engine].traits.may_see_secrets

    def has_one_speed(self, engine: str) -> bool:
        """Are its other speeds made here, from what it says at speed 1?"""
        return self._voices[engine].traits.speeds is None

    async def edition(self, order: Order) -> str | None:
        """Return the edition of an order's sound; None: it can't be told now."""
        engine = self._voices[order.engine]
        try:
            return await self._disks[order.engine].look(engine.edition, order.language, order.voice)
        except (OSError, ValueError, SpeechUnavailable):
            return None

    async def clip(self, order: Order, urgency: Urgency) -> Clip:
        """Return the sound of an order. Raises ``SpeechUnavailable``."""
        engine = self._voices[order.engine]
        if (missing := engine.missing()) is not None:
            raise SpeechUnavailable(missing)
        slowest, fastest = engine.traits.speeds or (1.0, 1.0)
        has_it = slowest <= order.speed <= fastest
        now = asyncio.get_running_loop().time
        async with self._precedence.turn(order.engine, urgency):
            began = now()
            try:
                wave = await engine.render(order.text, order.language, order.voice, order.speed if has_it else 1.0)
                clip = await self._finished(wave, 1.0 if has_it else order.speed, urgency)
            except ValueError:
                self._counts.rendered(order.engine, "refused", now() - began)
                # From None: what an engine says of a text may repeat it.
                raise NeverTaken("the engine does not take this text, voice or language") from None
            except SpeechUnavailable as error:
                if error.reason == NOT_RECORDED:
                    self._counts.rendered(order.engine, "refused", now() - began)
                    raise NeverTaken(error.reason) from None
                if error.reason != PAUSED:
                    self._counts.rendered(order.engine, "failed", now() - began)
                raise
            except Exception as error:
                # A fault of ours costs no call; neither does it tell the text.
                self._counts.rendered(order.engine, "failed", now() - began)
                log.error("speech.engine_broken", engine=order.engine, error=type(error).__name__)
                raise SpeechUnavailable("the engine is broken") from None
        self._counts.rendered(order.engine, "rendered", now() - began)
        return clip

    async def at_speed(self, master: bytes, speed: float, urgency: Urgency) -> Clip:
        """Return what an engine has said at speed 1 at another. Raises ``SpeechUnavailable``."""
        return await self._finished(Wave(MASTER_RATE, master), speed, urgency)

    async def _finished(self, wave: Wave, speed: float, urgency: Urgency) -> Clip:
        if not wave.pcm:
            return EMPTY
        if not urgency:
            clip = await urgency.or_else(self._finishing.speech(wave, speed=speed, urgent=False))
            if clip is not None:
                return clip
        return await self._finishing.speech(wave, speed=speed)
