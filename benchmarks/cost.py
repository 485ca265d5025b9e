"""What a call costs in CPU, and how soon the callee hears it: bare loop and product in turns, at several rates."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from benchmarks.rig import Rig, Round, Who

Say: TypeAlias = Callable[[str], None]
DISTURBED: Final = 0.3
"""Cores that others may keep busy during a turn. On two cores, costs rise by a third when half of one is gone."""


@dataclass(slots=True)
class Costs:
    """All rounds, by rate and by who placed the calls."""

    rounds: dict[float, dict[Who, list[Round]]] = field(default_factory=dict)
    dropped: list[Round] = field(default_factory=list)
    """Rounds of turns that others disturbed. Their failures count all the same."""

    def ms(self, rate: float, who: Who, part: str = "app") -> float:
        """Return the median of the rounds, ms of CPU a call."""
        return statistics.median(one.ms_a_call(part) for one in self.rounds[rate][who])

    def ratio(self, rate: float, who: Who, to: Who) -> float:
        """Return the median of what each round took against its neighbour: noise of the machine falls on both."""
        pairs = zip(self.rounds[rate][who], self.rounds[rate][to], strict=True)
        return statistics.median(one.cpu["app"] / other.cpu["app"] for one, other in pairs)

    def every(self) -> list[Round]:
        """Return all rounds, whoever placed the calls, the dropped ones too."""
        kept = [one for at_rate in self.rounds.values() for rounds in at_rate.values() for one in rounds]
        return [*kept, *self.dropped]

    def spans(self, rate: float, who: Who, what: str) -> list[float]:
        """Return all spans of that name, sorted, in seconds."""
        return sorted(span for one in self.rounds[rate][who] for span in getattr(one, what))


async def measure(rig: Rig, rates: Sequence[float], *, at_all: float, rounds: int, seconds: float, say: Say) -> Costs:
    """Measure ``rounds`` turns at each rate, one more where others disturbed; at ``at_all`` without the hook, too."""
    costs = Costs()
    for who in rig.workers:
        await rig.round(who, 10, 20)  # whatever is done once in a life: caches, connections, modules
    for rate in rates:
        placers = [Who.BARE, Who.PRODUCT]
        if rate == at_all:
            placers += [Who.BARE_DIRECT, Who.PRODUCT_DIRECT]
        turns: list[dict[Who, Round]] = []
        while len(turns) < rounds or (len(turns) == rounds and max(map(_disturbed, turns)) > DISTURBED):
            turns.append({who: await rig.round(who, rate, round(rate * seconds)) for who in placers})
            told = ", ".join(f"{who} {one.ms_a_call('app'):.2f} ms" for who, one in turns[-1].items())
            say(f"{rate:g}/s, turn {len(turns)}: {told}; others kept {_disturbed(turns[-1]):.2f} cores busy")
        turns.sort(key=_disturbed)
        costs.rounds[rate] = {who: [turn[who] for turn in turns[:rounds]] for who in placers}
        costs.dropped += [one for turn in turns[rounds:] for one in turn.values()]
    return costs


def _disturbed(turn: Mapping[Who, Round]) -> float:
    """Return the cores that others kept busy meanwhile, at the worst."""
    return max(one.others for one in turn.values())


def percentile(sorted_spans: Sequence[float], percent: float) -> float:
    """Return the span that so many percent do not exceed (nearest rank)."""
    if not sorted_spans:
        return float("nan")
    rank = -(-len(sorted_spans) * percent // 100)
    return sorted_spans[max(0, int(rank) - 1)]


async def lags(rig: Rig, rate: float, seconds: float) -> tuple[list[float], Round]:
    """Return how late the product's event loop was, sorted, in seconds, at this rate of calls."""
    product = rig.workers[Who.PRODUCT]
    await product.ask("lag_begin")
    one = await rig.round(Who.PRODUCT, rate, round(rate * seconds))
    samples: list[Any] = await product.ask("lag_end")
    return sorted(samples), one
