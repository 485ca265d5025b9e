"""A telephone that we call: its channel, from the order to call it to its end.

It is called at most once, whatever happens. It knows of no media leg and of no other party.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Set
from dataclasses import replace
from typing import Final, TypeAlias

import structlog

from otpvoice.ari import errors, telephone
from otpvoice.ari.channel import Originate, OriginateFailed
from otpvoice.ari.events import asked_by_callee, instant, translate
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.replies import REDIRECTION, redirected, replied
from otpvoice.ari.router import AriEvent
from otpvoice.ari.telephone import Telephone
from otpvoice.core.events import (
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    CallReleased,
    OriginateAccepted,
)
from otpvoice.core.outcome import Fault

log = structlog.get_logger(__name__)

AGAIN_EVERY: Final = 0.1
"""Seconds between looks at a node that is to come back."""
Ahead: TypeAlias = Callable[[CallDialed], Awaitable[bool]]
"""Writes down that somebody is about to be called. False: it did not."""


class OutboundParty(Telephone):
    """A telephone that we call, once. ``dial`` and ``hang_up`` may be called at any time; then ``close``.

    ``ahead``: writes down that it is about to be called, and tells it; False: that is not written, and nobody is. None:
    it is told, and written by nobody.

    ``CallAnswered`` may be told a second time, when the first was only a look at a channel that was not in Stasis yet.
    """

    def __init__(self, node: AsteriskNode, channel_id: str, order: Originate, *, ahead: Ahead | None = None) -> None:
        super().__init__(node, channel_id)
        self._order, self._ahead = order, ahead
        self._up_at: float | None = None
        self._progressed: set[bool] = set()
        self._begun = self._ordering = self._placed = self._gap = self._answered = self._redirected = False
        # A DELETE would find the channel, or there will never be one.
        self._settled = asyncio.Event()
        self._called_off = False

    async def dial(self) -> None:
        """Place the call: once, and not after its end. What comes of it is told."""
        if self.over or self._begun:
            return
        self._begun = True
        self._register()
        if not self._node.connected or self._node.replaced:
            # To a disconnected application the phone would ring, and be picked up, for nothing.
            self._settled.set()
            self._end(CallEnded(time.time(), fault=Fault.ASTERISK_LOST))
            return
        if not await self._write_ahead(CallDialed(time.time())):
            self._gone = True
            self._settled.set()
            return
        self._placed = self._ordering = True
        self._booted = self._node.booted
        try:
            sip_call_id = await self.channel.originate(self._order, again=self._may_again, told=self._settled)
        except OriginateFailed as failed:
            unknown = failed.fault is Fault.ORIGINATE_UNKNOWN
            if not unknown or not self._settled.is_set():  # else its events have told that it is there
                self._gone = not unknown
                self._end(CallEnded(time.time(), fault=failed.fault))
        else:
            self._say(OriginateAccepted(time.time(), sip_call_id))
        finally:
            self._ordering = False
            self._settled.set()
        if self._gap and not self.over:
            await self._catch_up(Fault.EVENTS_LOST, self._node.seen_until)

    async def _may_again(self) -> bool:
        """Asterisk has not booted. Wait until it knows our application: else it would ring for nobody to hear of."""
        while not (self._called_off or self.over or self._node.replaced):
            if self._node.connected:
                return True
            await asyncio.sleep(AGAIN_EVERY)
        return False

    async def _write_ahead(self, dialed: CallDialed) -> bool:
        """Have it written down, before the first byte of the order leaves, that this telephone may ring.

        Whoever finds that, and no channel, never calls it again.
        """
        if self._ahead is None:
            self._say(dialed)
            return True
        if not await self._ahead(dialed):
            self._end(CallEnded(time.time(), fault=Fault.LOST_BEFORE_DIALING))
        elif not self._node.connected or self._node.replaced:
            self._end(CallEnded(time.time(), fault=Fault.ASTERISK_LOST))
        return not self.over

    async def hang_up(self) -> None:
        """End the call. Tried again while Asterisk can't be reached; its dead man's switch is what remains."""
        self._called_off = True
        if not self._placed and not self._settled.is_set():
            # Nothing was ordered, and now nothing will be.
            self._end(CallEnded(time.time()))
            return
        # Before anything is known of a channel a DELETE would find nothing, and the phone ring on.
        await self._settled.wait()
        await self._delete(telephone.TRIES)

    async def close(self) -> None:
        """Let go: nothing is told any more, and nobody is left on the line."""
        self.over = True
        await self._errands.end()
        if self._placed and not self._gone:
            # Its end was not seen. Whoever is still there is not left alone with silence. (A node that is away will
            # reap it when it is back.)
            await self._delete(telephone.TRIES if self._node.connected else 1)
        self._node.router.forget(self.channel_id)

    def after_gap(self, alive: Set[str], *, restarted: bool) -> None:
        """The events socket was away and is back: did our channel outlive it, and what did we miss?"""
        if not self._placed or self.over:
            return
        if self._ordering:
            # It may not be there *yet*. The answer to the order is what tells.
            self._gap = True
        elif self.channel_id not in alive or not self.entered.is_set():
            # On the same Asterisk it ended while nobody listened: how, nobody can know.
            fault = Fault.ASTERISK_LOST if restarted else Fault.EVENTS_LOST
            self._errands.start(self._catch_up(fault, self._node.seen_until), "gap")

    async def _catch_up(self, fault: Fault, since: float | None) -> None:
        """Ask for what a gap ``since`` then may have swallowed: ringing, the answer, or the end, by ``fault``."""
        try:
            state = await self.channel.state()
        except errors.AriError as error:
            log.warning("party.not_caught_up", channel=self.channel_id, error=type(error).__name__)
            self._lost(fault, since)
            return
        match state:
            case None:
                self._gone = True
                self._lost(fault, since)
            case "Up" if self.entered.is_set():
                await self._expect_end_after(since)  # it was in our hands before the gap, and is not now
            case "Up":
                self._answer(self._up_at or time.time())
            case "Ringing":
                self._progress(CallProgressed(time.time(), ringing=True))

    def _hear(self, event: AriEvent) -> None:
        self._settled.set()
        if asked_by_callee(event):
            self._hangup = event
            return
        if redirected(event):
            self._redirected = True
            return
        if event["type"] == "ChannelStateChange" and event["channel"]["state"] == "Up":
            self._up_at = instant(event)
            return
        if event["type"] == "StasisEnd":
            self._errands.start(self._expect_end_after(instant(event)), "left")
            return
        match translate(event, self._hangup):
            case None:
                pass
            case CallAnswered(at=at):
                self.entered.set()
                self._answer(self._up_at or at)
            case CallEnded() as ended:
                if self._redirected and not ended.by_callee:
                    # Asterisk's own dialling has hung up before the far end's wish was told.
                    ended = replace(ended, cause=REDIRECTION, by_callee=True)
                ended = replace(ended, replied=replied(event))
                self._gone = True
                self._end(ended)
            case CallProgressed() as progressed:
                self._progress(progressed)
            case happening:
                self._say(happening)

    async def _expect_end_after(self, left_at: float | None) -> None:
        """At its end it leaves Stasis, and is gone at once. Else somebody has led it away, and it lives on without us.

        (``channel redirect`` at the console, Redirect of AMI.) Nothing of what was played since was heard.
        """
        await asyncio.sleep(telephone.END_TOLD_WITHIN)
        if self.over:
            return
        try:
            application = await self.channel.application()
        except errors.AriError as error:
            log.warning("party.not_looked_up", channel=self.channel_id, error=type(error).__name__)
            return  # the node is away: its end will tell
        if application == self._node.settings.own_app:
            return
        self._gone = True  # out of our hands: whoever took it away is not to lose it by our hang-up
        if application is None:
            self._lost(Fault.EVENTS_LOST, left_at)
        else:
            log.warning("party.led_away", channel=self.channel_id)
            self._end(CallEnded(left_at or time.time(), unseen_since=left_at))

    def _progress(self, progressed: CallProgressed) -> None:
        if progressed.ringing not in self._progressed:  # Asterisk says it in two ways
            self._progressed.add(progressed.ringing)
            self._say(progressed)

    def _answer(self, at: float) -> None:
        self._answered = True
        self._say(CallAnswered(at))

    def _end(self, ended: CallEnded | CallReleased) -> None:
        if self._up_at is not None and not self._answered:
            # Picked up, and gone before it was in our hands: it was answered.
            self._answer(self._up_at)
        super()._end(ended)
