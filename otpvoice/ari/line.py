"""One call's connection to the telephone: its channel and its media leg, as happenings in, commands out.

It hides that a call is two ARI channels in a bridge. It decides nothing and waits for nobody but Asterisk; all that
happens is told through ``tell``, in order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence, Set
from typing import Any, Final

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
    CallProgressed,
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
END_TOLD_WITHIN: Final = 1.0
"""Seconds for the events of a channel that was found to be gone."""
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
        self._progressed: set[bool] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = self._ordering = self._placed = self._gap = False
        self._answered = self._told_answer = False
        # A DELETE would find the channel, or there will never be one.
        self._settled = asyncio.Event()
        self._gone = self._over = False

    def listen(self, tell: Callable[[Happening], None]) -> None:
        """Say who is told. Before anything else."""
        self._tell = tell
        self._leg.listener = self._hear_leg

    # --- commands ---------------------------------------------------------------------------------------------------

    async def dial(self) -> None:
        """Place the call: once, and not after its end. What comes of it is told."""
        if self._over:
            return
        self._begun = True
        self._node.router.register(self.channel_id, self._hear)
        if not self._node.connected or self._node.replaced:
            # To a disconnected application the phone would ring, and be picked up, for nothing.
            self._settled.set()
            self._end(CallEnded(time.time(), fault=Fault.ASTERISK_LOST))
            return
        self._placed = self._ordering = True
        self._tell(CallDialed(time.time()))
        try:
            sip_call_id = await self._channel.originate(self._order)
        except OriginateFailed as failed:
            unknown = failed.fault is Fault.ORIGINATE_UNKNOWN
            if not unknown or not self._settled.is_set():  # else its events have told that it is there
                self._gone = not unknown
                self._end(CallEnded(time.time(), fault=failed.fault))
        else:
            self._tell(OriginateAccepted(time.time(), sip_call_id))
        finally:
            self._ordering = False
            self._settled.set()
        if self._gap and not self._over:
            await self._catch_up(Fault.EVENTS_LOST, self._node.seen_until)

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
        if not self._begun:
            # Nothing was ordered, and now nothing will be.
            self._end(CallEnded(time.time()))
            return
        # Before anything is known of a channel a DELETE would find nothing, and the phone ring on.
        await self._settled.wait()
        await self._delete(HANG_UP_TRIES)

    async def sample(self) -> None:
        """Ask Asterisk how the call sounds, and tell."""
        statistics = await self._channel.statistics()
        sampled = quality(statistics, time.time()) if statistics is not None else None
        if sampled is not None and not self._over:
            self._tell(sampled)

    async def close(self) -> None:
        """Let go of everything: nothing is told any more, and the leg goes back to its pool."""
        self._over = True
        for task in self._tasks - {self._joining}:  # a join that is under way is never left in the middle
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._placed and not self._gone:
            # Its end was not seen. Whoever is still there is not left alone with silence. (A node that is away will
            # reap it when it is back.)
            await self._delete(HANG_UP_TRIES if self._node.connected else 1)
        self._node.router.forget(self.channel_id)
        await self._node.pool.give_back(self._leg)

    async def _delete(self, tries: int) -> None:
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(backoff(attempt - 1, 0))
            if self._gone:
                return
            try:
                was_there = await self._channel.hang_up()
            except errors.AriError as error:
                log.warning("line.hang_up_failed", channel=self.channel_id, error=type(error).__name__)
                continue
            if not was_there and not self._over:
                self._start(self._expect_end(), "end")
            elif not self._node.connected:
                self._gone = True  # nobody will tell, but it was us who ended it
                self._end(CallEnded(time.time()))
            return
        if not self._node.connected:
            self._lost(Fault.ASTERISK_LOST, self._node.seen_until)

    async def _expect_end(self) -> None:
        """It had ended before we hung up: that is told in a moment, or was never seen."""
        if self._node.connected:
            await asyncio.sleep(END_TOLD_WITHIN)
        self._gone = True
        self._lost(Fault.EVENTS_LOST, self._node.seen_until)

    # --- what Asterisk tells ----------------------------------------------------------------------------------------

    def after_gap(self, alive: Set[str], *, restarted: bool) -> None:
        """The events socket was away and is back: did our channel outlive it, and what did we miss?"""
        if not self._placed or self._over:
            return
        if self._ordering:
            # It may not be there *yet*. The answer to the order is what tells.
            self._gap = True
        elif self.channel_id not in alive or self._joining is None:
            # On the same Asterisk it ended while nobody listened: how, nobody can know.
            fault = Fault.ASTERISK_LOST if restarted else Fault.EVENTS_LOST
            self._start(self._catch_up(fault, self._node.seen_until), "gap")

    def node_lost(self) -> None:
        """Asterisk has been away for too long."""
        self._lost(Fault.ASTERISK_LOST, self._node.seen_until)

    async def _catch_up(self, fault: Fault, since: float | None) -> None:
        """Ask for what a gap ``since`` then may have swallowed: ringing, the answer, or the end, by ``fault``."""
        try:
            state = await self._channel.state()
        except errors.AriError as error:
            log.warning("line.not_caught_up", channel=self.channel_id, error=type(error).__name__)
            self._lost(fault, since)
            return
        match state:
            case None:
                self._gone = True
                self._lost(fault, since)
            case "Up":
                self._answer(self._up_at or time.time())
            case "Ringing":
                self._progress(CallProgressed(time.time(), ringing=True))

    def _hear(self, event: AriEvent) -> None:
        self._settled.set()
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
                self._answer(self._up_at or at)
            case CallEnded() as ended:
                self._gone = True
                self._end(ended)
            case CallProgressed() as progressed:
                self._progress(progressed)
            case happening:
                self._tell(happening)

    def _progress(self, progressed: CallProgressed) -> None:
        if progressed.ringing not in self._progressed:  # Asterisk says it in two ways
            self._progressed.add(progressed.ringing)
            self._tell(progressed)

    def _hear_leg(self, event: LegEvent) -> None:
        if not isinstance(event, MediaLost):
            self._tell(event)
        elif self._answered and not self._over:
            self._start(self._why_lost(event), "lost")

    async def _why_lost(self, event: MediaLost) -> None:
        """A leg dies alone, or with its Asterisk: that shows in a moment."""
        for _ in range(LOOKS):
            if not self._node.connected:
                self._lost(Fault.ASTERISK_LOST, self._node.seen_until)
                return
            await asyncio.sleep(LOOK_EVERY)
        self._tell(event)

    async def _renew_leg(self) -> None:
        """The leg died while the phone rang: nothing is lost yet, there are others."""
        await self._node.pool.give_back(self._leg)  # first: it may be the one that the pool has too many
        self._leg = await self._node.pool.take(NEW_LEG_WITHIN)
        self._leg.listener = self._hear_leg

    def _answer(self, at: float) -> None:
        if self._joining is None and not self._over:
            self._joining = self._start(self._join(at), "join")

    async def _join(self, answered_at: float) -> None:
        """Only when the channel is in the leg's bridge is there anybody to speak to."""
        try:
            if self._leg.lost:
                await self._renew_leg()
            self._answered = True
            joined = await self._channel.join(self._leg)
        except (NoLegFree, errors.AriError) as error:
            log.error("line.not_joined", channel=self.channel_id, error=type(error).__name__)
            self._tell(MediaLost(time.time()))
            return
        if not joined:
            self._joining = None  # should it not be in Stasis yet, its StasisStart comes
        elif not self._over:
            self._tell_answer(answered_at)

    def _tell_answer(self, at: float) -> None:
        self._told_answer = True
        self._tell(CallAnswered(at))

    def _lost(self, fault: Fault, since: float | None) -> None:
        """It ended, unseen, at some time since then."""
        self._end(CallEnded(time.time(), fault=fault, unseen_since=since))

    def _end(self, ended: CallEnded) -> None:
        if self._over:
            return
        self._over = True
        if self._up_at is not None and not self._told_answer:
            # Picked up, and gone before the bridge was joined: nothing was heard, but it was answered.
            self._tell_answer(self._up_at)
        self._tell(ended)

    # --- tasks ------------------------------------------------------------------------------------------------------

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"{self.channel_id}-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("line.broken", channel=self.channel_id, exc_info=error)
            self._end(CallEnded(time.time(), fault=Fault.INTERNAL_ERROR))
