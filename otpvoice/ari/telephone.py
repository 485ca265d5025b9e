"""What a telephone that we call and one that was handed to us have in common: a channel, and an end that is told once.

It knows of no media leg and of no other party.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeAlias

import structlog

from otpvoice.ari import errors
from otpvoice.ari.backoff import backoff
from otpvoice.ari.behalf import Behalf
from otpvoice.ari.channel import CallChannel
from otpvoice.ari.errands import Errands
from otpvoice.ari.events import quality
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.router import AriEvent
from otpvoice.core.events import (
    CallAnswered,
    CallDialed,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallReleased,
    CallResumed,
    DigitReceived,
    OriginateAccepted,
    QualitySampled,
)
from otpvoice.core.outcome import Fault

log = structlog.get_logger(__name__)

END_TOLD_WITHIN: Final = 1.0
"""Seconds for the events of a channel that was found to be gone."""
TRIES: Final = 5
"""How often what is safe to repeat is asked for: a hang-up, say, where 404 means done."""

PartyEvent: TypeAlias = (
    CallDialed
    | OriginateAccepted
    | CallProgressed
    | CallAnswered
    | CallHeld
    | CallResumed
    | DigitReceived
    | CallEnded
    | CallReleased
)


class Telephone:
    """``over``: its end is known, or nobody wants to know any more. ``entered``: it was seen to enter Stasis."""

    def __init__(self, node: AsteriskNode, channel_id: str) -> None:
        self.channel_id = channel_id
        self.channel = CallChannel(node.rest, channel_id)
        self.entered = asyncio.Event()
        self.over = False
        self._node, self._booted = node, node.booted
        self._tell: Callable[[PartyEvent], None] | None = None
        self._end_told: CallEnded | CallReleased | None = None
        self._hangup: AriEvent | None = None
        self._gone = False
        self._behalf = Behalf()
        self._errands = Errands(channel_id, lambda: self._lost(Fault.INTERNAL_ERROR, None), self._behalf)

    def belongs_to(self, call_id: str, account: str) -> None:
        """Its call has become known: for the log."""
        self._behalf.name(call=call_id, account=account)

    def listen(self, tell: Callable[[PartyEvent], None]) -> None:
        """Say who is told, in order. An end that came before is told now."""
        self._tell = tell
        if self._end_told is not None:
            tell(self._end_told)

    def node_lost(self) -> None:
        """Asterisk has been away for too long."""
        self._lost(Fault.ASTERISK_LOST, self._node.seen_until)

    def missed(self) -> None:
        """Asterisk says that the channel is not there any more: its end is told in a moment, or was never seen."""
        if not self.over:
            self._errands.start(self._expect_end(), "end")

    def _register(self) -> None:
        """Hear of the channel from now on."""
        self._node.router.register(self.channel_id, self._behalf.of(self._take))

    def _take(self, event: AriEvent) -> None:
        try:
            self._hear(event)
        except Exception as error:
            # A field that is missing costs one event, and here it is known whose.
            told = {"type": event["type"], "error": type(error).__name__, "where": errors.place_of(error)}
            log.error("ari.event_not_understood", channel=self.channel_id, **told)

    def _hear(self, event: AriEvent) -> None:
        """Take an event of the channel."""
        raise NotImplementedError

    async def sample(self) -> QualitySampled | None:
        """Ask Asterisk how the call sounds; None where it can't say."""
        statistics = await self.channel.statistics()
        return quality(statistics, time.time()) if statistics is not None else None

    async def _expect_end(self) -> None:
        if self._node.connected:
            await asyncio.sleep(END_TOLD_WITHIN)
        if not self.over:
            await self._look()  # a channel that is there after all is ended by whoever closes
            died = await self._node.died_since(self._booted)
            self._lost(Fault.ASTERISK_LOST if died else Fault.EVENTS_LOST, self._node.seen_until)

    async def _look(self) -> bool | None:
        """Is the channel ours? None: that can't be found out."""
        try:
            ours = await self._is_ours()
        except errors.AriError as error:
            log.warning("party.not_looked_up", channel=self.channel_id, error=type(error).__name__)
            return None
        self._gone = self._gone or not ours
        return ours

    async def _is_ours(self) -> bool:
        """Look whether the channel is still there. Raises ``AriError``."""
        return await self.channel.state() is not None

    async def _delete(self, tries: int) -> None:
        """Hang up; tried again while Asterisk can't be reached."""
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(backoff(attempt - 1, 0))
            if self._gone:
                return
            try:
                was_there = await self.channel.hang_up()
            except errors.AriError as error:
                log.warning("party.hang_up_failed", channel=self.channel_id, error=type(error).__name__)
                continue
            if not was_there:
                self.missed()
            elif not self._node.connected:
                self._gone = True  # nobody will tell, but it was us who ended it
                self._end(CallEnded(time.time()))
            return
        if not self._node.connected:
            self.node_lost()

    def _say(self, event: PartyEvent) -> None:
        if self._tell is not None and not self.over:
            self._tell(event)

    def _lost(self, fault: Fault, since: float | None) -> None:
        """It ended, unseen, at some time since then."""
        self._end(CallEnded(time.time(), fault=fault, unseen_since=since))

    def _end(self, ended: CallEnded | CallReleased) -> None:
        if not self.over:
            self.over, self._end_told = True, ended
            if self._tell is not None:
                self._tell(ended)
