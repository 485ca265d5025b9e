"""What a call that waits for keys takes of memory: resident set with so many of them, less that with none.

Each figure is of a process that never had more calls before: memory that was taken once is not given back.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from benchmarks import workload
from benchmarks.rig import Rig, Who

CALLS: Final = 200
RATE: Final = 25.0
WAIT_FOR_KEY: Final = 60.0


async def waiting(rig: Rig) -> float:
    """Return kB a call. The rig must be new."""
    await rig.round(Who.PRODUCT, 1, 3)
    product = rig.workers[Who.PRODUCT]
    before = resident_kb(product.pid)
    await rig.callee.ask("scenario", press_at=None)
    asked = await rig.place(Who.PRODUCT, RATE, CALLS, workload.body(WAIT_FOR_KEY))
    answered = await rig.callee.ask("answered", count=CALLS, within=10)
    await asyncio.sleep(rig.speech.seconds + 1.0)
    if answered != CALLS or any(status != 202 for status, _, _ in asked):
        raise RuntimeError(f"{answered} of {CALLS} calls were answered")
    taken = resident_kb(product.pid) - before
    await rig.callee.ask("hang_up")
    await rig.callee.ask("ended", count=CALLS, within=10)
    return taken / CALLS


def resident_kb(pid: int | str) -> int:
    """Return the resident set in kB (proc_pid_status(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))
