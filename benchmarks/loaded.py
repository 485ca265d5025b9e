"""What came of calls under load, as data: of each request, and of all together.

It measures nothing: ``whole`` does, and ``capacity`` and ``overload`` judge it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.cost import percentile

PARTS: Final = ("app", "asterisk", "callee", "load", "redis", "sink")
"""Processes that take part."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and what came of it. ``phase``: which of the rates it was asked at. ``took``: seconds.

    ``at``: of asking, on a clock that the phones have, too (both are uvloop's, which is the machine's).
    ``record`` None: it was not taken. ``heard``: at the phone, once for each time that it was rung.
    """

    phase: int
    at: float
    status: int
    code: str | None
    retry_after: str | None
    took: float
    record: Mapping[str, Any] | None = field(repr=False)
    heard: Sequence[Mapping[str, Any]] = field(repr=False)
    well: bool
    """It was delivered, its key understood, all of it heard, and its telephone rung once."""

    @property
    def taken(self) -> bool:
        """Was it promised?"""
        return self.status == 202

    @property
    def outcome(self) -> str:
        """Return what its record says became of it."""
        if self.record is None:
            return f"{self.status} {self.code}"
        outcome = self.record["outcome"] or {"class": f"never ended, {self.record['state']}", "reason": None}
        return " ".join(filter(None, (outcome["class"], outcome["reason"])))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What some phases of calls came to. Spans sorted, in seconds; CPU in seconds of one core, by part.

    ``busy_seconds``: from the first request to the last one's, of which the CPU is. ``peaks``: the most there was of
    what may pile up. ``lags``: of the event loop. ``webhooks``: how late they came; ``told``: different ones.
    """

    phases: Sequence[tuple[float, int]]
    asked: Sequence[Asked]
    busy_seconds: float
    cpu: Mapping[str, float]
    peaks: Mapping[str, int]
    lags: Sequence[float]
    webhooks: Sequence[float]
    told: int
    tidy: bool
    """All legs were given back, and all webhooks delivered."""

    def of(self, phase: int | None = None) -> list[Asked]:
        """Return the requests of one phase, or all."""
        return [one for one in self.asked if phase in (None, one.phase)]

    @property
    def taken(self) -> list[Asked]:
        """Those that were taken."""
        return [one for one in self.asked if one.taken]

    @property
    def failed(self) -> int:
        """Calls that were asked for and did not go as they should, whatever the reason."""
        return sum(not one.well for one in self.asked)

    @property
    def outcomes(self) -> Counter[str]:
        """Count what became of all that were asked for."""
        return Counter("well" if one.well else one.outcome for one in self.asked)

    def first_sound(self, phase: int | None = None) -> list[float]:
        """Return how long callees waited for the first sound after their 200 OK, sorted.

        Of the sound and not of a packet: Asterisk sends one of its own when it has nothing to send for half a second.
        """
        waited = [heard["answer_to_sound"] for one in self.of(phase) for heard in one.heard]
        return sorted(span for span in waited if span is not None)

    def invite(self, phase: int | None = None) -> list[float]:
        """Return how long it was from the requests to the first INVITEs at the phones, sorted."""
        return sorted(heard["invited"] - one.at for one in self.of(phase) for heard in one.heard[:1])

    def cores(self, part: str) -> float:
        """Return how many cores a part kept busy, on average."""
        return self.cpu[part] / self.busy_seconds

    @property
    def others(self) -> float:
        """Return the cores that everybody else kept busy; processes that make speech are among them."""
        return max(0.0, self.cores("machine") - sum(map(self.cores, PARTS)))

    @property
    def busy(self) -> str:
        """Say who kept how many cores busy, how late the loop was, and what piled up."""
        cores = ", ".join(f"{part} {self.cores(part):.2f}" for part in PARTS)
        lag = 1000 * percentile(self.lags, 99)
        piled = ", ".join(f"{count} {name}" for name, count in self.peaks.items())
        return f"cores busy: {cores}, others {self.others:.2f}; loop lag p99 {lag:.0f} ms; at most {piled}"
