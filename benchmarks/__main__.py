"""``python -m benchmarks``: everything in one run, as one table.

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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
import uvloop

from benchmarks import accept, ceiling, cost, memory, report, store, webhooks, workload
from benchmarks.rig import Rig, Who, rigged
from benchmarks.worker import WorkerFailed

JUDGED: Final = 20.0
"""Calls a second at which the budgets for delays hold."""
BESIDE: Final = (Who.BARE, Who.BARE_DIRECT, Who.PRODUCT_DIRECT)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured; ``rounds`` of ``seconds`` each at each of ``rates``."""

    rates: Sequence[float]
    rounds: int
    seconds: float
    steps: Sequence[float]
    step_seconds: float
    writes: int

    @property
    def legs(self) -> int:
        """Return how many legs the highest rate needs: a call takes four seconds, its leg included."""
        return round(max(self.rates) * 4.5) + 10


FULL: Final = Extent((10, 20, 30), rounds=3, seconds=6, steps=ceiling.STEPS, step_seconds=6, writes=400)
QUICK: Final = Extent((20,), rounds=1, seconds=5, steps=(60,), step_seconds=4, writes=200)


async def main(arguments: argparse.Namespace) -> int:
    """Measure, print, and return the exit code."""
    extent = QUICK if arguments.quick else FULL
    begin = time.monotonic()
    load = os.getloadavg()[0]

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - begin:5.0f} s  {text}\n")

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    speech = await workload.speech()
    lines: list[report.Line] = []
    machine: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="otpvoice-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with rigged(folder / "cost", speech, legs=(extent.legs, extent.legs), beside=BESIDE) as rig:
            machine |= await _machine(rig) | {"load before": round(load, 2)}
            costs = await cost.measure(
                rig, extent.rates, at_all=JUDGED, rounds=extent.rounds, seconds=extent.seconds, say=say
            )
            lags, lagging = await cost.lags(rig, JUDGED, extent.seconds)
            rounds = [*costs.every(), lagging]
            machine["cores others kept busy"] = round(sum(one.others for one in rounds) / len(rounds), 2)
            lines += [*report.of_costs(costs, JUDGED), *report.of_lags(lags, JUDGED)]
        async with rigged(folder / "ceiling", speech, legs=_legs(extent.steps)) as rig:
            lines += report.of_ceiling(await ceiling.climb(rig, extent.steps, extent.step_seconds, say))
        for legs, made in (((8, 400), False), ((memory.CALLS + 10, 400), True))[: 1 if arguments.quick else 2]:
            # What a store keeps of a call is not what the call takes.
            async with rigged(folder / f"memory-{legs[0]}", speech, legs=legs, redis=True) as rig:
                lines += report.of_memory(await memory.waiting(rig), legs_made=made)
        lines += report.of_store(*await store.writes(folder / "redis", extent.writes))
        say("acceptance and webhooks")
        plain = await accept.measure(folder, extent.seconds)
        repeatable = await accept.measure(folder, extent.seconds, repeatable=True)
        lines += report.of_acceptance(plain, repeatable)
        lines += report.of_webhooks(await webhooks.measure(folder, extent.writes))
    say("done")
    report.show(lines, machine)
    if arguments.json is not None:
        arguments.json.write_bytes(orjson.dumps(report.as_json(lines, machine), option=orjson.OPT_INDENT_2) + b"\n")
    failed = [one for one in rounds if one.failed]
    for one in failed:
        sys.stderr.write(
            f"{one.failed} of {one.count} calls failed: {one}\n" + "".join(f"  {r}\n" for r in one.remarks)
        )
    return 1 if failed else 0


def _legs(steps: Sequence[float]) -> tuple[int, int]:
    """Return as many legs as the highest step needs, a little more than four seconds of calls."""
    legs = round(max(steps) * 4.5) + 10
    return legs, legs


async def _machine(rig: Rig) -> dict[str, Any]:
    version = (await rig.asterisk.cli("core show version")).split(" built")[0].removeprefix("Asterisk ")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "CPU": _cpu_model(),
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("aiohttp", "uvloop")},
        "Asterisk": version.split("+")[0],
    }


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: a minute and a half, and more noise")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    try:
        sys.exit(uvloop.run(main(parser.parse_args())))
    except WorkerFailed as error:
        sys.exit(str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
