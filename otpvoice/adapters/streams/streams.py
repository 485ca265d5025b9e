"""All streams of a process: opens them, ticks for them, and sees them off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping

from otpvoice.adapters.streams.connecting import Connecting
from otpvoice.adapters.streams.dialling import Client, Dialler
from otpvoice.adapters.streams.limits import Limits, Timings
from otpvoice.adapters.streams.ports import Mouth, Tell
from otpvoice.adapters.streams.socket import Socket
from otpvoice.adapters.streams.stream import MediaStream
from otpvoice.adapters.streams.surroundings import Surroundings
from otpvoice.adapters.streams.talk import Talk
from otpvoice.adapters.streams.ticker import Ticker
from otpvoice.core.actions import Stream
from otpvoice.core.media import Disconnected, StreamReport
from otpvoice.media.g711 import SILENCE
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.tracks import Tracks
from otpvoice.media.streams.words import SPOKEN_BY_STREAMS, Facts, Format


class Streams:
    """``clock``: Unix seconds. ``client`` stays its owner's, and is closed after this.

    ``ended`` is told of each stream at its end, in the moment in which it leaves ``reports``.
    """

    def __init__(
        self,
        client: Client,
        *,
        formats: Mapping[str, Format] = FORMATS,
        timings: Timings | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
        ended: Callable[[StreamReport], None] = lambda _: None,
    ) -> None:
        self._formats, self._clock, self._ended = formats, clock, ended
        self._timings, self._limits = timings or Timings(), limits or Limits()
        self._dialler = Dialler(client, self._timings, self._limits, clock=clock)
        self._open: dict[MediaStream, None] = {}
        self._leaving: set[asyncio.Future[None]] = set()
        self._ticker = Ticker(self._tick)

    @property
    def count(self) -> int:
        """Streams that are open."""
        return len(self._open)

    @property
    def reports(self) -> Iterator[StreamReport]:
        """What is known of those by now."""
        return (stream.report for stream in self._open)

    def open(self, order: Stream, facts: Facts, mouth: Mouth | None, tell: Tell) -> MediaStream:
        """Begin a stream. What comes of it is told, and never before this returns.

        ``mouth``: where a stream that talks is heard. ``KeyError``: there is no such format. ``ValueError``: it would
        talk, and has no mouth.
        """
        how = self._formats[order.format]
        talk = None
        if order.talks:
            if mouth is None:
                raise ValueError("a stream that talks needs a mouth")
            talk = Talk(
                f"{SPOKEN_BY_STREAMS}{facts.stream_id}",
                mouth,
                facts.law,
                clear_returns_marks=how.clear_returns_marks,
                timings=self._timings,
                limits=self._limits,
            )
        around = Surroundings(tell, self._see_off, lambda: self._over(stream), self._timings, self._limits, self._clock)
        tracks = Tracks(facts.tracks, SILENCE[facts.law], asyncio.get_running_loop().time())
        connecting = Connecting(self._dialler, order, how, facts, timings=self._timings, limits=self._limits)
        stream = MediaStream(order, facts, how, connecting=connecting, tracks=tracks, talk=talk, around=around)
        self._open[stream] = None
        self._ticker.start()
        return stream

    async def close(self) -> None:
        """End what is open, and wait until all have taken leave: as long as closing takes, and no longer."""
        for stream in list(self._open):
            stream.finish(Disconnected.US)
        while self._leaving:
            await asyncio.wait(self._leaving)

    def _tick(self, now: float) -> None:
        for stream in list(self._open):
            try:
                stream.tick(now)
            except Exception as error:
                stream.break_down(error)

    def _see_off(self, socket: Socket) -> None:
        self._leaving.add(socket.gone)
        socket.gone.add_done_callback(self._leaving.discard)

    def _over(self, stream: MediaStream) -> None:
        self._open.pop(stream, None)
        self._ended(stream.report)
        if not self._open:
            self._ticker.stop()
