"""``python -m tests.soak``: MINUTES, SEED and RATE come from the environment, or from options of these names.

Exit code 1: a promise was broken, or something grew. What it wrote lies in ``build/soak/``; ``--write`` puts the result
into ``docs/soak.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.soak import report
from tests.soak.plan import Trouble
from tests.soak.run import Soaked, soak

FOLDER = Path(__file__).parents[2] / "build" / "soak"


def arguments() -> argparse.Namespace:
    """Return what is wanted."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.splitlines()[0])
    fresh = int.from_bytes(os.urandom(3), "big")
    given = {name: os.environ.get(name) or None for name in ("MINUTES", "SEED", "RATE")}
    parser.add_argument("--minutes", type=float, default=float(given["MINUTES"] or 30))
    parser.add_argument("--seed", type=int, default=int(given["SEED"] or fresh))
    parser.add_argument("--rate", type=float, default=None if given["RATE"] is None else float(given["RATE"]))
    names = [trouble.name.lower() for trouble in Trouble]
    parser.add_argument("--only", nargs="*", choices=names, default=names, metavar="TROUBLE", help=", ".join(names))
    parser.add_argument("--write", action="store_true", help="put the result into docs/soak.md")
    return parser.parse_args()


async def run(wanted: argparse.Namespace) -> Soaked:
    """Run it; SIGTERM ends it as Ctrl-C does, and all that it started."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    only = frozenset(Trouble[name.upper()] for name in wanted.only)
    return await soak(FOLDER, wanted.seed, wanted.minutes, wanted.rate, only=only, tell=_tell)


def _tell(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """Run it, and say what came of it."""
    wanted = arguments()
    try:
        done = asyncio.run(run(wanted))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("stopped, and nothing was judged", file=sys.stderr)
        return 130
    result = report.markdown(done, report.machine(), datetime.now(UTC).date().isoformat())
    (FOLDER / "result.md").write_text(f"{result}\n\n{report.minutes_table(done.samples)}\n")
    _tell(f"\n{result}\n\nMinute by minute: {FOLDER / 'result.md'}")
    if wanted.write:
        report.PAGE.write_text(report.with_result(report.PAGE.read_text(), result))
    return 0 if done.well else 1


if __name__ == "__main__":
    sys.exit(main())
