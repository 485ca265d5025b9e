"""What becomes of everybody when more ask than can be served: before, meanwhile and afterwards.

Half of what holds, then several times as much for a while, then half again. Who is refused may come back; who was taken
is served as if nothing were, and in the end there is as much left as at the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.capacity import Say
from benchmarks.cost import percentile
from benchmarks.loaded import Asked, Loaded
from benchmarks.whole import Whole

TIMES: Final = (2.0, 5.0)
"""How many times as much as holds."""
CALM: Final = 5.0
"""Seconds of it, before and afterwards."""
RUSH: Final = 10.0
MAY_BE: Final = frozenset({202, 429, 503})
"""Statuses that a request to call may be answered with, however many there are."""


@dataclass(frozen=True, slots=True)
class Overload:
    """``times`` as much as holds. ``before`` and ``after``: what there was of what may pile up, nobody calling."""

    times: float
    loaded: Loaded
    before: Mapping[str, int]
    after: Mapping[str, int]
    onset: float

    @property
    def refused(self) -> list[Asked]:
        """Those who were told to come back."""
        return [one for one in self.loaded.asked if not one.taken]

    @property
    def wronged(self) -> list[Asked]:
        """Those who were answered with anything else, or were not told when to come back."""
        return [one for one in self.refused if one.status not in MAY_BE or not (one.retry_after or "").isdigit()]

    @property
    def harmed(self) -> list[Asked]:
        """Those who were taken and not served well."""
        return [one for one in self.loaded.taken if not one.well]

    @property
    def endless(self) -> list[Asked]:
        """Those who were taken and whose record never got an end."""
        return [one for one in self.loaded.taken if one.record is None or one.record["state"] != "ended"]

    @property
    def twice(self) -> list[Asked]:
        """Those whose telephones were rung more than once, or though they were refused."""
        return [one for one in self.loaded.asked if len(one.heard) > int(one.taken)]

    @property
    def grown_mb(self) -> float:
        """Return what the service takes more of memory than before."""
        return (self.after["kB"] - self.before["kB"]) / 1024

    def late_ms(self, phase: int) -> float:
        """Return by how much the first sound was late, of one call in a hundred."""
        return 1000 * (percentile(self.loaded.first_sound(phase), 99) - self.onset)

    def told(self) -> str:
        """Return it in a line."""
        loaded = self.loaded
        came = ", ".join(f"{count} {outcome}" for outcome, count in loaded.outcomes.most_common())
        waited = sorted(one.took for one in self.refused)
        p50, p99 = (1000 * percentile(waited, percent) for percent in (50, 99))
        late = " · ".join(f"{self.late_ms(phase):.0f}" for phase in range(3))
        return (
            f"{came}; refused within {p50:.0f} · {p99:.0f} ms; first sound late (p99) by {late} ms before, meanwhile,"
            f" afterwards; {self.grown_mb:+.0f} MB; {loaded.busy}"
        )


async def measure(rig: Whole, capacity: float, times: Sequence[float], say: Say) -> list[Overload]:
    """Overload it, so many times as much as holds. The rig has been warmed up."""
    taken: list[Overload] = []
    for factor in times:
        before = await rig.now()
        rush, calm = capacity * factor, capacity / 2
        loaded = await rig.calls((calm, round(calm * CALM)), (rush, round(rush * RUSH)), (calm, round(calm * CALM)))
        taken.append(one := Overload(factor, loaded, before, await rig.now(), rig.onset))
        say(f"{factor:g} times as much: {one.told()}")
    return taken
