"""How much holds with everything that a user has: calls a second, and calls at once; and what limits it.

As in RFC 7502 (sections 4 and 6), the rate of sessions is raised until some fail, and what is claimed is tried for
long: a thousand calls, of which less than one in a thousand may go wrong, with speech in time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from benchmarks.cost import percentile
from benchmarks.loaded import PARTS, Loaded
from benchmarks.whole import Whole

Say: TypeAlias = Callable[[str], None]
Step: TypeAlias = Callable[[float], Awaitable[Loaded]]

RATES: Final = (10, 20, 30, 40, 50, 60, 70, 80, 100)
AT_ONCE: Final = (100, 200, 300, 400, 500, 600, 800, 1000)
CLAIMED: Final = 1000
"""Calls of the step that is claimed."""
FAILED: Final = 0.001
"""The share of calls that may go wrong: less than that."""
LATE: Final = 0.1
"""Seconds from the 200 OK to the first sound, beyond those at rest, of one call in a hundred, that are too many."""
BUILD: Final = 20.0
"""Calls a second that are placed where it matters how many there are."""
TOGETHER: Final = 10.0
"""Seconds for which all of them are there."""
FULL: Final = 0.9
"""The share of all cores from which on they are what limits."""
SLOW_LOOP: Final = 0.05
"""Seconds of lag, of one sample in a hundred, from which on the event loop is."""


@dataclass(frozen=True, slots=True)
class Climb:
    """``steps`` in order; the last one did not hold, unless ``claimed`` is the highest. ``claimed`` None: none held."""

    steps: Sequence[tuple[float, Loaded]]
    reached: float
    claimed: Loaded | None
    onset: float


def failed_share(loaded: Loaded) -> float:
    """Return the share of the calls asked for that went wrong, refusals included."""
    return loaded.failed / len(loaded.asked)


def late_by(loaded: Loaded, onset: float) -> float:
    """Return by how many seconds the first sound was late, of one call in a hundred."""
    return percentile(loaded.first_sound(), 99) - onset


def holds(loaded: Loaded, onset: float) -> bool:
    """Hardly any went wrong, all were heard in time, and nothing was left behind."""
    return failed_share(loaded) < FAILED and late_by(loaded, onset) <= LATE and loaded.tidy


def limit(loaded: Loaded, cores: int) -> str:
    """Say what limited it."""
    refused = {code: count for code, count in loaded.outcomes.items() if code.startswith(("429", "503"))}
    if any("no_media_leg" in code for code in refused):
        taken, waiting = loaded.peaks["legs taken"], loaded.peaks["waiting for a leg"]
        return f"media legs: {taken} were taken, and {waiting} calls waited for one"
    busy = sum(map(loaded.cores, PARTS)) + loaded.others
    most = max(PARTS, key=loaded.cores)
    lag = percentile(loaded.lags, 99)
    if busy >= FULL * cores:
        whose = f"most of all {most}" if loaded.cores(most) > loaded.others else "most of all by others than us"
        return f"the cores: {busy:.2f} of {cores} are busy, {whose}"
    if lag >= SLOW_LOOP:
        return f"the event loop, which is late by {1000 * lag:.0f} ms although {busy:.2f} of {cores} cores are busy"
    return f"none of ours: {busy:.2f} of {cores} cores are busy, the event loop is late by {1000 * lag:.0f} ms"


async def rates(rig: Whole, steps: Sequence[float], seconds: float, claimed: int, say: Say) -> Climb:
    """Find the most calls a second. A step that does not hold is tried once more."""
    await rig.calls((10, 30))
    return await _climb(
        rig,
        steps,
        lambda rate: rig.calls((rate, round(rate * seconds))),
        lambda rate: rig.calls((rate, max(claimed, round(rate * seconds)))),
        say,
    )


async def at_once(rig: Whole, steps: Sequence[float], say: Say) -> Climb:
    """Find the most calls that wait for a key at once, with telephones that send audio all the time."""
    await rig.calls((10, 30))

    async def together(count: float) -> Loaded:
        loaded = await rig.calls((BUILD, round(count)), waits=count / BUILD + TOGETHER, talking=True)
        if loaded.peaks["calls"] < count and not loaded.failed:
            raise RuntimeError(f"{loaded.peaks['calls']} of {count:g} calls were there at once")
        return loaded

    return await _climb(rig, steps, together, None, say)


async def _climb(
    rig: Whole,
    steps: Sequence[float],
    short: Step,
    long: Step | None,
    say: Say,
) -> Climb:
    """Go up by short steps until one does not hold, and down by long ones until one does."""
    taken: list[tuple[float, Loaded]] = []
    held: list[float] = []
    for step in steps:
        loaded = await _tried(rig, step, short, say)
        taken.append((step, loaded))
        if not holds(loaded, rig.onset):
            break
        held.append(step)
    if long is None:
        reached = held[-1] if held else 0.0
        return Climb(taken, reached, next((one for step, one in taken if step == reached), None), rig.onset)
    for step in reversed(held):
        loaded = await _tried(rig, step, long, say)
        if holds(loaded, rig.onset):
            return Climb(taken, step, loaded, rig.onset)
        taken.append((step, loaded))
    return Climb(taken, 0.0, None, rig.onset)


async def _tried(rig: Whole, step: float, trial: Step, say: Say) -> Loaded:
    loaded = await trial(step)
    if not holds(loaded, rig.onset):
        say(f"{step:g} did not hold, again: {summed_up(loaded, rig.onset)}")
        loaded = await trial(step)
    say(f"{step:g}: {summed_up(loaded, rig.onset)}")
    return loaded


def summed_up(loaded: Loaded, onset: float) -> str:
    """Return what came of it, in a line."""
    came = ", ".join(f"{count} {outcome}" for outcome, count in loaded.outcomes.most_common())
    left = "" if loaded.tidy else "; something was left behind"
    return f"{came}; first sound late by {1000 * late_by(loaded, onset):.0f} ms (p99){left}; {loaded.busy}"
