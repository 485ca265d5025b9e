"""What speech costs: how soon the first audio of a request is ready, how many texts a second, what it takes of memory.

The product's own parts, in this process and in the pool of processes that a service has; the engine is espeak-ng.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from benchmarks.cost import percentile
from benchmarks.report import Line
from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.clips.files import ClipFiles
from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.finishing.workshop import Workshop
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.actions import Say, SayCode
from otpvoice.core.reading import code_script, say_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import Script
from otpvoice.testkit.programs import find

CODES: Final = 200
TEXTS: Final = 100
ROUNDS: Final = 5
JOINED_MS: Final = 1.0
LAG_MS: Final = 20.0
_NUMBERS = itertools.count()
_LOCALES: Final = load_locales()


@dataclass(frozen=True, slots=True)
class Speech:
    """Seconds; ``resident`` bytes, of this process and of its children, before and after."""

    cold: list[float]
    """A new service: nothing was made, the first call wants its code."""
    from_disk: list[float]
    """A new service beside the files of a former one."""
    joined: list[float]
    """A code whose parts are in memory."""
    brand: list[float]
    """A code that is warm, with an introduction that is new."""
    a_second: float
    """New texts, as many at once as the pool takes."""
    lags: list[float]
    """How late this process's event loop was meanwhile."""
    beside: list[float]
    """A code that is warm, asked for while a hundred new texts are being made."""
    resident: tuple[int, int]
    workers: int


async def measure(folder: Path, say: Callable[[str], None]) -> Speech:
    """Measure all of it. ``folder`` is new."""
    say("speech, cold and from the disk")
    cold: list[float] = []
    from_disk: list[float] = []
    for number in range(ROUNDS):
        files = folder / f"clips-{number}"
        for spans in (cold, from_disk):
            async with _renderer(files) as renderer:
                spans.append(await _timed(renderer, _code("482913")))
                await asyncio.sleep(0.3)  # what is written to the disk is written behind
    say("speech, warm")
    process = psutil.Process()
    before = _resident(process)
    async with _renderer(folder / "clips") as renderer:
        await renderer.prepare(_code("0123456789"))
        joined = [await _timed(renderer, _code(f"{number:06d}")) for number in range(0, 1_000_000, 1_000_000 // CODES)]
        brand = [await _timed(renderer, _code("482913", brand=f"Brand {_word(number)}")) for number in range(20)]
        say("speech, new texts")
        lags: list[float] = []
        watching = asyncio.create_task(_watch(lags))
        began = time.perf_counter()
        texts = asyncio.gather(*(renderer.prepare(_text()) for _ in range(TEXTS)))
        beside = []
        while not texts.done():
            beside.append(await _timed(renderer, _code("739105")))
            await asyncio.sleep(0.01)
        await texts
        a_second = TEXTS / (time.perf_counter() - began)
        watching.cancel()
        after = _resident(process)
        workers = len(process.children(recursive=True))
    return Speech(cold, from_disk, joined, brand, a_second, lags, beside, (before, after), workers)


@asynccontextmanager
async def _renderer(files: Path) -> AsyncIterator[Renderer]:
    await asyncio.to_thread(files.mkdir, exist_ok=True)
    workshop = Workshop()
    espeak = Espeak(str(find("espeak-ng")))
    renderer = Renderer([espeak], _LOCALES, "ulaw", finishing=workshop, files=ClipFiles(files, 64 * 1024 * 1024))
    try:
        yield renderer
    finally:
        await renderer.close()
        await workshop.close()


async def _timed(renderer: Renderer, script: Script) -> float:
    began = time.perf_counter()
    await renderer.prepare(script)
    return time.perf_counter() - began


def _code(code: str, brand: str | None = None) -> Script:
    return code_script(SayCode(OtpCode(code), brand=brand), "en-US", None, _LOCALES)


def _text() -> Script:
    """A sentence that nobody has said before."""
    return say_script(Say(f"This is {_word(next(_NUMBERS))}, and nobody has ever said it before."), "en-US", None)


def _word(number: int) -> str:
    syllables = ("ba", "co", "di", "fu", "ga", "he", "li", "mo", "na", "pe")
    return "".join(syllables[int(digit)] for digit in f"{number:03d}")


async def _watch(lags: list[float]) -> None:
    while True:
        due = time.perf_counter() + 0.005
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - due)


def _resident(process: psutil.Process) -> int:
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))


def lines(speech: Speech) -> Iterator[Line]:
    """Tell it."""
    yield Line("request to first audio ready, nothing made yet", 1000 * median(speech.cold), "ms")
    yield Line("the same beside the clips of a former life", 1000 * median(speech.from_disk), "ms")
    yield Line("a warm code joined, p50", 1000 * percentile(speech.joined, 50), "ms", JOINED_MS)
    yield Line("a warm code joined, p99", 1000 * percentile(speech.joined, 99), "ms")
    yield Line("a warm code with a new introduction, p50", 1000 * percentile(speech.brand, 50), "ms")
    yield Line("new texts a second", speech.a_second, "/s", None, f"{TEXTS} at once, {os.cpu_count()} cores")
    yield Line("event loop lag meanwhile, p99", 1000 * percentile(speech.lags, 99), "ms", LAG_MS)
    yield Line("a warm code joined meanwhile, p99", 1000 * percentile(speech.beside, 99), "ms")
    before, after = speech.resident
    yield Line("memory that all of it took", (after - before) / 1e6, "MB", None, f"{speech.workers} processes")
