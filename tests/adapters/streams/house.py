"""Our side in the tests: the streams of a process, a call that orders them, and a callee who hears what is said."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.streams import Connected, Ended, Limits, MediaStream, Streamed, Streams, Timings
from otpvoice.core.actions import Stream
from otpvoice.core.media import Disconnected, StreamReport
from otpvoice.media.playout import Piece
from otpvoice.media.streams.words import Facts, Format, Mode
from otpvoice.trust.addresses import parse_allow
from tests.adapters.sites import Book
from tests.adapters.streams.customers import PLENTY, Customer, client_tls

QUICK: Final = Timings(
    second_try=0.01, first_pause=0.01, longest_pause=0.02, unconnected=PLENTY, closing=0.5, padding=0.05
)
"""Waits for nobody longer than a test needs to."""
NAMES: Final = {
    "hooks.example": [["127.0.0.1"]],
    "other.example": [["127.0.0.2"]],
    "inside.example": [["127.0.0.3"]],
}
FACTS: Final = Facts(
    stream_id="stream_0123456789abcdef01234567",
    call_id="call_1",
    account="default",
    name="stream",
    direction="outbound",
    caller="+15550199",
    callee="+15550100",
    tracks=("inbound",),
    mode="listen",
    sample_rate=8000,
    law="ulaw",
    parameters={},
)
FRAME: Final = bytes(range(160))
T = TypeVar("T", Connected, Ended)


class Callee:
    """A mouth: what it was given to say, and how often that was thrown away."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Piece]] = []
        self.cleared = 0
        self.stream: MediaStream | None = None
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def say(self, utterance_id: str, pieces: Sequence[Piece]) -> None:
        assert all(len(piece.audio) % 160 == 0 for piece in pieces), "whole frames"
        assert all(piece.audio or piece.index is not None for piece in pieces), "something to say, or to ask for"
        self.said += [(utterance_id, piece) for piece in pieces]
        self._tell()

    def clear(self) -> None:
        self.cleared += 1
        self._tell()

    @property
    def asked(self) -> list[tuple[str, int]]:
        """The pieces that somebody wants to be told of."""
        return [(utterance_id, piece.index) for utterance_id, piece in self.said if piece.index is not None]

    @property
    def audio(self) -> bytes:
        return b"".join(piece.audio for _, piece in self.said)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PLENTY), self._news:
            await self._news.wait_for(condition)

    def hears(self, number: int = 1) -> None:
        """All was played up to where one asked for the ``number``-th time."""
        assert self.stream is not None
        for utterance_id, index in self.asked[:number]:
            self.stream.played(utterance_id, index)

    def _tell(self) -> None:
        async def notify() -> None:
            async with self._news:
                self._news.notify_all()

        task = asyncio.ensure_future(notify())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Call:
    """Whoever ordered a stream: it is told."""

    def __init__(self) -> None:
        self.told: list[Streamed] = []
        self._news = asyncio.Queue[Streamed]()

    def tell(self, what: Streamed) -> None:
        self.told.append(what)
        self._news.put_nowait(what)

    async def next(self, kind: type[T]) -> StreamReport:
        async with asyncio.timeout(PLENTY):
            told = await self._news.get()
        assert isinstance(told, kind), told
        return told.report

    async def next_any(self) -> Streamed:
        async with asyncio.timeout(PLENTY):
            return await self._news.get()

    async def connected(self) -> StreamReport:
        return await self.next(Connected)

    async def ended(self) -> StreamReport:
        """Wait for the end, whether it was connected before or not."""
        async with asyncio.timeout(PLENTY):
            while not isinstance(told := await self._news.get(), Ended):
                pass
        return told.report


class House:
    def __init__(self, streams: Streams, client: GuardedClient, names: Book) -> None:
        self.streams, self.client, self.names = streams, client, names

    def listen(self, url: str, format_: str = "twilio", **fields: Any) -> tuple[MediaStream, Call]:
        """Open a stream that listens."""
        return self.open(Stream(url, format_, **fields))

    def talk(self, url: str, format_: str = "twilio", **fields: Any) -> tuple[MediaStream, Call, Callee]:
        """Open a stream that talks."""
        callee = Callee()
        stream, call = self.open(Stream(url, format_, mode="talk", **fields), callee)
        callee.stream = stream
        return stream, call, callee

    def open(self, order: Stream, callee: Callee | None = None) -> tuple[MediaStream, Call]:
        call = Call()
        mode: Mode = "talk" if order.talks else "listen"
        rate = order.sample_rate or FACTS.sample_rate
        facts = replace(FACTS, tracks=order.tracks, mode=mode, name=order.name, sample_rate=rate)
        return self.streams.open(order, facts, callee, call.tell), call


@asynccontextmanager
async def a_house(
    *,
    timings: Timings = QUICK,
    limits: Limits | None = None,
    allow: Sequence[str] = ("127.0.0.1", "127.0.0.2"),
    tls: bool = True,
    leads: Mapping[str, Sequence[Sequence[str]]] | None = None,
    **options: Any,
) -> AsyncIterator[House]:
    names = Book({**NAMES, **(leads or {})})
    client = GuardedClient(parse_allow(list(allow)), resolver=names, tls=client_tls() if tls else None)
    streams = Streams(client, timings=timings, limits=limits, **options)
    try:
        yield House(streams, client, names)
    finally:
        async with asyncio.timeout(PLENTY):
            await streams.close()
        await client.close()


def kept(kind: type[object]) -> int:
    """Return how many of a kind there are in this process."""
    gc.collect()
    return sum(isinstance(one, kind) for one in gc.get_objects())


def like(how: Format, **otherwise: Any) -> Format:
    """A format as it is, but for some of what it says of itself."""

    class Like:
        def __getattr__(self, name: str) -> Any:
            return otherwise.get(name, getattr(how, name))

    return Like()


def feed(stream: MediaStream, frames: int, track: str = "inbound") -> None:
    """Have so many frames arrive, in no time: each 20 ms after the one before, on a clock that runs ahead."""
    at = _fed.setdefault(stream, {}).get(track, asyncio.get_running_loop().time())
    for _ in range(frames):
        stream.arrived(track, FRAME, at)
        at += 0.02
    _fed[stream][track] = at


_fed: WeakKeyDictionary[MediaStream, dict[str, float]] = WeakKeyDictionary()


async def ticks(house: House, customer: Customer, number: int) -> None:
    """Wait for so many ticks: a stream beside the others hears as many frames of silence."""
    stream, call = house.listen(customer.url("/ticks"))
    await call.connected()
    [visit] = [visit for visit in customer.visits if visit.path == "/ticks"] or [await customer.visit()]
    await visit.event("media", number)
    stream.finish(Disconnected.PLAN)
