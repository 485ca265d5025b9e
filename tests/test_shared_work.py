"""What is done once for many bears the name of none of them: whoever came first is gone, perhaps, when it is logged."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars
from structlog.testing import capture_logs

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.outbound.answers import Answer
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.outbound.names import Names
from otpvoice.adapters.speech.engines.voice import Traits
from otpvoice.adapters.speech.recordings.decoding import Decoder
from otpvoice.adapters.speech.recordings.downloads import Downloads
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.adapters.store import Change
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.redis.connection import Connection
from otpvoice.adapters.store.redis.tail import Tail
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.adapters.streams.ticker import Ticker
from otpvoice.core.speech import SpeechUnavailable, Words
from otpvoice.media.wav import Wave
from otpvoice.stasis import Pace
from tests.adapters.speech_stands import Untouched

URL = "https://sounds.example/hello.wav?token=s3cret"


class Watched:
    """Takes the place of a part that is asked, and writes down under whose name it was."""

    def __init__(self) -> None:
        self.names: list[dict[str, Any]] = []
        self.seen = asyncio.Event()

    def note(self, *_: object) -> None:
        self.names.append(get_contextvars())
        self.seen.set()


class Engine(Watched):
    """A voice."""

    name = "espeak"
    traits = Traits(True, True, frozenset({"en"}), (0.5, 2.0), "MIT")

    def voices(self) -> Mapping[str, str]:
        return {}

    def voice_language(self, name: str) -> str | None:
        return "en"

    def missing(self) -> str | None:
        return None

    def edition(self, language: str, voice_name: str | None) -> str:
        return "1"

    async def render(self, *_: object) -> Wave:
        self.note()
        return Wave(8000, bytes(160))


class Server(Watched):
    """What answers to a download."""

    async def get(self, *_: object, **__: object) -> Answer:
        self.note()
        return Answer(200, {}, b"sound", cut=False)


class Deaf(Decoder):
    """Can't make anything of it."""

    async def telephone(self, data: bytes, law: str, whose: str = "", **_: object) -> bytes:
        raise SpeechUnavailable("audio_format")


async def rendering(seen: Watched) -> None:
    engine = Engine()
    renderer = Renderer([engine], load_locales(), "ulaw", finishing=Untouched())
    await renderer.prepare((Words("hello", "en", packaged=True),))
    seen.names = engine.names


async def downloading(seen: Watched) -> None:
    server = Server()
    with pytest.raises(SpeechUnavailable):
        await Downloads(cast("GuardedClient", server), Deaf(), finishing=Untouched()).clip(URL, "ulaw")
    seen.names = server.names


async def looking_up(seen: Watched) -> None:
    class Asked(Names):
        async def _ask(self, *_: object) -> list[tuple[socket.AddressFamily, int, str]]:
            seen.note()
            return []

    await Asked().resolve("sounds.example")


async def writing(seen: Watched) -> None:
    writes = KeptWrites(MemoryStore(ttl=3600), written=seen.note)
    writes.save(Change({"id": "call_1", "account": "shop", "state": "queued"}))
    await writes.drain(5)


async def ticking(seen: Watched) -> None:
    ticker = Ticker(seen.note)
    ticker.start()
    await seen.seen.wait()
    seen.seen.clear()
    await seen.seen.wait()
    ticker.stop()


async def listening(seen: Watched) -> None:
    class Heard(Tail):
        async def _next(self, *_: object) -> bytes | None:
            seen.note()
            await asyncio.sleep(0)
            return None

    tail = Heard(Connection("redis://127.0.0.1:1", connect_timeout=1, timeout=1, connections=None))
    await tail.wait("shop", (0, 0), 0.0)
    await seen.seen.wait()
    await tail.close()


async def waiting(seen: Watched) -> None:
    class Watched(Pace):
        def _call(self) -> None:
            super()._call()
            if asyncio.current_task() is None:
                seen.note()

    pace = Watched(calls_per_second=50)
    await pace.turn("shop")
    await pace.turn("shop")


@pytest.mark.parametrize("work", [rendering, downloading, looking_up, writing, ticking, listening, waiting])
async def test_what_is_done_for_many_bears_nobody_s_name(work: Callable[[Watched], Awaitable[None]]) -> None:
    seen = Watched()
    with bound_contextvars(call="call_1", account="shop"), capture_logs():
        await work(seen)
    assert seen.names
    assert all(names == {} for names in seen.names)


async def test_each_call_whose_recording_is_not_to_be_had_says_so_itself() -> None:
    """The recording is fetched once; that it failed is each one's own trouble. The log shows the host, and no more."""
    downloads = Downloads(cast("GuardedClient", Server()), Deaf(), finishing=Untouched())

    async def wanted(call: str) -> None:
        with bound_contextvars(call=call), pytest.raises(SpeechUnavailable):
            await downloads.clip(URL, "ulaw")

    with capture_logs(processors=[merge_contextvars]) as lines:
        await asyncio.gather(wanted("call_1"), wanted("call_2"))
    assert lines == [
        {
            "event": "speech.not_fetched",
            "log_level": "warning",
            "host": "sounds.example",
            "reason": "audio_format",
            "call": call,
        }
        for call in ("call_1", "call_2")
    ]
