"""One media leg: a ``chan_websocket`` channel waiting in a bridge of its own, and our socket to it.

It speaks (pushes audio, counts marks), listens for keys and, where somebody wants it, to what is said, and can prove
that it is clean. It knows no call: whoever took it hears of everything through ``listener``, ``ear`` and ``watch``, and
``behalf`` is theirs: what it logs meanwhile bears their name.
Legs are made and retired by ``pool`` alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import aiohttp
import structlog

from otpvoice.ari.behalf import Behalf
from otpvoice.ari.ears import Ear, Watch
from otpvoice.ari.leg_events import LegEvents, bridge_of, within_seconds
from otpvoice.core.events import (
    DigitReceived,
    MediaLost,
    PiecePlayed,
    SpeakingFailed,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.media import chan_websocket as wire
from otpvoice.media.playout import Finished, Piece, Played, Playout, Progress, Unproven

__all__ = ["LegEvent", "LegEvents", "Listener", "MediaLeg", "bridge_of"]

log = structlog.get_logger(__name__)

CLEAN_WITHIN: Final = 0.1
"""Seconds for a fresh mark and the status to come back from a leg that is clean."""

LegEvent: TypeAlias = SpeakingStarted | PiecePlayed | SpeakingFinished | SpeakingFailed | DigitReceived | MediaLost
Listener: TypeAlias = Callable[[LegEvent], None]


class MediaLeg:
    """``channel_id`` and ``bridge_id`` are ours; ``silence`` is one sample of the codec's silence."""

    def __init__(
        self,
        leg_id: str,
        *,
        socket: aiohttp.ClientWebSocketResponse,
        events: LegEvents,
        silence: bytes,
        frame_size: int,
        on_lost: Callable[[], None],
    ) -> None:
        self.channel_id, self.bridge_id = leg_id, bridge_of(leg_id)
        self.events = events
        self.listener: Listener | None = None
        self.ear: Ear | None = None
        self.watch: Watch | None = None
        self.behalf = Behalf.of_nobody()
        self.listening = False
        self.lost = False
        self._on_lost = on_lost
        self._socket = socket
        self._frame = frame_size
        self._playout = Playout(silence, frame_size)
        self._opened = self._visited = self._flush_due = False
        self._pumping: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._answers: dict[str, asyncio.Future[None]] = {}
        self._status: asyncio.Future[wire.QueueStatus] | None = None
        self._reading = asyncio.create_task(self._read(), name=leg_id)

    # --- speaking ---------------------------------------------------------------------------------------------------

    def expect_guest(self) -> None:
        """A channel is about to be added to the bridge: from now on it is not alone until Asterisk says so."""
        self._visited = True
        self.events.alone.clear()

    def expect_nobody(self) -> None:
        """The channel was refused."""
        self.events.alone.set()

    async def left_alone(self, within: float) -> bool:
        """Wait until nobody else is in the bridge."""
        return await within_seconds(within, self.events.alone)

    async def open(self) -> None:
        """Let Asterisk's playout clock run. ``out``: we only send, so no audio comes in; keys still do."""
        self._opened = True
        await self._write([self._direction()])

    async def listen(self, wanted: bool) -> None:
        """Have what is said on the other side sent to ``ear``, or not any more; what is on its way then still comes.

        From ``open`` on, where that is to come: before it, and in a leg that never is, the direction is ``in`` anyway.
        """
        if wanted != self.listening:
            self.listening = wanted
            if self._opened:
                await self._write([self._direction()])

    def say(self, utterance_id: str, pieces: Sequence[Piece]) -> bool:
        """Push what somebody says as it comes, 20 ms at a time say; whole frames. Never waits.

        Of its pieces ``PiecePlayed`` tells, also where nobody can prove it; of its begin and end nothing does. False:
        so much waits (``MAX_WAITING``) that its audio was not taken; its pieces are told of all the same.
        """
        taken = self._playout.append(utterance_id, pieces)
        self._pump_soon()
        return taken

    def clear(self) -> None:
        """Throw away what was said and nobody has heard; what is said after this is not. Never waits."""
        if not self._playout.idle:
            self._playout.flush()
            self._flush_due = True
            self._pump_soon()

    async def speak(self, utterance_id: str, pieces: Sequence[Piece]) -> None:
        """Push an utterance. The listener is told of its start, its pieces and its end."""
        seconds = sum(len(piece.audio) for piece in pieces) / self._frame * 0.02
        self._playout.begin(utterance_id, pieces)
        await self._pump()
        self._tell(SpeakingStarted(utterance_id, time.time(), seconds))

    async def stop(self) -> None:
        """Cut what is being spoken: throw away what waits, here and in Asterisk."""
        if self._playout.idle:
            return
        cut = self._playout.flush()
        self._flush_due = True
        await self._pump()
        for utterance_id in cut:
            self._tell(SpeakingFinished(utterance_id, time.time(), cut=True))

    # --- being reused -----------------------------------------------------------------------------------------------

    async def clean(self) -> bool:
        """Forget whom it was for, and flush; True when it is proven that nothing of the last call is left in it.

        Here a fresh mark and an empty queue prove it; and on the way to us, what comes after all that Asterisk has
        sent: what was said in the last call is read, and thrown away, before the answer to the status.
        """
        self.listener = self.ear = self.watch = None
        self.listening = self._flush_due = False
        if not (self._opened or self._visited):
            return not self.lost  # nothing was ever sent into it, or by anybody in it
        self._playout.flush()
        try:
            async with asyncio.timeout(CLEAN_WITHIN):
                if self._opened:
                    await self._drained()
                queue = await self._queue_status()
        except (TimeoutError, ConnectionError):
            return False
        if queue.length or queue.full or queue.bulk or queue.paused:
            return False
        if self._opened:
            await self._write([wire.direction("in")])
        self._opened = self._visited = False
        return not self.lost

    async def _drained(self) -> None:
        """Flush, and wait for a mark of our own: no timer runs, and none comes back, where the direction is ``in``."""
        mark_id = self._playout.new_mark()
        marked = self._answers[mark_id] = self._loop.create_future()
        try:
            await self._write([wire.FLUSH, wire.mark(mark_id)])
            await marked
        finally:
            del self._answers[mark_id]

    async def _queue_status(self) -> wire.QueueStatus:
        status: asyncio.Future[wire.QueueStatus] = self._loop.create_future()
        self._status = status
        try:
            await self._write([wire.GET_STATUS])
            return await status
        finally:
            self._status = None

    def give_up(self) -> None:
        """The leg is of no use any more; say so, once."""
        if not self.lost:
            self.lost = True
            self._flushed()
            self._tell(MediaLost(time.time()))
            self._on_lost()

    async def hang_up(self) -> None:
        """End the leg from our side. The pool waits for Asterisk to say that it is gone."""
        self._reading.cancel()
        try:
            async with asyncio.timeout(1.0):
                await self._socket.close()
        except TimeoutError:
            log.debug("leg.close_unanswered", leg=self.channel_id)
        await asyncio.gather(self._reading, return_exceptions=True)

    # --- the socket -------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Always read: a media socket that is not read blocks Asterisk's channel thread."""
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.behalf.run(self._take, message.data)
                elif message.type is aiohttp.WSMsgType.BINARY and self.ear is not None:
                    self.ear(message.data, self._loop.time())
        except (ConnectionError, aiohttp.ClientError):
            pass  # told below like any other end
        finally:
            self.give_up()

    def _take(self, text: str) -> None:
        try:
            event = wire.parse(text)
        except wire.MalformedControl:
            log.warning("leg.malformed_control", leg=self.channel_id, size=len(text))
            return
        match event:
            case wire.MarkProcessed(correlation_id=mark_id):
                if (answer := self._answers.get(mark_id)) is not None and not answer.done():
                    answer.set_result(None)
                now = self._loop.time()
                self._progress(self._playout.marked(mark_id, now))
                if self.watch is not None:
                    self.watch.synced(self._playout.queued, now)
                self._pump_soon()
            case wire.DtmfEnded(digit=digit):
                self._tell(DigitReceived(digit, time.time()))
            case wire.QueueFull():
                self._playout.stop_sending()
            case wire.QueueReady():
                self._playout.go_on()
                self._pump_soon()
            case wire.QueueStatus():
                if self._status is not None and not self._status.done():
                    self._status.set_result(event)
            case wire.Refused(text=reason):
                log.warning("leg.refused", leg=self.channel_id, reason=reason)
            case wire.MediaStarted() | wire.Other():
                pass

    def _progress(self, progress: list[Progress]) -> None:
        at = time.time()
        for step in progress:
            match step:
                case Played(utterance_id=utterance_id, index=index):
                    self._tell(PiecePlayed(utterance_id, index, at))
                case Unproven(utterance_id=utterance_id, index=index, live=live):
                    log.warning("leg.unproven", leg=self.channel_id, piece=index)
                    if live:
                        self._tell(PiecePlayed(utterance_id, index, at))
                case Finished(utterance_id=utterance_id):
                    self._tell(SpeakingFinished(utterance_id, at, cut=False))

    async def _pump(self) -> None:
        """Write until nothing may be written any more: what is said meanwhile has no pump of its own."""
        async with self._writing:
            while not self.lost:
                if self._flush_due:
                    self._flush_due = False
                    await self._send(wire.FLUSH)
                    self._flushed()
                if not (messages := self._playout.outgoing(self._loop.time())):
                    break
                for message in messages:
                    if self.watch is not None and isinstance(message, bytes):
                        self.watch.pushed(message, self._loop.time())
                    await self._send(message)

    def _pump_soon(self) -> None:
        if self._pumping is None or self._pumping.done():
            self._pumping = asyncio.create_task(self._pump(), name=f"{self.channel_id}-say")

    async def _write(self, messages: Sequence[str]) -> None:
        async with self._writing:
            for message in messages:
                await self._send(message)

    async def _send(self, message: bytes | str) -> None:
        try:
            if isinstance(message, bytes):
                await self._socket.send_bytes(message)
            else:
                await self._socket.send_str(message)
        except (ConnectionError, aiohttp.ClientError):
            self.give_up()

    def _direction(self) -> str:
        return wire.direction("both" if self.listening else "out")

    def _flushed(self) -> None:
        if self.watch is not None:
            self.watch.flushed(self._loop.time())

    def _tell(self, event: LegEvent) -> None:
        if self.listener is not None:
            self.listener(event)
