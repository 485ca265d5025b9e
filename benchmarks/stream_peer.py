"""A customer's WebSocket server in a process of its own: it hears coded audio on many streams, and speaks where asked.

It speaks the commonest format, of which it reads no more than it must: what it costs shares the machine with what is
measured.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any, Final

import aiohttp
import orjson
import uvloop
from aiohttp import web

from benchmarks.coded import Heard, coded, told
from benchmarks.socket_peer import Pacer, run_at_once
from benchmarks.worker import obey

_PAYLOAD: Final = b'"payload":"'
_CODE: Final = 24
"""Characters of base64 in which a frame says its code."""


class Stream:
    """One connection."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.heard = Heard()
        self.began = False
        self._socket, self._id, self._said = socket, "", 0

    async def run(self) -> None:
        """Read to the end."""
        async for message in self._socket:
            text = message.data
            if (at := text.find(_PAYLOAD)) > 0:
                begin = at + len(_PAYLOAD)
                self.heard.hear(base64.b64decode(text[begin : begin + _CODE]), time.monotonic_ns())
            elif (event := orjson.loads(text))["event"] == "start":
                self._id, self.began = event["start"]["streamSid"], True

    def say(self) -> None:
        """Speak 20 ms."""
        audio = base64.b64encode(coded(self._said)).decode()
        self._said += 1
        text = f'{{"event":"media","streamSid":"{self._id}","media":{{"payload":"{audio}"}}}}'
        if not self._socket.closed:
            run_at_once(self._socket.send_frame(text.encode(), aiohttp.WSMsgType.TEXT))


class Peer:
    """``streams``: those that are connected."""

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self._pacer: Pacer | None = None

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Take one stream."""
        socket = web.WebSocketResponse(compress=False, decode_text=False)
        await socket.prepare(request)
        self.streams.add(stream := Stream(socket))
        try:
            await stream.run()
        finally:
            self.streams.discard(stream)
        return socket

    def speak(self) -> None:
        """Speak on all streams from now on."""
        says: list[Callable[[], None]] = [stream.say for stream in self.streams]
        self._pacer = Pacer(says)

    def be_silent(self) -> None:
        """Speak no more."""
        if self._pacer is not None:
            self._pacer.stop()
            self._pacer = None


async def main() -> None:
    """Orders: ``start`` (its port), ``streams`` (how many), ``speak``, ``be_silent``, ``begin``, ``end`` (``told``)."""
    peer, app = Peer(), web.Application()
    app.router.add_get("/stream", peer.serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await (site := web.TCPSite(runner, "127.0.0.1", 0)).start()

    async def orders(order: dict[str, Any]) -> Any:
        match order["order"]:
            case "start":
                return site.port
            case "streams":
                return sum(stream.began for stream in peer.streams)
            case "speak":
                return peer.speak()
            case "be_silent":
                return peer.be_silent()
            case "begin":
                for stream in peer.streams:
                    stream.heard.anew()
                return None
            case "end":
                return told([stream.heard for stream in peer.streams])
            case _:
                raise ValueError(order["order"])

    await obey(orders)
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main())
