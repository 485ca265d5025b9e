"""``python -m benchmarks``: what has a budget in one run, as one table; ``--only`` measures parts, and the other ones.

Exit code 1 only when calls fail at low rates: that is no matter of speed. A missed budget is told, not punished.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
import uvloop

from benchmarks import (
    accept,
    capacity,
    ceiling,
    cost,
    intelligibility,
    load_report,
    memory,
    overload,
    report,
    sockets,
    speech,
    store,
    stream_report,
    streams,
    webhooks,
    workload,
)
from benchmarks.rig import Round, Who, rigged
from benchmarks.stream_rig import stream_rig
from benchmarks.whole import whole
from benchmarks.worker import WorkerFailed
from otpvoice.testkit.programs import asterisk_version, find

JUDGED: Final = 20.0
"""Calls a second at which the budgets for delays hold."""
BESIDE: Final = (Who.BARE, Who.BARE_DIRECT, Who.PRODUCT_DIRECT)


DEFAULT_LEGS: Final = (8, 400)
"""What ``MEDIA_LEGS`` is where nobody has set it."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: ``rounds`` of ``seconds`` at each of ``rates``; ``streams``: steps of so many at once."""

    rates: Sequence[float]
    rounds: int
    seconds: float
    steps: Sequence[float]
    step_seconds: float
    writes: int
    streams: Sequence[int]
    memory: bool
    """With legs that were made before, too."""
    claimed: int
    """Calls of the step of capacity that is claimed."""

    @property
    def legs(self) -> int:
        """Return how many legs the highest rate needs: a call takes four seconds, its leg included."""
        return round(max(self.rates) * 4.5) + 10


FULL: Final = Extent(
    (10, 20, 30),
    3,
    6,
    steps=ceiling.STEPS,
    step_seconds=6,
    writes=400,
    streams=streams.STEPS,
    memory=True,
    claimed=capacity.CLAIMED,
)
QUICK: Final = Extent(
    (20,), 1, 5, steps=(60,), step_seconds=4, writes=200, streams=(100, 200), memory=False, claimed=100
)


@dataclass(slots=True)
class Run:
    """One run: ``folder`` is its own, ``lines`` what was measured, ``bad`` the rounds in which calls failed."""

    extent: Extent
    folder: Path
    say: Callable[[str], None]
    lines: list[report.Line] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)
    bad: list[Round] = field(default_factory=list)


async def calls(run: Run) -> None:
    """Costs, delays and the ceiling of calls, and what a waiting call takes."""
    extent, say = run.extent, run.say
    spoken = await workload.speech()
    async with rigged(run.folder / "cost", spoken, legs=(extent.legs, extent.legs), beside=BESIDE) as rig:
        costs = await cost.measure(
            rig, extent.rates, at_all=JUDGED, rounds=extent.rounds, seconds=extent.seconds, say=say
        )
        lags, lagging = await cost.lags(rig, JUDGED, extent.seconds)
        rounds = [*costs.every(), lagging]
        run.machine["cores others kept busy"] = round(sum(one.others for one in rounds) / len(rounds), 2)
        run.bad += [one for one in rounds if one.failed]
        run.lines += [*report.of_costs(costs, JUDGED), *report.of_lags(lags, JUDGED)]
    async with rigged(run.folder / "ceiling", spoken, legs=_legs(extent.steps)) as rig:
        run.lines += report.of_ceiling(await ceiling.climb(rig, extent.steps, extent.step_seconds, say))
    for legs, made in (((8, 400), False), ((memory.CALLS + 10, 400), True))[: 2 if extent.memory else 1]:
        # What a store keeps of a call is not what the call takes.
        async with rigged(run.folder / f"memory-{legs[0]}", spoken, legs=legs, redis=True) as rig:
            run.lines += report.of_memory(await memory.waiting(rig), legs_made=made)


async def load(run: Run) -> None:
    """With everything that a user has: how many calls a second and at once hold, and what becomes of more."""
    spoken, cores = await workload.speech(), len(os.sched_getaffinity(0))
    async with whole(run.folder / "capacity", spoken, legs=DEFAULT_LEGS) as rig:
        found = await capacity.rates(rig, capacity.RATES, run.extent.step_seconds, run.extent.claimed, run.say)
        run.lines += load_report.of_rates(found, cores)
        if found.reached:
            run.lines += load_report.of_overload(await overload.measure(rig, found.reached, overload.TIMES, run.say))
    for most in (DEFAULT_LEGS[1], max(capacity.AT_ONCE) + 50):
        async with whole(run.folder / f"at-once-{most}", spoken, legs=(DEFAULT_LEGS[0], most)) as rig:
            steps = [step for step in capacity.AT_ONCE if step <= most or step == _next(capacity.AT_ONCE, most)]
            run.lines += load_report.of_at_once(await capacity.at_once(rig, steps, run.say), cores, most)


async def doors(run: Run) -> None:
    """What needs no telephone: writes to Redis, requests that are accepted, webhooks."""
    extent, folder = run.extent, run.folder
    run.lines += report.of_store(*await store.writes(folder / "redis", extent.writes))
    run.say("acceptance and webhooks")
    plain = await accept.measure(folder, extent.seconds)
    repeatable = await accept.measure(folder, extent.seconds, repeatable=True)
    run.lines += report.of_acceptance(plain, repeatable)
    run.lines += report.of_webhooks(await webhooks.measure(folder, extent.writes))


async def relays(run: Run) -> None:
    """Streams: their costs and delays, how many hold, what one takes."""
    extent, say = run.extent, run.say
    async with stream_rig(run.folder / "streams", legs=streams.STREAMS + 5) as rig:
        run.lines += stream_report.of_relays(
            await streams.compare(rig, streams.STREAMS, extent.seconds, extent.rounds, say)
        )
    async with stream_rig(run.folder / "climb", legs=max(extent.streams) + 5, bare=False) as rig:
        run.lines += stream_report.of_climb(await streams.climb(rig, extent.streams, extent.step_seconds, say))
    taken = await streams.memory(run.folder, streams.REMEMBERED)
    run.lines += stream_report.of_stream_memory(*taken, streams.REMEMBERED)


async def soak(run: Run) -> None:
    """A hundred streams for a minute."""
    async with stream_rig(run.folder / "soak", legs=max(streams.SOAK) + 5, bare=False) as rig:
        run.lines += stream_report.of_soak(await streams.soak(rig, streams.SOAK, streams.SOAK_SECONDS, run.say))


async def voices(run: Run) -> None:
    """Speech: how soon it is ready, how many texts a second, what it takes."""
    run.lines += speech.lines(await speech.measure(run.folder, run.say))


async def understood(run: Run) -> None:
    """Whether a code is understood at the other end: a call for each language and share of lost packets."""
    measured = await intelligibility.measure(run.folder / "stoi", say=run.say)
    run.lines += intelligibility.lines(measured)
    sys.stderr.write(intelligibility.table(measured))


async def libraries(run: Run) -> None:
    """WebSocket libraries on the way of a stream."""
    measured = await sockets.measure(
        run.folder, streams=sockets.STREAMS, seconds=run.extent.seconds / 2, rounds=run.extent.rounds, say=run.say
    )
    run.machine["libraries"] = " · ".join(sockets.versions())
    run.lines += stream_report.of_sockets(measured, sockets.STREAMS)


PARTS: Final[dict[str, Callable[[Run], Awaitable[None]]]] = {
    "calls": calls,
    "load": load,
    "doors": doors,
    "streams": relays,
    "soak": soak,
    "sockets": libraries,
    "speech": voices,
    "stoi": understood,
}
USUAL: Final = ("calls", "doors", "streams", "speech")


async def main(arguments: argparse.Namespace) -> int:
    """Measure, print, and return the exit code."""
    begin = time.monotonic()
    load = os.getloadavg()[0]

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - begin:5.0f} s  {text}\n")

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    with tempfile.TemporaryDirectory(prefix="otpvoice-bench-", ignore_cleanup_errors=True) as name:
        run = Run(QUICK if arguments.quick else FULL, Path(name), say)
        run.machine |= _machine() | {"load before": round(load, 2)}
        for part in arguments.only or USUAL:
            await PARTS[part](run)
    say("done")
    report.show(run.lines, run.machine)
    if arguments.json is not None:
        figures = report.as_json(run.lines, run.machine)
        arguments.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")
    for one in run.bad:
        sys.stderr.write(
            f"{one.failed} of {one.count} calls failed: {one}\n" + "".join(f"  {r}\n" for r in one.remarks)
        )
    return 1 if run.bad else 0


def _next(steps: Sequence[float], most: float) -> float | None:
    """Return the first step above that."""
    return next((step for step in steps if step > most), None)


def _legs(steps: Sequence[float]) -> tuple[int, int]:
    """Return as many legs as the highest step needs, a little more than four seconds of calls."""
    legs = round(max(steps) * 4.5) + 10
    return legs, legs


def _machine() -> dict[str, Any]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "CPU": _cpu_model(),
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("aiohttp", "uvloop")},
        "Asterisk": ".".join(map(str, asterisk_version(find("asterisk")))),
    }


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: a minute and a half, and more noise")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    try:
        sys.exit(uvloop.run(main(parser.parse_args())))
    except WorkerFailed as error:
        sys.exit(str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
