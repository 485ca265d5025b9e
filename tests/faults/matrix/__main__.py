"""``python -m tests.faults.matrix``: all stories, told live, and the table of ``docs/faults.md`` from what was seen.

``--fault WE_DIE`` and names of points tell some of them, and write no table. Exit code 1 where a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from tests.faults.matrix.driver import Row
from tests.faults.matrix.lanes import Told, chosen, tell_all
from tests.faults.matrix.points import Fault, stories
from tests.faults.matrix.report import line, write
from tests.faults.matrix.stand import open_asterisk

LANES: Final = {Fault.WE_DIE: 6, Fault.ASTERISK: 5, Fault.REDIS: 12, Fault.SILENT: 8, Fault.FROZEN: 10, Fault.WEDGED: 2}
"""How many stories of a fault are told at a time: most wait more than they work."""
TOGETHER: Final = ((Fault.WE_DIE,), (Fault.ASTERISK,), (Fault.REDIS,), (Fault.SILENT, Fault.FROZEN, Fault.WEDGED))
"""Faults whose stories are told at the same time."""


async def main(faults: list[Fault], names: list[str], folder: Path) -> Told:
    """Tell them."""
    told = Told()
    for some in TOGETHER:
        work = [(fault, chosen(stories(fault), names)) for fault in some if fault in faults]
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            for fault, points in work:
                if not points:
                    continue
                sys.stdout.write(f"\n{fault}: {len(points)} stories\n")
                where, asterisk = folder / fault.name.lower(), None
                if fault is not Fault.ASTERISK:
                    asterisk = await stack.enter_async_context(open_asterisk(where / "asterisk"))
                group.create_task(
                    tell_all(where, points, fault, told, lanes=LANES[fault], asterisk=asterisk, show=_show)
                )
    return told


def _show(row: Row) -> None:
    sys.stdout.write(line(row) + "\n")
    for sentence in row.broken:
        sys.stdout.write(f"    {sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m tests.faults.matrix")
    arguments.add_argument("--fault", choices=[fault.name for fault in Fault], action="append")
    arguments.add_argument("points", nargs="*")
    asked = arguments.parse_args()
    home = Path(tempfile.mkdtemp(prefix="otpvoice-faults-"))
    some = [Fault[name] for name in asked.fault or ()]
    result = asyncio.run(main(some or list(Fault), asked.points, home))
    broken = [row for row in result.rows if not row.kept]
    if not some and not asked.points:
        write(result.rows)
    sys.stdout.write(f"\n{len(result.rows)} stories, {len(broken)} broken\n")
    if broken:
        sys.stdout.write(f"what is left of them is in {home}\n")
    else:
        shutil.rmtree(home, ignore_errors=True)
    sys.exit(1 if broken else 0)
