"""What a stream of a call's audio costs, how late it is, how many hold at once, and what it takes of memory.

Product and bare relay in turns, on real calls; the audio says itself what of it was lost, and how long it took.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks.coded import FRAME_SECONDS
from benchmarks.memory import resident_kb
from benchmarks.rig import Who
from benchmarks.stream_rig import Mode, StreamRig, Told, Window, stream_rig

Say: TypeAlias = Callable[[str], None]
STREAMS: Final = 60
"""At once, where costs are compared: few enough that the machine is not full."""
STEPS: Final = (100, 150, 200, 250, 300, 350, 400)
LATE_SHARE: Final = 0.01
SOAK: Final = (100, 80, 60, 40, 20)
"""What is tried in turn until one holds."""
SOAK_SECONDS: Final = 60.0
REMEMBERED: Final = 100
GROWN_UP: Final = 3.0
"""Seconds of a stream after which all its buffers have been used once."""


@dataclass(slots=True)
class Relays:
    """All windows, by mode and by who relayed, in turns. ``silent``: µs in 20 ms of a call without a stream."""

    silent: float = 0.0
    windows: dict[Mode, dict[Who, list[Window]]] = field(default_factory=dict)

    def us(self, mode: Mode, who: Who) -> float:
        """Return the median of the turns, in microseconds of CPU a frame."""
        return statistics.median(window.us_a_frame for window in self.windows[mode][who])

    def ratio(self, mode: Mode) -> float:
        """Return the median of what the product took against its neighbour: noise of the machine falls on both."""
        pairs = zip(self.windows[mode][Who.PRODUCT], self.windows[mode][Who.BARE], strict=True)
        return statistics.median(product.us_a_frame / bare.us_a_frame for product, bare in pairs)

    def ms(self, mode: Mode, who: Who, end: str, percent: float) -> float:
        """Return a delay at one ``end`` (``there``, ``here``), the median of the turns."""
        told = [window.there if end == "there" else window.here for window in self.windows[mode][who]]
        return statistics.median(one.ms(percent) for one in told)

    @property
    def disturbed(self) -> float:
        """Return how many cores others kept busy meanwhile, on average."""
        every = [one for by_who in self.windows.values() for windows in by_who.values() for one in windows]
        return sum(one.others for one in every) / len(every)


@dataclass(frozen=True, slots=True)
class Climb:
    """How many streams held: ``reached`` of them; ``steps`` in order, of which the last may not have held."""

    steps: Sequence[Window]
    reached: Window | None

    @property
    def per_core(self) -> float:
        """Return how many streams a core of the relay's is good for, by what the last that held took."""
        return 0.0 if self.reached is None else self.reached.streams / self.reached.cores


def lost(told: Told) -> int:
    """Return the frames that did not come, or came twice."""
    return told.missing + told.again


def holds(window: Window) -> bool:
    """All streams are heard, and less than one frame in a hundred is missing or too late."""
    there = window.there
    spoilt = lost(there) + there.late * there.frames
    return there.signals == window.streams and spoilt < LATE_SHARE * there.frames


async def compare(rig: StreamRig, streams: int, seconds: float, rounds: int, say: Say) -> Relays:
    """Measure each mode with both, in turns."""
    relays = Relays(1e6 * FRAME_SECONDS / streams * await rig.silent(Who.PRODUCT, streams, seconds))
    modes: tuple[Mode, ...] = ("listen", "talk")
    for mode in modes:
        turns: dict[Who, list[Window]] = {Who.BARE: [], Who.PRODUCT: []}
        for number in range(rounds):
            for who, windows in turns.items():
                windows.append(await rig.window(who, mode, streams, seconds))
            told = ", ".join(f"{who} {windows[-1].us_a_frame:.1f} us a frame" for who, windows in turns.items())
            say(f"{mode}, turn {number + 1}: {told}; {turns[Who.PRODUCT][-1].busy}")
        relays.windows[mode] = turns
    return relays


async def climb(rig: StreamRig, steps: Sequence[int], seconds: float, say: Say) -> Climb:
    """Raise the number of streams. A step that does not hold is tried once more."""
    taken: list[Window] = []
    reached: Window | None = None
    for streams in steps:
        window = await rig.window(Who.PRODUCT, "listen", streams, seconds)
        if not holds(window):
            say(f"{streams} streams did not hold, again: {of_window(window)}")
            window = await rig.window(Who.PRODUCT, "listen", streams, seconds)
        taken.append(window)
        say(f"{streams} streams: {of_window(window)}")
        if not holds(window):
            break
        reached = window
    return Climb(taken, reached)


async def soak(rig: StreamRig, numbers: Sequence[int], seconds: float, say: Say) -> list[Window]:
    """Have so many streams run for so long; fewer where they do not hold. Returns all that was tried."""
    taken: list[Window] = []
    for streams in numbers:
        taken.append(window := await rig.window(Who.PRODUCT, "listen", streams, seconds))
        say(f"{streams} streams for {seconds:g} s: {of_window(window)}")
        if holds(window) and not lost(window.there):
            break
    return taken


async def memory(folder: Path, streams: int) -> tuple[float, float]:
    """Return kB a call with a stream, and without one; each by a process that never had more."""
    taken: list[float] = []
    modes: tuple[Mode | None, ...] = ("listen", None)
    for mode in modes:
        async with stream_rig(folder / f"memory-{mode}", legs=streams + 5, bare=False) as rig:
            # What is made once in a life is not a call's.
            await rig.up(Who.PRODUCT, 3, mode)
            await rig.down()
            before = resident_kb(rig.workers[Who.PRODUCT].pid)
            await rig.up(Who.PRODUCT, streams, mode)
            await asyncio.sleep(GROWN_UP)
            taken.append((resident_kb(rig.workers[Who.PRODUCT].pid) - before) / streams)
            await rig.down()
    return taken[0], taken[1]


def of_window(window: Window) -> str:
    """Say what was heard at the customer's end, and who was busy."""
    there = window.there
    return (
        f"{there.frames} frames, {there.missing} missing, {there.again} twice, {100 * there.late:.2f} % late, "
        f"p50 {there.ms(50):.1f}, p99 {there.ms(99):.1f} ms; {window.busy}"
    )
