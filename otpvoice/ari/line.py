"""One call's connection to the telephone: its channel and its media leg, as happenings in, commands out.

It hides that a call is two ARI channels in a bridge. It decides nothing and waits for nobody but Asterisk; all that
happens is told through ``tell``, in order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence, Set
from typing import Final

import structlog

from otpvoice.ari import errors
from otpvoice.ari.backoff import backoff
from otpvoice.ari.channel import CallChannel, Originate, OriginateFailed
from otpvoice.ari.events import asked_by_callee, instant, quality, translate
from otpvoice.ari.leg import LegEvent, MediaLeg
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.pool import NoLegFree
from otpvoice.ari.router import AriEvent
from otpvoice.core.events import (
    CallAnswered,
    CallDialed,
    CallEnded,
    Happening,
    MediaLost,
    OriginateAccepted,
)
from otpvoice.core.outcome import Fault
from otpvoice.media.playout import Piece

log = structlog.get_logger(__name__)

LOOKS: Final = 10
LOOK_EVERY: Final = 0.05
"""Seconds between looks at the node after a leg was lost."""
NEW_LEG_WITHIN: Final = 1.0
HANG_UP_TRIES: Final = 5
"""A hang-up is safe to repeat: 404 means done."""


class Line:
    """An outbound call on ``node``, with a leg taken from its pool. ``close`` gives the leg back."""

    def __init__(self, node: AsteriskNode, leg: MediaLeg, channel_id: str, order: Originate) -> None:
        self.channel_id = channel_id
        self._node, self._leg, self._order = node, leg, order
        self._channel = CallChannel(node.rest, channel_id)
        self._tell: Callable[[Happening], None] = lambda _: None
        self._hangup: AriEvent | None = None
        self._up_at: float | None = None
        self._joining: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._placed = self._answered = self._told_answer = False
        self._ordered = asyncio.Event()
        self._over = False

    def listen(self, tell: Callable[[Happening], None]) -> None:
        """Say who is told. Before anything else."""
        self._tell = tell
        self._leg.listener = self._hear_leg

    # --- commands ---------------------------------------------------------------------------------------------------

    async def dial(self) -> None:
        """Place the call: once. What comes of it is told."""
        self._node.router.register(self.channel_id, self._hear)
        if not self._node.ready:
            # To a disconnected application the phone would ring, and be picked up, for nothing.
            self._ordered.set()
            self._end(CallEnded(time.time(), fault=Fault.ASTERISK_LOST))
            return
        self._placed = True
        self._tell(CallDialed(time.time()))
        try:
            sip_call_id = await self._channel.originate(self._order)
        except OriginateFailed as failed:
            self._end(CallEnded(time.time(), fault=failed.fault))
        else:
            self._tell(OriginateAccepted(time.time(), sip_call_id))
        finally:
            self._ordered.set()

    async def speak(self, utterance_id: str, pieces: Sequence[Piece]) -> None:
        """Push an utterance. Once the call is over there is nobody to hear it."""
        if not self._over:
            await self._leg.speak(utterance_id, pieces)

    async def stop(self) -> None:
        """Cut what is being spoken."""
        await self._leg.stop()

    async def hang_up(self) -> None:
        """End the call. Tried again while Asterisk can't be reached; its dead man's switch is what remains."""
        await self._leg.stop()
        # Before the order is answered there may be no channel yet: a DELETE would find nothing, and the phone ring on.
        await self._ordered.wait()
        for attempt in range(HANG_UP_TRIES):
            try:
                await self._channel.hang_up()
                return
            except errors.AriError as error:
                log.warning("line.hang_up_failed", channel=self.channel_id, error=type(error).__name__)
            await asyncio.sleep(backoff(attempt, 0))

    async def sample(self) -> None:
        """Ask Asterisk how the call sounds, and tell."""
        statistics = await self._channel.statistics()
        sampled = quality(statistics, time.time()) if statistics is not None else None
        if sampled is not None and not self._over:
            self._tell(sampled)

    async def close(self) -> None:
        """Let go of everything: nothing is told any more, and the leg goes back to its pool."""
        self._over = True
        self._node.router.forget(self.channel_id)
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(*(task for task in (self._joining, self._looking) if task), return_exceptions=True)
        await self._node.pool.give_back(self._leg)

    # --- what Asterisk tells ----------------------------------------------------------------------------------------

    def after_gap(self, alive: Set[str], *, restarted: bool) -> None:
        """The events socket was away and is back: did our channel outlive it?"""
        if not self._placed or self._over or self.channel_id in alive:
            return
        # On the same Asterisk it ended while nobody listened: how, nobody can know.
        fault = Fault.ASTERISK_LOST if restarted else Fault.EVENTS_LOST
        self._end(CallEnded(time.time(), fault=fault))

    def node_lost(self) -> None:
        """Asterisk has been away for too long."""
        if not self._over:
            self._end(CallEnded(time.time(), fault=Fault.ASTERISK_LOST))

    def _hear(self, event: AriEvent) -> None:
        if asked_by_callee(event):
            self._hangup = event
            return
        if event["type"] == "ChannelStateChange" and event["channel"]["state"] == "Up":
            self._up_at = instant(event)
            return
        match translate(event, self._hangup):
            case None:
                pass
            case CallAnswered(at=at):
                self._joining = asyncio.create_task(self._join(self._up_at or at), name=f"{self.channel_id}-join")
            case CallEnded() as ended:
                self._end(ended)
            case happening:
                self._tell(happening)

    def _hear_leg(self, event: LegEvent) -> None:
        if not isinstance(event, MediaLost):
            self._tell(event)
        elif self._answered and not self._over:
            self._looking = asyncio.create_task(self._why_lost(event), name=f"{self.channel_id}-lost")

    async def _why_lost(self, event: MediaLost) -> None:
        """A leg dies alone, or with its Asterisk: that shows in a moment."""
        for _ in range(LOOKS):
            if not self._node.connected:
                self._end(CallEnded(event.at, fault=Fault.ASTERISK_LOST))
                return
            await asyncio.sleep(LOOK_EVERY)
        self._tell(event)

    async def _renew_leg(self) -> None:
        """The leg died while the phone rang: nothing is lost yet, there are others."""
        lost, self._leg = self._leg, await self._node.pool.take(NEW_LEG_WITHIN)
        self._leg.listener = self._hear_leg
        await self._node.pool.give_back(lost)

    async def _join(self, answered_at: float) -> None:
        """Only when the channel is in the leg's bridge is there anybody to speak to."""
        if self._leg.lost:
            try:
                await self._renew_leg()
            except (NoLegFree, errors.MediaWedged):
                self._tell(MediaLost(time.time()))
                return
        self._answered = True
        if await self._channel.join(self._leg) and not self._over:
            self._tell_answer(answered_at)

    def _tell_answer(self, at: float) -> None:
        self._told_answer = True
        self._tell(CallAnswered(at))

    def _end(self, ended: CallEnded) -> None:
        if self._over:
            return
        self._over = True
        if self._up_at is not None and not self._told_answer:
            # Picked up, and gone before the bridge was joined: nothing was heard, but it was answered.
            self._tell_answer(self._up_at)
        self._tell(ended)
