"""chan_websocket: media legs, the socket that each waits for, and the tick that moves their audio.

The queue itself is ``media_queue.py``. JSON control messages only: the fake refuses a leg without ``f(json)``,
where Asterisk would fall back to plain text.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from aiohttp import WSMsgType, web

from tests.fakes.call import Heard
from tests.fakes.causes import NETWORK_OUT_OF_ORDER, NORMAL
from tests.fakes.channels import Channel
from tests.fakes.media_queue import COMMAND_MAX, MESSAGE_MAX, FrameQueue, MediaEvent
from tests.fakes.outbox import CLOSE_TIMEOUT, Outbox

if TYPE_CHECKING:
    from tests.fakes.asterisk import FakeAsterisk

CONNECT_TIMEOUT: Final = 30.0
# 20 ms of each format, in bytes.
FRAME_SIZES: Final = {"ulaw": 160, "alaw": 160, "g722": 160, "slin": 320, "slin16": 640}


class MediaLeg:
    """A WebSocket channel's driver side. ``connection_id`` is all that a client needs to take it."""

    def __init__(self, asterisk: FakeAsterisk, channel: Channel, codec: str, options: dict[str, str]) -> None:
        self.channel = channel
        self.connection_id = str(uuid.uuid4())
        self.codec = codec
        self.queue = FrameQueue(FRAME_SIZES[codec], complaints=asterisk.complaints)
        match options.get("d"):
            case "in" | "out" as direction:
                self.queue.direction = direction
        self.outbox: Outbox | None = None
        self._asterisk = asterisk
        self._answers_itself = "n" not in options
        self._answered = asyncio.Event()
        channel.leg = self

    @property
    def variables(self) -> dict[str, str]:
        return {
            "MEDIA_WEBSOCKET_CONNECTION_ID": self.connection_id,
            "MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE": str(self.queue.frame_size),
        }

    def digit(self, digit: str) -> None:
        self._event({"event": "DTMF_END", "digit": digit})

    def ended(self, code: int) -> None:
        """Its channel is gone."""
        self._asterisk.legs.pop(self.connection_id, None)
        if self.outbox is not None:
            self.outbox.close(code)

    def cut(self) -> None:
        """The connection is reset; the channel's read fails, and it hangs up."""
        if self.outbox is not None:
            self.outbox.abort()
            self._asterisk.switch.hung_up(self.channel, NETWORK_OUT_OF_ORDER, 1001)

    def tick(self, at: float) -> None:
        """One frame to everybody in the bridge who listens, one frame back from whoever speaks."""
        frame, events = self.queue.tick(at)
        for event in events:
            if not self._asterisk.faults.loses_mark(event):
                self._event(event)
        for call in self.channel.bridge.calls if self.channel.bridge is not None else []:
            if frame is not None and call.listening:
                call.heard.append(Heard(at, frame))

    def inbound(self, frame: bytes) -> None:
        if self.outbox is not None and self.queue.direction != "out":
            self.outbox.send(frame)

    def _event(self, event: MediaEvent) -> None:
        if self.outbox is not None:
            said = {"event": event["event"], "channel_id": self.channel.id} | event
            self.outbox.send(json.dumps(said, separators=(",", ":")))

    async def attach(self, request: web.Request) -> web.WebSocketResponse:
        """Serve the one socket of this leg, from MEDIA_START to its end."""
        socket = web.WebSocketResponse(
            protocols=("media",), max_msg_size=0, autoping=False, timeout=CLOSE_TIMEOUT, compress=False
        )
        await socket.prepare(request)
        self.outbox = Outbox(socket, request)
        try:
            self._asterisk.faults.media_starts(self._start, self._answer)
            await self._read(socket)
        finally:
            await self.outbox.finish()
        return socket

    def _start(self) -> None:
        self._event(
            {
                "event": "MEDIA_START",
                "connection_id": self.connection_id,
                "channel": self.channel.name,
                "format": self.codec,
                "optimal_frame_size": self.queue.frame_size,
                "ptime": 20,
                "channel_variables": self.channel.variables | self.variables,
            }
        )

    def _answer(self) -> None:
        if self._answers_itself:
            self._answered.set()

    async def answered(self) -> bool:
        """Wait for the client: False when it does not come within 30 s."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT / self._asterisk.clock.speed):
                await self._answered.wait()
        except TimeoutError:
            return False
        return True

    async def _read(self, socket: web.WebSocketResponse) -> None:
        while True:
            message = await socket.receive()
            self._asterisk.ticker.advance()
            match message.type:
                case WSMsgType.TEXT:
                    self._command(message.data)
                case WSMsgType.BINARY:
                    if len(message.data) > MESSAGE_MAX:
                        self._hang_up(NETWORK_OUT_OF_ORDER, 1001, close=1009)
                        return
                    self._events(self.queue.audio(message.data, self._asterisk.clock.now()))
                case WSMsgType.PING:
                    assert self.outbox is not None
                    await self.outbox.pong(message.data)
                case WSMsgType.CLOSE:
                    self._hang_up(NORMAL, 1001)
                    return
                case WSMsgType.CLOSING | WSMsgType.CLOSED | WSMsgType.ERROR:
                    # Gone without a CLOSE; or closed by ourselves, and then the channel is gone already.
                    self._hang_up(NETWORK_OUT_OF_ORDER, 1001)
                    return
                case _:
                    continue
            self._asterisk.ticker.wake()
            self._asterisk.changed()

    def _command(self, text: str) -> None:
        name = command_of(text)
        self._asterisk.faults.command_arrives(name, self)
        match name:
            case "ANSWER":
                self._answered.set()
            case "HANGUP":
                self._hang_up(NORMAL, 1000)
            case _:
                self._events(self.queue.command(text, self._asterisk.clock.now()))

    def _events(self, events: list[MediaEvent]) -> None:
        for event in events:
            self._event(event)

    def _hang_up(self, cause: int, tech_cause: int, *, close: int | None = None) -> None:
        if close is not None and self.outbox is not None:
            self.outbox.close(close)
        self._asterisk.switch.hung_up(self.channel, cause, tech_cause)


def command_of(text: str) -> str | None:
    """The name of a command that is short enough to be read."""
    try:
        body: Any = json.loads(text) if len(text.encode()) <= COMMAND_MAX else None
    except ValueError:
        return None
    return body.get("command") if isinstance(body, dict) else None
