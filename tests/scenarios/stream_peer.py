"""A customer's end of streams: the ``websockets`` library, with the customer's half of a format. It hears everything.

What it does by itself is what it is told to: ``bot`` is called for each thing that it is told.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from otpvoice.media.g711 import Law, encode
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.words import AudioTold, DigitTold, MarkTold, StreamBegan, StreamStopped, Told
from tests.scenarios.phones import SOON

Bot: TypeAlias = Callable[["PeerSession", Told], Awaitable[None]]


class PeerSession:
    """One connection. ``raw``: the messages as they came; ``told``: what they mean."""

    def __init__(self, connection: ServerConnection, format_: str) -> None:
        self.connection, self.listener = connection, FORMATS[format_].listener()
        self.raw: list[str] = []
        self.told: list[Told] = []
        self.over = asyncio.Event()
        self._news = asyncio.Event()
        self._pcm: dict[str, list[bytes]] = defaultdict(list)

    @property
    def request(self) -> Any:
        """The handshake's request: path and headers."""
        return self.connection.request

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.told if isinstance(one, kind)]

    @property
    def began(self) -> StreamBegan:
        began: StreamBegan = next(iter(self.of(StreamBegan)))
        return began

    @property
    def digits(self) -> str:
        return "".join(one.digit for one in self.of(DigitTold))

    @property
    def marks(self) -> list[str]:
        return [one.name for one in self.of(MarkTold)]

    @property
    def stopped(self) -> StreamStopped | None:
        return next(iter(self.of(StreamStopped)), None)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.raw]

    def pcm(self, track: str) -> bytes:
        """What a track was, end to end, 16 bits."""
        return b"".join(self._pcm[track])

    def sound(self, track: str, law: Law = "ulaw") -> bytes:
        """The same in G.711, where the stream's rate is 8000 Hz."""
        return encode(self.pcm(track), law)

    async def say(self, *texts: str) -> None:
        for text in texts:
            await self.connection.send(text)

    async def until(self, condition: Callable[[], bool], within: float = SOON) -> None:
        """Wait until something holds; it is asked after each message."""
        async with asyncio.timeout(within):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def run(self, bot: Bot | None) -> None:
        try:
            async for message in self.connection:
                assert isinstance(message, str)
                self.raw.append(message)
                for told in self.listener.hear(message):
                    self.told.append(told)
                    if isinstance(told, AudioTold):
                        self._pcm[told.track].append(told.pcm)
                    if bot is not None:
                        with suppress(ConnectionClosed):  # what came before the end is read all the same
                            await bot(self, told)
                self._news.set()
        except ConnectionClosed:
            pass
        finally:
            self.over.set()
            self._news.set()


class Peer:
    """``url``: where it listens. ``sessions``: those that came, in order."""

    def __init__(self, format_: str, bot: Bot | None) -> None:
        self.format, self.bot = format_, bot
        self.url = ""
        self.sessions: list[PeerSession] = []
        self._came = asyncio.Condition()

    async def session(self, number: int = 1, within: float = SOON) -> PeerSession:
        """Wait for the ``number``-th connection."""
        async with asyncio.timeout(within), self._came:
            await self._came.wait_for(lambda: len(self.sessions) >= number)
        return self.sessions[number - 1]

    async def serve(self, connection: ServerConnection) -> None:
        session = PeerSession(connection, self.format)
        async with self._came:
            self.sessions.append(session)
            self._came.notify_all()
        await session.run(self.bot)


LOCAL: Final = "127.0.0.1"


@asynccontextmanager
async def a_peer(
    format_: str = "twilio", bot: Bot | None = None, *, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Peer]:
    """A customer who listens on loopback."""
    peer = Peer(format_, bot)
    async with serve(peer.serve, LOCAL, port, ssl=tls, compression=None, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        peer.url = f"{'wss' if tls else 'ws'}://{LOCAL}:{port}/stream"
        yield peer
        with suppress(ConnectionClosed):
            server.close()
