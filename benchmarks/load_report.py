"""What load came to, as lines of the table: what holds, what limits it, and what becomes of more than that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.capacity import Climb, late_by, limit, summed_up
from benchmarks.cost import percentile
from benchmarks.loaded import Loaded
from benchmarks.overload import Overload
from benchmarks.report import Line


def of_rates(climb: Climb, cores: int) -> Iterator[Line]:
    """Tell the rate of calls that holds, what it was like, and what stopped it."""
    yield Line("calls a second that hold, everything on", climb.reached, "/s", None, _stopped(climb, cores))
    if climb.claimed is None:
        return
    at = f"at {climb.reached:g}/s, {len(climb.claimed.asked)} calls"
    yield from _spans(climb.claimed, at)
    yield Line("first sound later than at rest, p99", 1000 * late_by(climb.claimed, climb.onset), "ms", None, at)
    yield Line("event loop lag, p99", 1000 * percentile(climb.claimed.lags, 99), "ms", None, climb.claimed.busy)


def of_at_once(climb: Climb, cores: int, legs: int) -> Iterator[Line]:
    """Tell how many calls at once hold, of so many media legs that there may be, and what stopped it."""
    remark = f"MEDIA_LEGS 8:{legs}; {_stopped(climb, cores)}"
    yield Line("calls at once that hold, everything on", climb.reached, "", None, remark)
    if climb.claimed is not None:
        yield Line("event loop lag, p99", 1000 * percentile(climb.claimed.lags, 99), "ms", None, climb.claimed.busy)


def of_overload(overloads: Sequence[Overload]) -> Iterator[Line]:
    """Tell what became of everybody: each of the first lines has to be 0."""
    for one in overloads:
        name = f"{one.times:g} × the rate that holds:"
        yield Line(f"{name} taken, and not served well", len(one.harmed), "", 0, f"of {len(one.loaded.taken)} taken")
        yield Line(f"{name} taken, and never ended", len(one.endless), "", 0)
        yield Line(f"{name} rung twice, or though refused", len(one.twice), "", 0)
        yield Line(f"{name} answered with anything but 202, 429, 503", len(one.wronged), "", 0)
        waited = sorted(span.took for span in one.refused)
        yield Line(f"{name} refused", len(one.refused), "", None, f"of {len(one.loaded.asked)}")
        yield Line(f"{name} request to refusal, p99", 1000 * percentile(waited, 99), "ms", None)
        late = [one.late_ms(phase) for phase in range(3)]
        told = f"before {late[0]:.0f} ms, afterwards {late[2]:.0f} ms"
        yield Line(f"{name} first sound later than at rest, p99", late[1], "ms", None, told)
        yield Line(f"{name} memory that is not given back", one.grown_mb, "MB", None, one.loaded.busy)


def _stopped(climb: Climb, cores: int) -> str:
    step, last = climb.steps[-1]
    if step == climb.reached:
        return "the most that was tried"
    return f"at {step:g} what limits is {limit(last, cores)}: {summed_up(last, climb.onset)}"


def _spans(loaded: Loaded, at: str) -> Iterator[Line]:
    spans = {
        "request to 202": sorted(one.took for one in loaded.taken),
        "request to INVITE": loaded.invite(),
        "what happened to its webhook": loaded.webhooks,
    }
    for name, measured in spans.items():
        for percent in (50, 99):
            yield Line(f"{name}, p{percent}", 1000 * percentile(measured, percent), "ms", None, at)
