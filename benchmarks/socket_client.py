"""Our end of many WebSockets, by one library, in a process of its own: what its messages cost is this process's CPU.

Each library is used the fastest way that its documentation names. ``floor`` is none of them: frames with a mask of
zeros are written to the transport, and their payload is cut out of what comes; what remains is the loop and the kernel.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from functools import cache
from importlib import import_module
from typing import Any, Final, TypeAlias

import aiohttp
import uvloop

from benchmarks.memory import resident_kb
from benchmarks.socket_peer import Pacer, delay, message, run_at_once
from benchmarks.worker import obey
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.outbound.connections import Attempt, Connections, Door, current_attempt
from otpvoice.adapters.streams.frames import Incoming, Opcode, frame
from otpvoice.trust.addresses import parse_allow

Heard: TypeAlias = Callable[[bytes], None]
Send: TypeAlias = Callable[[], None]
Library: TypeAlias = Callable[[str, ssl.SSLContext | None, Heard], Awaitable[Send]]
"""Connects; returns what sends one message, now. Whatever it starts lives as long as the process."""

_TEXT: Final = aiohttp.WSMsgType.TEXT
_alive: Final[list[Any]] = []


@cache
def _session(tls: ssl.SSLContext | None) -> aiohttp.ClientSession:
    """Return the session that the guarded client has, but for its bounds."""
    current_attempt.set(Attempt())
    connections = Connections(parse_allow(()), None, tls, most=0, per_host=0)
    _alive.append(connections)
    return connections.session(Door.TRUSTED)


@cache
def _client(tls: ssl.SSLContext | None) -> GuardedClient:
    return GuardedClient(parse_allow(()), tls=tls)


async def by_aiohttp(url: str, tls: ssl.SSLContext | None, heard: Heard) -> Send:
    """One task reads; what is sent is sent at once."""
    socket = await _session(tls).ws_connect(url, decode_text=False)

    async def read() -> None:
        async for one in socket:
            heard(one.data)

    _alive.append(asyncio.create_task(read()))
    return lambda: run_at_once(socket.send_frame(message(), _TEXT))


async def by_aiohttp_queue(url: str, tls: ssl.SSLContext | None, heard: Heard) -> Send:
    """The same, but what is sent goes through a queue and a task that awaits the socket."""
    socket = await _session(tls).ws_connect(url, decode_text=False)
    queue: deque[bytes] = deque()
    queued = asyncio.Event()

    async def read() -> None:
        async for one in socket:
            heard(one.data)

    async def write() -> None:
        while True:
            await queued.wait()
            queued.clear()
            while queue:
                await socket.send_frame(queue.popleft(), _TEXT)

    def send() -> None:
        queue.append(message())
        queued.set()

    _alive.extend((asyncio.create_task(read()), asyncio.create_task(write())))
    return send


class Ours:
    """What the guarded client hands a connection to: whole messages, by the product's own frames."""

    def __init__(self, heard: Heard) -> None:
        self._heard, self._incoming = heard, Incoming(65_536)

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take bytes as they come."""
        for one in self._incoming.feed(data):
            self._heard(one.payload)
        return False, b""

    def feed_eof(self) -> None:
        """Nothing more comes."""


async def by_ours(url: str, tls: ssl.SSLContext | None, heard: Heard) -> Send:
    """The handshake by the guarded client, the frames by ``adapters/streams/frames``."""
    upgraded = await _client(tls).websocket(url, seconds=10, trusted=True)
    upgraded.hand_to(Ours(heard))
    _alive.append(upgraded)
    write = upgraded.transport.write
    return lambda: write(frame(Opcode.TEXT, message()))


async def by_picows(url: str, tls: ssl.SSLContext | None, heard: Heard) -> Send:
    """picows: frames come to a callback, without a task."""
    picows = import_module("picows")  # wanted by this benchmark only

    def on_ws_frame(_: Any, __: Any, frame: Any) -> None:
        heard(frame.get_payload_as_bytes())

    listens = type("Listener", (picows.WSListener,), {"on_ws_frame": on_ws_frame})
    transport, listener = await picows.ws_connect(listens, url, ssl_context=tls, max_redirects=0)
    _alive.append(listener)
    send, text = transport.send, picows.WSMsgType.TEXT
    return lambda: send(text, message())


async def by_websockets(url: str, tls: ssl.SSLContext | None, heard: Heard) -> Send:
    """websockets: its asyncio client, with its C extension."""
    import_module("websockets.speedups")  # without it, this is another measurement
    socket = await import_module("websockets.asyncio.client").connect(
        url, ssl=tls, compression=None, ping_interval=None, proxy=None
    )

    async def read() -> None:
        while True:
            heard(await socket.recv(decode=False))

    _alive.append(asyncio.create_task(read()))
    return lambda: run_at_once(socket.send(message(), text=True))


class Floor(asyncio.Protocol):
    """Takes frames of 126 to 65,535 bytes, whole messages each, and looks at nothing else of them."""

    def __init__(self, heard: Heard) -> None:
        self._heard, self._rest = heard, b""

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        begin = 0
        while len(data) >= begin + 4 and len(data) >= (end := begin + 4 + int.from_bytes(data[begin + 2 : begin + 4])):
            self._heard(data[begin + 4 : end])
            begin = end
        self._rest = data[begin:]


async def by_nothing(url: str, tls: ssl.SSLContext | None, heard: Heard) -> Send:
    """Write and cut frames by hand."""
    response = await _session(tls).ws_connect(url)
    transport = response.get_extra_info("transport") or response._writer.transport
    transport.set_protocol(Floor(heard))
    _alive.append(response)

    def send() -> None:
        text = message()
        transport.write(b"\x81\xfe%b\0\0\0\0%b" % (len(text).to_bytes(2), text))

    return send


LIBRARIES: Final[dict[str, Library]] = {
    "aiohttp": by_aiohttp,
    "our frames": by_ours,
    "aiohttp, queue and task": by_aiohttp_queue,
    "picows": by_picows,
    "websockets": by_websockets,
    "no library": by_nothing,
}


async def main() -> None:
    """Orders: ``connect`` (``library``, ``url``, ``count``, ``ca``; kB a connection), ``begin``, ``end`` (delays)."""
    sends: list[Send] = []
    delays: list[float] = []
    pacers: list[Pacer] = []

    def heard(text: bytes) -> None:
        delays.append(delay(text))

    async def orders(order: dict[str, Any]) -> Any:
        match order["order"]:
            case "connect":
                tls = ssl.create_default_context(cafile=order["ca"]) if order["ca"] else None
                library, url = LIBRARIES[order["library"]], order["url"]
                sends.append(await library(url, tls, heard))  # whatever is made once
                before = resident_kb("self")
                sends.extend([await library(url, tls, heard) for _ in range(order["count"] - 1)])
                return (resident_kb("self") - before) / (order["count"] - 1)
            case "begin":
                delays.clear()
                return pacers.append(Pacer(sends))
            case "end":
                pacers.pop().stop()
                return sorted(delays)
            case _:
                raise ValueError(order["order"])

    await obey(orders)


if __name__ == "__main__":
    uvloop.run(main())
