"""The streams of one call: where the audio of their tracks comes from, wherever its parties are moved.

While a party hears us its leg gives what it says, and what we push to it is what it hears. While two parties talk
without us each of them is snooped on, once for all streams together. It opens no socket: that is the opener's business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Set
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

from otpvoice.ari.errands import Errands
from otpvoice.ari.handset import Handset
from otpvoice.ari.listening import Listening, Told
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.open_stream import GuardedStream, Mouth, Opener, OpenStream, StreamEvent
from otpvoice.ari.snoop import Spy
from otpvoice.core.actions import Stream
from otpvoice.core.events import PiecePlayed, SpeakingFinished, StreamEnded, TrackSilent
from otpvoice.core.media import Disconnected, StreamReport, StreamStatus, report_of
from otpvoice.media.streams.words import SPOKEN_BY_STREAMS

__all__ = ["Mouth", "OpenStream", "Opener", "StreamEvent", "Streaming"]

INBOUND: Final = "inbound"
OUTBOUND: Final = "outbound"
SECOND: Final = "second"
SOURCES: Final = {INBOUND: INBOUND, "near": INBOUND, OUTBOUND: OUTBOUND, "far": OUTBOUND, SECOND: SECOND}
"""What each track is. Near is the party on the channel itself, far is what it hears."""


Heard: TypeAlias = StreamEvent | TrackSilent


class Streaming:
    """``tell`` hears of each stream. What breaks here costs a stream, never the call."""

    def __init__(
        self,
        node: AsteriskNode,
        channel_id: str,
        handset: Handset,
        opener: Opener | None,
    ) -> None:
        self.tell: Callable[[Heard], None] = lambda _: None
        self._node, self._channel_id, self._handset, self._opener = node, channel_id, handset, opener
        self._running: dict[int, GuardedStream] = {}
        self._reports: dict[int, StreamReport] = {}
        self._hearers: dict[str, list[tuple[GuardedStream, str]]] = _nobody()
        self._talkers: list[GuardedStream] = []
        self._second: str | None = None
        self._listenings: dict[str, tuple[tuple[str, Spy], Listening]] = {}
        self._snooped = 0
        self._silent: set[tuple[int, str]] = set()
        self._over = False
        self._errands = Errands(f"{channel_id}-streams", _nothing)
        self._closings = Errands(f"{channel_id}-snoops", _nothing)

    # --- streams ----------------------------------------------------------------------------------------------------

    def start(self, number: int, order: Stream) -> None:
        """Open a stream, which hears what is pushed from now on. What comes of it is told."""
        if self._opener is None:
            report = replace(report_of(order), status=StreamStatus.FAILED, disconnected_by=Disconnected.ERROR)
            self.tell(StreamEnded(number, replace(report, error="unavailable"), time.time()))
            return
        if self._over:
            return
        mouth = self._handset if order.talks else None
        stream = self._running[number] = GuardedStream(number, order, self._told)
        try:
            stream.open(self._opener, mouth)
        except Exception as error:
            stream.broke(error)
        self._route()

    def stop(self, number: int) -> None:
        """End a stream, at once: the plan wants it. Told, unless it was over."""
        if (ended := self._finish(number, Disconnected.PLAN)) is not None:
            self._route()
            self.tell(ended)

    def end(self, by: Disconnected) -> list[StreamEnded]:
        """End all streams that run, at once. Returns how each of the call's streams ended; nothing is told."""
        self._over = True
        for number in list(self._running):
            self._finish(number, by)
        at = time.time()
        return [StreamEnded(number, report, report.ended_at or at) for number, report in sorted(self._reports.items())]

    async def close(self) -> None:
        """Let go of everything that listened."""
        self.tell = lambda _: None
        self.end(Disconnected.CALL)
        self._listen_in()
        await asyncio.gather(self._errands.end(), self._closings.finish())

    # --- who is where -----------------------------------------------------------------------------------------------

    def second_joins(self, channel_id: str) -> None:
        """The two parties talk with each other now, and not with us."""
        self._second = channel_id
        self._route()

    def second_leaves(self) -> None:
        """The first party is back with its leg."""
        self._second = None
        self._route()

    def after_gap(self, alive: Set[str]) -> None:
        """The events socket was away and is back: who was snooped on may be gone."""
        for _, listening in self._listenings.values():
            listening.after_gap(alive)

    # --- what the leg tells -----------------------------------------------------------------------------------------

    def digit(self, digit: str) -> None:
        """A key was pressed: whoever talks is told."""
        for stream in self._talkers:
            stream.digit(digit)

    def takes(self, event: PiecePlayed | SpeakingFinished) -> bool:
        """Is this of what a stream said? It is told, then, and nobody else is."""
        if not event.utterance_id.startswith(SPOKEN_BY_STREAMS):
            return False
        if isinstance(event, PiecePlayed):
            for stream in self._talkers:
                stream.played(event.utterance_id, event.index)
        return True

    def pushed(self, audio: bytes, now: float) -> None:
        """Audio has gone to Asterisk's queue: a message of it."""
        for stream, _ in self._hearers[OUTBOUND]:
            stream.pushed(audio, now)

    def synced(self, queued: int, now: float) -> None:
        """So many frames wait in Asterisk's queue now."""
        for stream, _ in self._hearers[OUTBOUND]:
            stream.synced(queued, now)

    def flushed(self, now: float) -> None:
        """Asterisk's queue was thrown away."""
        for stream, _ in self._hearers[OUTBOUND]:
            stream.flushed(now)

    def _from_phone(self, audio: bytes, now: float) -> None:
        if self._second is None:  # else it is snooped on
            for stream, track in self._hearers[INBOUND]:
                stream.arrived(track, audio, now)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _told(self, event: StreamEvent) -> None:
        if isinstance(event, StreamEnded) and event.number in self._running:
            stream = self._running.pop(event.number)
            self._reports[event.number] = event.report
            self._route()
            if stream.order.talks:
                # What the other side said and nobody has heard yet is cut: before the plan says what is next.
                self._handset.clear()
        self.tell(event)

    def _finish(self, number: int, by: Disconnected) -> StreamEnded | None:
        stream = self._running.pop(number, None)
        if stream is None:
            return None
        report = self._reports[number] = stream.finish(by)
        return StreamEnded(number, report, report.ended_at or time.time())

    def _route(self) -> None:
        """Have every track of every stream come from where its party is now."""
        # New ones: a stream may end while those of now are told something.
        self._hearers = _nobody()
        for stream in self._running.values():
            for track in stream.order.tracks:
                self._hearers[SOURCES[track]].append((stream, track))
        self._talkers = [stream for stream in self._running.values() if stream.order.talks]
        self._handset.ear = self._from_phone if self._hearers[INBOUND] else None
        self._handset.watch = self if self._hearers[OUTBOUND] else None
        self._errands.start(self._handset.listen(bool(self._hearers[INBOUND])), "listen")
        self._listen_in()

    def _listen_in(self) -> None:
        """Snoop on whom somebody wants to hear and no leg of ours hears; no more on the others."""
        wanted: dict[str, tuple[str, Spy]] = {}
        if self._second is not None and not self._over:
            ways: dict[str, tuple[str, Spy]] = {
                INBOUND: (self._channel_id, "in"),
                OUTBOUND: (self._channel_id, "out"),
                SECOND: (self._second, "in"),
            }
            wanted = {source: way for source, way in ways.items() if self._hearers[source]}
        for source, (way, listening) in list(self._listenings.items()):
            if wanted.get(source) != way:
                del self._listenings[source]
                self._closings.start(listening.close(), "close")
        for source, way in wanted.items():
            if source not in self._listenings:
                self._snooped += 1
                name = f"{self._channel_id}-snoop-{self._snooped}"
                told = Told(deaf=partial(self._deaf, source), gone=_nothing)
                listening = Listening(self._node, *way, name, partial(self._overheard, source), told)
                self._listenings[source] = way, listening
                listening.begin()

    def _overheard(self, source: str, audio: bytes, now: float) -> None:
        if self._second is not None:  # else the leg hears it again
            for stream, track in self._hearers[source]:
                stream.arrived(track, audio, now)

    def _deaf(self, source: str) -> None:
        """Nothing is heard of a party for now: whose track is silent meanwhile is told so, once."""
        for number, stream in self._running.items():
            for track in stream.order.tracks:
                if SOURCES[track] == source and (number, track) not in self._silent:
                    self._silent.add((number, track))
                    self.tell(TrackSilent(number, track, time.time()))


def _nobody() -> dict[str, list[tuple[GuardedStream, str]]]:
    return {source: [] for source in (INBOUND, OUTBOUND, SECOND)}


def _nothing() -> None:
    """Whose channel is gone is told by whoever has it."""
