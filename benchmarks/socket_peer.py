"""A customer's end of many WebSockets in a process of its own: it reads all, tells how late, and talks where asked to.

A message says at its beginning when it was sent, in nanoseconds of the clock that all processes share
(``CLOCK_MONOTONIC``), so a delay is one subtraction.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

import aiohttp
import uvloop
from aiohttp import web

from benchmarks.worker import obey

FRAME_SECONDS: Final = 0.02
TURN: Final = 0.001
"""Seconds between two turns of who is paced: all that is due in 20 ms is spread over them, as calls are."""
TURNS: Final = round(FRAME_SECONDS / TURN)
_HEAD: Final = b'{"event":"media","streamSid":"MZ0123456789abcdef0123456789abcdef","sent":"'
_TAIL: Final = b'","media":{"track":"inbound","chunk":"12345","timestamp":"246900","payload":"' + b"f" * 216 + b'"}}'
_AT: Final = slice(len(_HEAD), len(_HEAD) + 20)


def message() -> bytes:
    """Return 20 ms of G.711 as a media message of the common kind is long, sent now."""
    return b"%b%020d%b" % (_HEAD, time.monotonic_ns(), _TAIL)


def delay(text: bytes) -> float:
    """Return the seconds since it was sent."""
    return (time.monotonic_ns() - int(text[_AT])) / 1e9


class Pacer:
    """Calls each of ``senders`` every 20 ms, in turns of a millisecond; late turns are made up for at once."""

    def __init__(self, senders: list[Callable[[], None]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._turns = [senders[turn::TURNS] for turn in range(TURNS)]
        self._begin, self._done = self._loop.time(), 0
        self._timer = self._loop.call_soon(self._turn)

    def stop(self) -> None:
        """Send nothing more."""
        self._timer.cancel()

    def _turn(self) -> None:
        due = int((self._loop.time() - self._begin) / TURN)
        while self._done < due:
            for send in self._turns[self._done % TURNS]:
                send()
            self._done += 1
        self._timer = self._loop.call_later(TURN, self._turn)


class Peer:
    """``delays``: of every message that came since ``begin``, in seconds."""

    def __init__(self) -> None:
        self._delays: list[float] = []
        self._sockets: set[web.WebSocketResponse] = set()
        self._pacer: Pacer | None = None

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Read one connection to its end."""
        socket = web.WebSocketResponse(compress=False, decode_text=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        async for one in socket:
            self._delays.append(delay(one.data))
        self._sockets.discard(socket)
        return socket

    def begin(self, *, talk: bool) -> None:
        """Count from now on, and talk 50 times a second on each connection."""
        self._delays.clear()
        if talk:
            self._pacer = Pacer([self._sender(socket) for socket in self._sockets])

    def end(self) -> list[float]:
        """Return the delays, sorted."""
        if self._pacer is not None:
            self._pacer.stop()
            self._pacer = None
        return sorted(self._delays)

    @staticmethod
    def _sender(socket: web.WebSocketResponse) -> Callable[[], None]:
        def send() -> None:
            run_at_once(socket.send_frame(message(), aiohttp.WSMsgType.TEXT))

        return send


def run_at_once(coroutine: Any) -> None:
    """Run a coroutine that has nothing to wait for. RuntimeError: it waits; these messages are small and are read."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("it would have waited")


async def main() -> None:
    """Orders: ``start`` (its port; ``certificate`` makes it TLS), ``begin`` (``talk``), ``end`` (the delays)."""
    peer, app = Peer(), web.Application()
    app.router.add_get("/", peer.serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()

    async def orders(order: dict[str, Any]) -> Any:
        match order["order"]:
            case "start":
                tls = None
                if order["certificate"]:
                    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                    tls.load_cert_chain(order["certificate"])
                await (site := web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)).start()
                return site.port
            case "begin":
                return peer.begin(talk=order["talk"])
            case "end":
                return peer.end()
            case _:
                raise ValueError(order["order"])

    await obey(orders)
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main())
