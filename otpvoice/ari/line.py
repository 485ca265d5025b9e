"""One call's connection to the telephones: its parties and its media leg, as happenings in, commands out.

It hides that a party is an ARI channel, that who hears us is in a bridge with a leg, and that who talk with each other
are in one of their own. It decides nothing and waits for nobody but Asterisk; all is told through ``tell``, in order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence, Set
from typing import Final

import structlog

from otpvoice.ari import errors
from otpvoice.ari.errands import Errands
from otpvoice.ari.handset import Handset
from otpvoice.ari.inbound import InboundParty
from otpvoice.ari.leg import LegEvent, MediaLeg
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.party import OutboundParty
from otpvoice.ari.pool import NoLegFree
from otpvoice.ari.pressing import Pressing
from otpvoice.ari.second import SecondParties
from otpvoice.ari.streaming import Opener, Streaming
from otpvoice.ari.telephone import PartyEvent
from otpvoice.ari.variables import known, variables_of
from otpvoice.core.actions import Stream
from otpvoice.core.events import (
    CallAnswered,
    CallEnded,
    CallReleased,
    DigitReceived,
    Happening,
    MediaLost,
    MediaUnavailable,
    OnSecond,
    PartiesConnected,
    PartiesParted,
    PiecePlayed,
    SpeakingFinished,
    StreamEnded,
)
from otpvoice.core.media import Disconnected
from otpvoice.core.outcome import Fault
from otpvoice.core.result import Result
from otpvoice.media.playout import Piece

log = structlog.get_logger(__name__)

LOOKS: Final = 10
LOOK_EVERY: Final = 0.05
"""Seconds between looks at the node after a leg was lost."""
FIRST_LEG_WITHIN: Final = 5.0
"""Seconds that a caller hears ringing until there is a leg; longer, and nobody answers."""


class Line:
    """A call on ``node``. An outbound ``party`` comes with a leg, or takes it when it is dialled; an inbound
    one when we answer.

    ``second`` makes the second party of a number, to a number, with a caller id, for so many seconds of ringing.
    ``opener`` opens its streams. ``close`` gives the leg back.
    """

    def __init__(
        self,
        node: AsteriskNode,
        party: OutboundParty | InboundParty,
        leg: MediaLeg | None = None,
        *,
        second: Callable[[int, str, str | None, float], OutboundParty],
        opener: Opener | None = None,
    ) -> None:
        self._node, self._first = node, party
        self._tell: Callable[[Happening], None] = lambda _: None
        self._handset = Handset(node.pool, leg, self._hear_leg)
        self._seconds = SecondParties(node, second)
        self._answered_at: float | None = None
        self._joining: asyncio.Task[None] | None = None
        self._audible = self._told_answer = self._over = False
        self._errands = Errands(party.channel_id, self._break)
        self._pressing = Pressing(self._errands)
        self._streaming = Streaming(node, party.channel_id, self._handset, opener)

    def listen(self, tell: Callable[[Happening], None]) -> None:
        """Say who is told. Before anything else."""
        self._tell, self._seconds.tell = tell, self._hear_second
        self._streaming.tell = self._say
        self._first.listen(self._hear)

    # --- the first party --------------------------------------------------------------------------------------------

    async def dial(self) -> None:
        """Call an outbound party: once, and not after its end. What comes of it is told.

        A call that had to wait for its turn takes its leg only now; without one nobody is rung: ``MediaUnavailable``.
        """
        if not isinstance(self._first, OutboundParty) or self._over:
            return
        try:
            taken = await self._handset.take(FIRST_LEG_WITHIN)
        except (NoLegFree, errors.AriError) as error:
            log.error("line.not_dialled", channel=self._first.channel_id, error=type(error).__name__)
            self._say(MediaUnavailable(time.time()))
            return
        if taken and not self._over:
            await self._first.dial()

    async def answer(self) -> None:
        """Take a leg, pick up an inbound party, and make it hear us: ``CallAnswered``, or ``MediaUnavailable``."""
        if not isinstance(self._first, InboundParty) or self._over:
            return
        try:
            picked_up = await self._handset.take(FIRST_LEG_WITHIN) and await self._first.answer()
        except (NoLegFree, errors.AriError) as error:
            log.error("line.not_answered", channel=self._first.channel_id, error=type(error).__name__)
            await self._why_lost(MediaUnavailable(time.time()))
            return
        if picked_up:
            self._answer(self._first.answered_at)

    async def hang_up(self, result: Result) -> None:
        """End the call with the first party; its dialplan, if it has one, sees the result."""
        self._pressing.stop()
        await self.stop()
        first = self._first
        await (first.hang_up(variables_of(result)) if isinstance(first, InboundParty) else first.hang_up())

    async def release(self, result: Result) -> None:
        """Let an inbound party go on in its dialplan, with the result. An outbound one has none: it is hung up."""
        self._pressing.stop()
        await self.stop()
        first = self._first
        await (first.go_on(variables_of(result)) if isinstance(first, InboundParty) else first.hang_up())

    async def report(self, result: Result) -> None:
        """Tell an inbound party's dialplan what is known by now: its caller may hang up. An outbound one has none."""
        if isinstance(self._first, InboundParty) and not self._over:
            await self._first.report(known(result))

    async def speak(self, utterance_id: str, pieces: Sequence[Piece]) -> None:
        """Push an utterance. Once the call is over there is nobody to hear it."""
        if not self._over:
            await self._handset.speak(utterance_id, pieces)

    async def stop(self) -> None:
        """Cut what is being spoken."""
        await self._handset.stop()

    async def send_digits(self, digits: str) -> None:
        """Begin to press keys on the first party's line: ``DigitsSent`` when they have sounded.

        ``DigitsNotSent`` where Asterisk refuses; nothing where it is gone, or does not say what became of a key. The
        end of the call ends the pressing at once, and so do other keys.
        """
        if not self._over:
            self._pressing.begin(self._first.channel, digits, self._say)

    async def sample(self) -> None:
        """Ask Asterisk how the call sounds to each party, and tell."""
        if (sampled := await self._first.sample()) is not None:
            self._say(sampled)
        await self._seconds.sample()

    async def close(self) -> None:
        """Let go of everything: nothing is told any more, and the leg goes back to its pool."""
        self._over = True
        await self._errands.end(spare=self._joining)  # a join that is under way is never left in the middle
        await asyncio.gather(self._first.close(), self._seconds.close(), self._streaming.close())
        await self._handset.give_back()

    # --- streams of its audio ---------------------------------------------------------------------------------------

    def start_stream(self, number: int, order: Stream) -> None:
        """Open a stream: ``StreamStarted``, ``StreamEnded`` tell what comes of it."""
        if not self._over:
            self._streaming.start(number, order)

    def stop_stream(self, number: int) -> None:
        """End a stream at once: ``StreamEnded``, unless it has ended."""
        self._streaming.stop(number)

    def end_streams(self, by: Disconnected) -> list[StreamEnded]:
        """End all streams at once. Returns how each that there ever was has ended; nothing is told."""
        return self._streaming.end(by)

    # --- second parties ---------------------------------------------------------------------------------------------

    async def dial_second(self, number: int, to: str, caller_id: str | None, ring_timeout: float) -> None:
        """Call a second party, once; not when the first has gone. What comes of it is told as ``OnSecond``."""
        await self._seconds.dial(number, to, caller_id, ring_timeout, called_off=self._over)

    async def hang_up_second(self, number: int) -> None:
        """End the call with a second party."""
        self._pressing.leave(self._seconds.channel_of(number))
        await self._seconds.hang_up(number)

    async def send_digits_to_second(self, number: int, digits: str) -> None:
        """Begin to press keys on a second party's line. As ``send_digits``, told as ``OnSecond``."""
        if not self._over and (second := self._seconds.channel_of(number)) is not None:
            self._pressing.begin(second, digits, lambda pressed: self._say(OnSecond(number, pressed)))

    async def connect(self, number: int) -> None:
        """Let both parties talk: ``PartiesConnected``; ``MediaLost`` if that fails; nothing if one of them is gone."""
        try:
            if not self._over and await self._seconds.connect(number, self._first, self._handset):
                if (second := self._seconds.channel_of(number)) is not None:
                    self._streaming.second_joins(second.id)
                self._say(PartiesConnected(time.time()))
        except (NoLegFree, errors.AriError) as error:
            await self._media_lost("connect", error)

    async def part(self) -> None:
        """Take the first party back, so that it hears us: ``PartiesParted``, or ``MediaLost``."""
        try:
            if not self._over and await self._seconds.part(self._first, self._handset):
                self._streaming.second_leaves()
                self._say(PartiesParted(time.time()))
        except (NoLegFree, errors.AriError) as error:
            await self._media_lost("part", error)

    # --- what is told -----------------------------------------------------------------------------------------------

    def after_gap(self, alive: Set[str], *, restarted: bool) -> None:
        """The events socket was away and is back: who outlived it, and what did we miss?"""
        self._first.after_gap(alive, restarted=restarted)
        self._seconds.after_gap(alive, restarted=restarted)
        self._streaming.after_gap(alive)

    def node_lost(self) -> None:
        """Asterisk has been away for too long."""
        self._first.node_lost()
        self._seconds.node_lost()

    def _hear(self, event: PartyEvent) -> None:
        match event:
            case CallAnswered(at=at):
                self._answer(at)
            case CallEnded() | CallReleased():
                self._end(event)
            case DigitReceived() if self._seconds.talking is None:
                pass  # the leg tells it, and exactly once
            case _:
                self._say(event)

    def _hear_second(self, event: Happening) -> None:
        if isinstance(event, OnSecond) and isinstance(event.event, CallEnded):
            self._pressing.leave(self._seconds.channel_of(event.number))
        self._tell(event)

    def _hear_leg(self, event: LegEvent) -> None:
        if isinstance(event, DigitReceived | MediaLost) and self._seconds.talking is not None:
            return  # it is out of it; who parts finds out whether it is lost
        if isinstance(event, PiecePlayed | SpeakingFinished) and self._streaming.takes(event):
            return
        if isinstance(event, DigitReceived):
            self._streaming.digit(event.digit)
        if not isinstance(event, MediaLost):
            self._say(event)
        elif self._audible and not self._over:
            self._errands.start(self._why_lost(event), "lost")

    async def _why_lost(self, event: MediaLost | MediaUnavailable) -> None:
        """A leg dies alone, or with its Asterisk: that shows in a moment."""
        for _ in range(LOOKS):
            if not self._node.connected:
                self._first.node_lost()
                return
            await asyncio.sleep(LOOK_EVERY)
        self._say(event)

    def _answer(self, at: float) -> None:
        self._answered_at = self._answered_at or at
        if self._joining is None and not self._over:
            self._joining = self._errands.start(self._join(at), "join")

    async def _join(self, answered_at: float) -> None:
        """Only when the channel is in the leg's bridge is there anybody to speak to."""
        if self._over:
            return
        try:
            if self._handset.lost:
                await self._handset.renew()  # it died while the phone rang: there are others
            self._audible = True
            joined = await self._handset.join(self._first.channel)
        except (NoLegFree, errors.AriError) as error:
            await self._media_lost("join", error)
            return
        if joined:
            self._first.entered.set()
            self._tell_answer(answered_at)
            return
        self._joining = None  # should it not be in Stasis yet, its StasisStart comes
        if self._first.entered.is_set():
            self._first.missed()

    def _tell_answer(self, at: float) -> None:
        if not self._told_answer and not self._over:
            self._told_answer = True
            self._tell(CallAnswered(at))

    async def _media_lost(self, doing: str, error: Exception) -> None:
        log.error("line.media_lost", channel=self._first.channel_id, doing=doing, error=type(error).__name__)
        await self._why_lost(MediaLost(time.time()))

    def _say(self, event: Happening) -> None:
        if not self._over:
            self._tell(event)

    def _end(self, ended: CallEnded | CallReleased) -> None:
        if self._over:
            return
        if self._answered_at is not None:
            # Picked up, and gone before the bridge was joined: nothing was heard, but it was answered.
            self._tell_answer(self._answered_at)
        self._over = True
        self._pressing.stop()
        self._handset.call_off()
        self._tell(ended)

    def _break(self) -> None:
        self._end(CallEnded(time.time(), fault=Fault.INTERNAL_ERROR))
