"""A tap: somebody else's call is streamed while its dialplan does with it what it wants.

The channel is not answered, not held and not hung up: snoops listen to what it says and hears, and it goes on at once.
What comes of that is one record, as of a call; it ends with the channel, or with the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Final, cast

import structlog

from otpvoice.ari import errors
from otpvoice.ari.inbound import InboundParty
from otpvoice.ari.listening import Listening, Told
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.open_stream import GuardedStream, Opener, StreamEvent
from otpvoice.ari.snoop import Spy
from otpvoice.ari.streaming import OUTBOUND, SOURCES
from otpvoice.ari.variables import variables_of
from otpvoice.core.actions import Stream
from otpvoice.core.events import ActionFailed, CallAnswered, Event, StreamEnded
from otpvoice.core.media import Disconnected
from otpvoice.core.outcome import Ending, Fault, OwnAction, classify
from otpvoice.core.record import CallRecord
from otpvoice.core.result import Result
from otpvoice.core.streaming import failure_of
from otpvoice.stasis.named import named
from otpvoice.stasis.ports import Clock, Records

log = structlog.get_logger(__name__)

LISTENS_WITHIN: Final = 2.0
"""Seconds that the channel may have to wait for its snoops; it goes on without them after that."""
LOOK_EVERY: Final = 0.2
"""Seconds between two looks whether it was answered: a channel that is not in our hands tells us nothing."""


@dataclass(slots=True)
class Tap:
    """``record`` holds the plan, whose one action is the stream. ``follow`` hears what happens, ``over`` the end."""

    node: AsteriskNode
    party: InboundParty
    record: CallRecord
    opener: Opener
    records: Records
    clock: Clock
    follow: Callable[[CallRecord, Event], None]
    over: Callable[[str], None]
    task: asyncio.Task[None] | None = None
    _done: asyncio.Event = field(default_factory=asyncio.Event)
    _listenings: list[Listening] = field(default_factory=list)
    _ending: Ending = field(default_factory=lambda: Ending(answered=False, inbound=True, fault=Fault.INTERNAL_ERROR))
    _stream: GuardedStream | None = None
    _ended: StreamEnded | None = None
    _silent: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Listen, and send the channel on."""
        self.task = asyncio.create_task(self._run(), name=self.record.id)

    def hang_up(self, by: OwnAction) -> None:
        """Stop listening. The channel is nobody's business here."""
        self._end(own=by)

    def abandon(self) -> None:
        """Let it be, with what is known of it."""
        if self.task is not None:
            self.task.cancel()

    def node_lost(self) -> None:
        """Asterisk has been away for too long."""
        with named(self.record):
            self.party.node_lost()
            self._end(fault=Fault.ASTERISK_LOST)

    def after_gap(self, alive: Set[str], *, restarted: bool) -> None:
        """The events socket was away and is back."""
        with named(self.record):
            self.party.after_gap(alive, restarted=restarted)
            if restarted:
                self._end(fault=Fault.ASTERISK_LOST)
            for listening in self._listenings:
                listening.after_gap(alive)

    def _end(self, own: OwnAction | None = None, fault: Fault | None = None, *, by_callee: bool = False) -> None:
        """The first end stands."""
        if not self._done.is_set():
            answered = self.record.answered_at is not None
            self._ending = Ending(answered=answered, inbound=True, own=own, fault=fault, by_callee=by_callee)
            self._done.set()

    # --- its life ---------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._tap()
        except Exception:
            log.exception("tap.broken", call=self.record.id)
            self._end(fault=Fault.INTERNAL_ERROR)
        finally:
            try:
                self._finish()
            finally:
                await self._let_go()

    async def _tap(self) -> None:
        if self.party.up:
            self._note(CallAnswered(self.party.answered_at))
        order = cast("Stream", self.record.plan.actions[0])
        self.record.stream_ordered(1, order)
        stream = self._stream = GuardedStream(1, order, self._told)
        stream.open(self.opener, None)
        heard = await self._listen(order, stream)
        if not heard and self.party.over:
            self._end(by_callee=True)
        elif not heard and not self._done.is_set():
            self._note(ActionFailed(0, "media_unavailable", "the channel could not be listened to"))
            self._end(fault=Fault.MEDIA_UNAVAILABLE)
        # To its dialplan it is done, unless that is our fault; only what became of it is not known yet.
        told = Ending(answered=True, inbound=True, own=OwnAction.HANG_UP_BY_PLAN)
        if self._done.is_set() and self._ending.fault is not None:
            told = self._ending
        await self.party.go_on(variables_of(Result(classify(told), None)))
        await self.party.close()
        if not self._done.is_set():
            await self._until_done()

    async def _until_done(self) -> None:
        done = asyncio.create_task(self._done.wait(), name=f"{self.record.id}-done")
        try:
            while self.record.answered_at is None and not done.done():
                await asyncio.wait({done}, timeout=LOOK_EVERY)
                await self._look()
            await done
        finally:
            done.cancel()

    async def _look(self) -> None:
        try:
            if not self._done.is_set() and await self.party.channel.state() == "Up":
                self._note(CallAnswered(self.clock.wall()))
        except errors.AriError as error:
            log.debug("tap.not_looked_at", call=self.record.id, error=type(error).__name__)

    async def _listen(self, order: Stream, stream: GuardedStream) -> bool:
        """Snoop on the channel, once for each track. False: not all are to be had within a moment, or it is over."""
        for track in order.tracks:
            spy: Spy = "out" if SOURCES[track] == OUTBOUND else "in"
            told = Told(deaf=partial(self._deaf, track), gone=self._gone)
            name, ear = f"{self.record.id}-tap-{track}", partial(stream.arrived, track)
            self._listenings.append(Listening(self.node, self.party.channel_id, spy, name, ear, told))
        for listening in self._listenings:
            listening.begin()
        heard = asyncio.create_task(self._all_heard(), name=f"{self.record.id}-heard")
        done = asyncio.create_task(self._done.wait(), name=f"{self.record.id}-done")
        try:
            await asyncio.wait({heard, done}, timeout=LISTENS_WITHIN, return_when=asyncio.FIRST_COMPLETED)
            return heard.done()
        finally:
            heard.cancel()
            done.cancel()

    async def _all_heard(self) -> None:
        for listening in self._listenings:
            await listening.heard.wait()

    # --- what is told -----------------------------------------------------------------------------------------------

    def _gone(self) -> None:
        self._end(by_callee=True)

    def _deaf(self, track: str) -> None:
        if track not in self._silent:
            self._silent.add(track)
            self._note(
                ActionFailed(0, "track_silent", f"the track {track} could not be heard, and is silent meanwhile")
            )

    def _told(self, event: StreamEvent) -> None:
        if isinstance(event, StreamEnded):
            self._ended = event
            self._note_end(event)
            self._end(own=OwnAction.HANG_UP_BY_PLAN)
        else:
            self._note(event)

    # --- its end ----------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        if not self._done.is_set():  # cancelled: the process ends
            self._end(own=OwnAction.SHUTDOWN)
        try:
            if self._ended is None and self._stream is not None:
                report = self._stream.finish(self._disconnected_by())
                self._note_end(StreamEnded(1, report, report.ended_at or self.clock.wall()))
        finally:
            self.record.end(classify(self._ending), self.clock.wall())
            self.records.finish(self.record)

    def _disconnected_by(self) -> Disconnected:
        if self._ending.fault is not None:
            return Disconnected.ERROR
        return Disconnected.US if self._ending.own is OwnAction.SHUTDOWN else Disconnected.CALL

    def _note_end(self, ended: StreamEnded) -> None:
        self._note(ended)
        if (failed := failure_of(ended.report, 0)) is not None:
            self._note(failed)

    async def _let_go(self) -> None:
        try:
            await asyncio.gather(self.party.close(), *(listening.close() for listening in self._listenings))
        finally:
            self.over(self.record.id)

    def _note(self, event: Event) -> None:
        self.record.note(event)
        try:
            self.follow(self.record, event)
        except Exception:
            # Who tells us of it is a stream, or listens: neither has to know what breaks here.
            log.exception("tap.follower_broken", call=self.record.id)
            self._end(fault=Fault.INTERNAL_ERROR)
