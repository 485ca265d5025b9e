"""A stream of a call as its opener returns it, and a guard around it: what breaks in there costs the stream alone.

It carries nothing and reads no audio: it passes calls on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeAlias

import structlog

from otpvoice.ari import errors
from otpvoice.ari.behalf import Behalf
from otpvoice.core.actions import Stream
from otpvoice.core.events import StreamEnded, StreamStarted
from otpvoice.core.media import Disconnected, StreamReport, StreamStatus, report_of
from otpvoice.media.playout import Piece

log = structlog.get_logger(__name__)


class OpenStream(Protocol):
    """A stream as its opener returns it. Nothing of it waits or raises; ``now`` is the event loop's."""

    @property
    def report(self) -> StreamReport: ...
    def arrived(self, track: str, audio: bytes, now: float, /) -> None: ...
    def pushed(self, audio: bytes, now: float, /) -> None: ...
    def synced(self, queued: int, now: float, /) -> None: ...
    def flushed(self, now: float, /) -> None: ...
    def digit(self, digit: str, /) -> None: ...
    def played(self, utterance_id: str, index: int, /) -> None: ...
    def finish(self, by: Disconnected, /) -> StreamReport: ...


class Mouth(Protocol):
    """How a stream that talks is heard. ``say`` and ``clear`` never wait."""

    def say(self, utterance_id: str, pieces: Sequence[Piece], /) -> None: ...
    def clear(self) -> None: ...


StreamEvent: TypeAlias = StreamStarted | StreamEnded


class Opener(Protocol):
    """Opens a stream of a call: its number there, what is wanted, how it is heard, and who is told of it."""

    def __call__(
        self, number: int, order: Stream, mouth: Mouth | None, tell: Callable[[StreamEvent], None], /
    ) -> OpenStream: ...


class GuardedStream:
    """An ``OpenStream`` that keeps its word, whatever it is made of. Its end is told once, or ``finish`` returns it.

    The first call that raises ends it: ``StreamEnded``, failed, ``internal``; it is finished, and called no more.
    """

    def __init__(self, number: int, order: Stream, tell: Callable[[StreamEvent], None]) -> None:
        self.order = order
        self._number, self._tell, self._behalf = number, tell, Behalf()
        self._stream: OpenStream | None = None
        self._final: StreamReport | None = None

    def open(self, opener: Opener, mouth: Mouth | None) -> None:
        """Have it opened, once. Raises what the opener raises: ``broke`` it then, or ``finish`` it."""
        self._stream = opener(self._number, self.order, mouth, self._told)

    def arrived(self, track: str, audio: bytes, now: float) -> None:
        """Audio of a track has come."""
        # Written out: this is done 50 times a second, for each track of each call.
        if self._final is None and self._stream is not None:
            try:
                self._stream.arrived(track, audio, now)
            except Exception as error:
                self.broke(error)

    def pushed(self, audio: bytes, now: float) -> None:
        """Audio has gone into Asterisk's queue."""
        self._call(lambda stream: stream.pushed(audio, now))

    def synced(self, queued: int, now: float) -> None:
        """So many frames wait in Asterisk's queue."""
        self._call(lambda stream: stream.synced(queued, now))

    def flushed(self, now: float) -> None:
        """Asterisk's queue was thrown away."""
        self._call(lambda stream: stream.flushed(now))

    def digit(self, digit: str) -> None:
        """A key was pressed."""
        self._call(lambda stream: stream.digit(digit))

    def played(self, utterance_id: str, index: int) -> None:
        """A piece of what the other side said was played."""
        self._call(lambda stream: stream.played(utterance_id, index))

    def finish(self, by: Disconnected) -> StreamReport:
        """End it now. Returns how; nothing is told any more."""
        if self._final is None:
            self._final = self._finished(by)
        return self._final

    def broke(self, error: Exception) -> None:
        """It is of no use any more: end it, and tell."""
        if self._final is None:
            self._behalf.run(self._break, error)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _call(self, call: Callable[[OpenStream], None]) -> None:
        if self._final is None and self._stream is not None:
            try:
                call(self._stream)
            except Exception as error:
                self.broke(error)

    def _break(self, error: Exception) -> None:
        self._say_what_broke(error)
        self._final = self._broken()
        if self._stream is not None:
            try:
                self._final = self._broken(self._stream.finish(Disconnected.ERROR))
            except Exception as another:
                log.debug("stream.not_finished", stream=self.order.name, error=type(another).__name__)
        self._tell(StreamEnded(self._number, self._final, self._final.ended_at or time.time()))

    def _told(self, event: StreamEvent) -> None:
        if self._final is None:
            if isinstance(event, StreamEnded):
                self._final = event.report
            self._behalf.run(self._tell, event)

    def _finished(self, by: Disconnected) -> StreamReport:
        if self._stream is None:
            return self._broken()
        try:
            return self._stream.finish(by)
        except Exception as error:
            self._say_what_broke(error)
            return self._broken()

    def _broken(self, report: StreamReport | None = None) -> StreamReport:
        """Return its report as of something of ours that is broken. ``report``: what it says of itself."""
        return replace(
            report or report_of(self.order),
            status=StreamStatus.FAILED,
            disconnected_by=Disconnected.ERROR,
            ended_at=time.time(),
            error="internal",
        )

    def _say_what_broke(self, error: Exception) -> None:
        where = errors.place_of(error)
        log.error("stream.broken", stream=self.order.name, error=type(error).__name__, where=where)
