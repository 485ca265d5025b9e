"""Does a figure grow for as long as a process lives? Pure: samples go in, a judgement comes out.

The slope is the median of those between all pairs of samples (Theil and Sen): a third of the samples may be anything,
a burst of calls or a garbage collection, without moving it.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WARM: Final = 120.0
"""Seconds of a life that do not count: modules are loaded, caches and the arenas of ``malloc`` fill, legs are made."""
SHORTEST: Final = 360.0
"""Seconds after that without which a life says nothing."""
FEWEST: Final = 10
"""Samples of a life without which it says nothing."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure is flat if it grows less than ``share`` of what it is, or less than ``floor``, in an hour's half."""

    floor: float
    share: float = 0.1


HALF_AN_HOUR: Final = 1800.0


@dataclass(frozen=True, slots=True)
class Trend:
    """How a figure went in one life. ``growth``: by the slope, in half an hour; ``may``: the most that is flat.

    ``growth`` None: the life was too short to say anything.
    """

    samples: int
    seconds: float
    middle: float
    growth: float | None
    may: float

    @property
    def flat(self) -> bool:
        """Whether it did not grow, as far as can be said."""
        return self.growth is None or self.growth <= self.may


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the median slope between all pairs of points; 0 where there are no two at different times."""
    slopes = [
        (later - former) / (end - begin)
        for number, (begin, former) in enumerate(points)
        for end, later in points[number + 1 :]
        if end > begin
    ]
    return statistics.median(slopes) if slopes else 0.0


def trend(points: Sequence[tuple[float, float]], bound: Bound) -> Trend:
    """Judge one life: pairs of seconds since it began and the figure then, in order."""
    settled = [point for point in points if point[0] >= WARM]
    seconds = settled[-1][0] - settled[0][0] if settled else 0.0
    middle = statistics.median(figure for _, figure in settled or points) if points else 0.0
    may = max(bound.floor, bound.share * middle)
    if len(settled) < FEWEST or seconds < SHORTEST:
        return Trend(len(settled), seconds, middle, None, may)
    return Trend(len(settled), seconds, middle, slope(settled) * HALF_AN_HOUR, may)
