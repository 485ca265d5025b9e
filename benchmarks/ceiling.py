"""How many calls a second hold: the rate is raised in steps until a call fails or speech comes late.

It names what was busy at the last step. On one small machine that is everything at once, the phones included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.cost import percentile
from benchmarks.rig import Rig, Round, Who

LATE: Final = 0.1
"""Seconds from the callee's 200 OK to the first packet, of one call in a hundred, that are too many."""
STEPS: Final = (40, 60, 80, 100, 120, 140)
LEGS: Final = 640
"""A call takes four seconds, its leg included; at the highest step that is 560 at once."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """``steps``: in order; the last one did not hold, unless ``reached`` is the highest of all."""

    steps: Sequence[Round]
    reached: float

    @property
    def why(self) -> str:
        """Return what was wrong at the last step, and how busy the machine was."""
        last = self.steps[-1]
        parts = ", ".join(f"{part} {last.cores(part):.2f}" for part in ("app", "asterisk", "callee", "load"))
        p99 = percentile(sorted(last.answer_to_rtp), 99)
        return (
            f"at {last.rate:g}/s {last.failed} of {last.count} failed, first packet p99 {p99 * 1000:.0f} ms; "
            f"cores busy: {parts}, others {last.others:.2f}"
        )


def holds(one: Round) -> bool:
    """All good, and heard in time."""
    return one.failed == 0 and percentile(sorted(one.answer_to_rtp), 99) <= LATE


async def climb(rig: Rig, steps: Sequence[float], seconds: float, say: Callable[[str], None]) -> Ceiling:
    """Raise the rate. A step that does not hold is tried once more: on a shared machine one slip proves little."""
    await rig.round(Who.PRODUCT, 10, 20)
    taken: list[Round] = []
    reached = 0.0
    for rate in steps:
        one = await rig.round(Who.PRODUCT, rate, round(rate * seconds))
        if not holds(one):
            say(f"{rate:g}/s did not hold, again: {Ceiling([one], reached).why}")
            one = await rig.round(Who.PRODUCT, rate, round(rate * seconds))
        taken.append(one)
        say(f"{rate:g}/s: {one.failed} failed, p99 {percentile(sorted(one.answer_to_rtp), 99) * 1000:.0f} ms")
        if not holds(one):
            break
        reached = rate
    return Ceiling(taken, reached)
