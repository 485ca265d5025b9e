"""One media leg: a ``chan_websocket`` channel waiting in a bridge of its own, and our socket to it.

It speaks (pushes audio, counts marks), listens for keys, and can prove that it is clean. It knows no call: whoever
took it hears of everything through ``listener``. Legs are made and retired by ``pool`` alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import aiohttp
import structlog

from otpvoice.ari.router import AriEvent
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

log = structlog.get_logger(__name__)

CLEAN_WITHIN: Final = 0.1
"""Seconds for a fresh mark and the status to come back from a leg that is clean."""

LegEvent: TypeAlias = SpeakingStarted | PiecePlayed | SpeakingFinished | SpeakingFailed | DigitReceived | MediaLost
Listener: TypeAlias = Callable[[LegEvent], None]


def bridge_of(leg_id: str) -> str:
    """Return the id of a leg's bridge.

    Not the leg's own: an application's subscriptions are kept by id alone (``res/stasis/app.c``, ``forwards``), so a
    bridge with the id of a channel is never subscribed to, and nobody hears who leaves it.
    """
    return f"{leg_id}-bridge"


class LegEvents:
    """What Asterisk tells of a leg's channel and bridge, from before the leg exists."""

    def __init__(self, leg_id: str) -> None:
        self.entered = asyncio.Event()
        self.gone = asyncio.Event()
        self.alone = asyncio.Event()
        self.alone.set()
        self._leg_id = leg_id

    def hear(self, event: AriEvent) -> None:
        """Take note of an event; the router calls this."""
        match event["type"]:
            case "StasisStart":
                self.entered.set()
            case "ChannelDestroyed" if event["channel"]["id"] == self._leg_id:
                self.gone.set()
            case "ChannelLeftBridge" if event["bridge"]["channels"] == [self._leg_id]:
                self.alone.set()

    async def gone_within(self, seconds: float) -> bool:
        """Wait until Asterisk has said that the channel is gone."""
        return await _within(seconds, self.gone)


async def _within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


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
        self.lost = False
        self._on_lost = on_lost
        self._socket = socket
        self._frame = frame_size
        self._playout = Playout(silence, frame_size)
        self._opened = False
        self._writing = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._answers: dict[str, asyncio.Future[None]] = {}
        self._status: asyncio.Future[wire.QueueStatus] | None = None
        self._reading = asyncio.create_task(self._read(), name=leg_id)

    # --- speaking ---------------------------------------------------------------------------------------------------

    def expect_guest(self) -> None:
        """A channel is about to be added to the bridge: from now on it is not alone until Asterisk says so."""
        self.events.alone.clear()

    def expect_nobody(self) -> None:
        """The channel was refused."""
        self.events.alone.set()

    async def left_alone(self, within: float) -> bool:
        """Wait until nobody else is in the bridge."""
        return await _within(within, self.events.alone)

    async def open(self) -> None:
        """Let Asterisk's playout clock run. ``out``: we only send, so no audio comes in; keys still do."""
        self._opened = True
        await self._write([wire.direction("out")])

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
        await self._write([wire.FLUSH])
        for utterance_id in cut:
            self._tell(SpeakingFinished(utterance_id, time.time(), cut=True))

    # --- being reused -----------------------------------------------------------------------------------------------

    async def clean(self) -> bool:
        """Flush; True when a fresh mark and an empty queue prove that nothing of the last call is left in it."""
        self.listener = None
        if not self._opened:
            return not self.lost  # nothing was ever sent into it
        self._playout.flush()
        mark_id = self._playout.new_mark()
        marked = self._answers[mark_id] = self._loop.create_future()
        status = self._status = self._loop.create_future()
        try:
            async with asyncio.timeout(CLEAN_WITHIN):
                await self._write([wire.FLUSH, wire.mark(mark_id)])
                await marked
                await self._write([wire.GET_STATUS])
                queue = await status
        except (TimeoutError, ConnectionError):
            return False
        finally:
            self._answers.pop(mark_id, None)
            self._status = None
        if queue.length or queue.full or queue.bulk or queue.paused:
            return False
        await self._write([wire.direction("in")])
        self._opened = False
        return not self.lost

    def give_up(self) -> None:
        """The leg is of no use any more; say so, once."""
        if not self.lost:
            self.lost = True
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
                    await self._take(message.data)
        except (ConnectionError, aiohttp.ClientError):
            pass  # told below like any other end
        finally:
            self.give_up()

    async def _take(self, text: str) -> None:
        try:
            event = wire.parse(text)
        except wire.MalformedControl:
            log.warning("leg.malformed_control", leg=self.channel_id, size=len(text))
            return
        match event:
            case wire.MarkProcessed(correlation_id=mark_id):
                if (answer := self._answers.get(mark_id)) is not None and not answer.done():
                    answer.set_result(None)
                self._progress(self._playout.marked(mark_id, self._loop.time()))
                await self._pump()
            case wire.DtmfEnded(digit=digit):
                self._tell(DigitReceived(digit, time.time()))
            case wire.QueueFull():
                self._playout.stop_sending()
            case wire.QueueReady():
                self._playout.go_on()
                await self._pump()
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
                case Unproven(utterance_id=utterance_id, index=index):
                    log.warning("leg.unproven", leg=self.channel_id, piece=index)
                case Finished(utterance_id=utterance_id):
                    self._tell(SpeakingFinished(utterance_id, at, cut=False))

    async def _pump(self) -> None:
        async with self._writing:
            for message in self._playout.outgoing(self._loop.time()):
                await self._send(message)

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

    def _tell(self, event: LegEvent) -> None:
        if self.listener is not None:
            self.listener(event)
