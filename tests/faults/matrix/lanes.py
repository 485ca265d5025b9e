"""Many stories: several stands side by side, each told one story after the other.

A stand whose story is broken is left to what is left of it, and a new one is made for the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.matrix.driver import Row, tell
from tests.faults.matrix.points import Fault, Point
from tests.faults.matrix.stand import Stand, open_asterisk, open_stand


@dataclass(slots=True)
class Told:
    """Rows in the order in which they were told, and the names of all seams that were passed."""

    rows: list[Row] = field(default_factory=list)
    seams: set[str] = field(default_factory=set)


async def tell_all(
    folder: Path,
    points: Iterable[Point],
    fault: Fault,
    told: Told,
    *,
    lanes: int,
    asterisk: AsteriskInstance | None,
    thorough: bool = True,
    show: Callable[[Row], None] = lambda _: None,
) -> None:
    """Tell what is to be told of a fault, in so many lanes. ``asterisk``: None: each lane has one, which may die."""
    waiting = deque(points)

    async def lane(number: int) -> None:
        async with AsyncExitStack() as stack:
            own = asterisk
            if own is None:
                own = await stack.enter_async_context(open_asterisk(folder / f"asterisk-{number}"))
            stands = 0
            while waiting:
                stands += 1
                opened = open_stand(
                    folder / f"stand-{number}-{stands}",
                    own,
                    silent=fault is Fault.SILENT,
                    wedged=fault is Fault.WEDGED,
                )
                async with opened as stand:
                    await _tell_here(stand, waiting, fault, told, thorough=thorough, show=show)
                    told.seams |= stand.service.seams()

    async with asyncio.TaskGroup() as group:
        for number in range(min(lanes, len(waiting))):
            group.create_task(lane(number))


async def _tell_here(
    stand: Stand, waiting: deque[Point], fault: Fault, told: Told, *, thorough: bool, show: Callable[[Row], None]
) -> None:
    while waiting:
        row = await tell(stand, waiting.popleft(), fault, thorough=thorough)
        told.rows.append(row)
        show(row)
        if not row.kept:
            return


def chosen(points: Collection[Point], names: Collection[str]) -> list[Point]:
    """Return the points of these names; no names: all."""
    return [point for point in points if not names or point.name in names]
