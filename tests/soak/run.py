"""One soak from its beginning to its end: parts, a rate, the plan, the drain, and the judgement."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from tests.faults.evidence import evidence, settled
from tests.faults.invariants import Facts, Verdict, judge
from tests.soak.calibrate import sustained_rate
from tests.soak.plan import Ask, Fault, Trouble, asks, faults
from tests.soak.requests import secrets_of
from tests.soak.samples import BOUNDS, Sample, Sampler
from tests.soak.site import Parts, opened_parts
from tests.soak.trend import Trend
from tests.soak.trouble import Troubles

HALF: Final = 0.5
"""Of the rate that this machine holds."""
DRAIN: Final = 240.0
"""Seconds within which nothing is left: a claim stands for 60, and a webhook may have just missed its endpoint."""
STOPS: Final = 90.0
"""Seconds for the service to end when it is asked to."""
WHOLE: Final = 30.0
"""Minutes from which on a last life is long enough to see it grow."""
REST: Final = {"tasks": 10.0, "descriptors": 30.0}
"""How many more there may be at rest than at the beginning, when nothing had happened yet: connections are kept, to
Redis, to the endpoint, and by clients. Each media leg has one more, and some two tasks."""
REST_WITHIN: Final = 120.0
"""Seconds after which who keeps connections has let go of them."""
_OF_A_LEG: Final = {"tasks": 2.0, "descriptors": 1.0}


@dataclass(frozen=True, slots=True)
class Plan:
    """Calls and troubles, each in the order in which they come."""

    calls: tuple[Ask, ...]
    troubles: tuple[Fault, ...]


@dataclass(slots=True)
class Soaked:
    """What came of it. ``rate``: calls a second that were asked for; ``drained``: the seconds until all had settled.

    ``problems``: sentences, besides the verdicts.
    """

    seed: int
    minutes: float
    rate: float
    asked: Counter[str] = field(default_factory=Counter)
    callees: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    gave_up: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    junk: int = 0
    invites: int = 0
    posts: int = 0
    repeated: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    troubles: list[tuple[Fault, float]] = field(default_factory=list)
    drained: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    trends: dict[tuple[str, str], list[Trend]] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    problems: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether all holds."""
        grew = any(not one.flat for lives in self.trends.values() for one in lives)
        return not grew and not self.problems and all(verdict.holds for verdict in self.verdicts)


async def soak(
    folder: Path,
    seed: int,
    minutes: float,
    rate: float | None = None,
    *,
    only: frozenset[Trouble] = frozenset(Trouble),
    plan: Plan | None = None,
    tell: Callable[[str], None] = print,
) -> Soaked:
    """Run one. ``rate``: calls a second; None: half of what this machine holds. ``only``: troubles that may come.

    ``plan``: what is done, instead of what the seed says.
    """
    seconds = 60 * minutes
    async with opened_parts(folder, seed) as parts:
        sampler = Sampler(parts, asyncio.get_running_loop().time())
        await sampler.take()
        rest = sampler.samples[0]
        if rate is None:
            rate = HALF * await sustained_rate(parts)
        done = Soaked(seed, minutes, rate)
        tell(f"SEED={seed} MINUTES={minutes:g} RATE={rate:.3f} repeats this run; its logs are in {folder}")
        plan = plan or Plan(tuple(asks(seed, seconds, rate)), tuple(faults(seed, seconds, only)))
        done.asked, done.callees = (Counter(one.kind for one in plan.calls), Counter(one.callee for one in plan.calls))
        sampler.began = asyncio.get_running_loop().time()
        await _under_way(parts, sampler, plan, done, tell)
        tell("no more calls, no more troubles: everything drains")
        begin = asyncio.get_running_loop().time()
        facts = await settled(lambda: evidence(parts.scene()), DRAIN)
        done.drained = asyncio.get_running_loop().time() - begin
        await _at_rest(sampler, rest, done)
        # A search takes its time; what was there when all had settled is judged, and what is found now.
        found = await evidence(parts.scene(), {secret for one in plan.calls for secret in secrets_of(one)})
        facts = replace(facts, leaks=found.leaks, secrets=found.secrets, searched=found.searched)
        await _ended(parts, done)
        _sum_up(parts, facts, sampler, done)
        return done


async def _under_way(parts: Parts, sampler: Sampler, plan: Plan, done: Soaked, tell: Callable[[str], None]) -> None:
    making = Troubles(parts)

    async def one(ask: Ask) -> None:
        await asyncio.sleep(max(0.0, sampler.began + ask.at - asyncio.get_running_loop().time()))
        parts.asks[ask.number] = ask
        await parts.client.place(ask)

    async def progress() -> None:
        while True:
            await asyncio.sleep(60.0)
            tell(_progress(parts, sampler, making))

    beside = [
        asyncio.create_task(sampler.run(min(10.0, 60 * done.minutes / 12))),
        asyncio.create_task(parts.client.disturb(done.seed)),
        asyncio.create_task(progress()),
    ]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(making.follow(plan.troubles, sampler.began))
            for ask in plan.calls:
                group.create_task(one(ask))
    finally:
        await stopped(beside)
    faulty = [task.exception() for task in beside if not task.cancelled()]
    done.problems += [f"the soak itself: {error!r}" for error in faulty if error is not None]
    done.troubles = making.made


async def stopped(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: a client whose own deadline comes in that very instant swallows the first."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=1.0)


def _progress(parts: Parts, sampler: Sampler, making: Troubles) -> str:
    last = {sample.whose: sample.figures for sample in sampler.samples}
    figures = " · ".join(
        f"{whose} {name} {figure:.0f}" for whose, those in last.items() for name, figure in those.items()
    )
    minute = (asyncio.get_running_loop().time() - sampler.began) / 60
    return f"{minute:5.1f} min: {len(parts.client.accepted)} calls taken, {len(making.made)} troubles · {figures}"


async def _at_rest(sampler: Sampler, rest: Sample, done: Soaked) -> None:
    """Of a process that is at rest there is no more than at the beginning."""
    over = asyncio.get_running_loop().time() + REST_WITHIN
    while True:
        await sampler.take()
        last = next(one.figures for one in reversed(sampler.samples) if one.whose == "service")
        more = list(more_than(rest.figures, last))
        if not more or asyncio.get_running_loop().time() >= over:
            done.problems += more
            return
        await asyncio.sleep(5.0)


def more_than(first: dict[str, float], last: dict[str, float]) -> Iterator[str]:
    """Yield what there is more of than at first, as sentences."""
    if not {*REST, "legs"} <= first.keys() & last.keys():
        yield "at rest: the service said nothing of itself"
        return
    legs = max(0.0, last["legs"] - first["legs"])
    for name, more in REST.items():
        if last[name] > first[name] + more + _OF_A_LEG[name] * legs:
            yield f"at rest: {last[name]:.0f} {name}; {first[name]:.0f} at first, with {legs:.0f} media legs less"


async def _ended(parts: Parts, done: Soaked) -> None:
    """Asked to end, the service does, and leaves nothing in Asterisk."""
    parts.service.terminate()
    try:
        code = await parts.service.ended(STOPS)
    except TimeoutError:
        done.problems.append(f"the service did not end within {STOPS:g} s")
        return
    if code != 0:
        done.problems.append(f"the service ended with {code}")
    lines = (await parts.asterisk.cli("core show channels concise")).splitlines()
    if left := [line.split("!")[-1] for line in lines if "!" in line]:
        done.problems.append(f"after its end Asterisk has {', '.join(left)}")


def _sum_up(parts: Parts, facts: Facts, sampler: Sampler, done: Soaked) -> None:
    client = parts.client
    done.accepted, done.gave_up, done.junk = len(client.accepted), len(client.gave_up), client.junk
    done.answers = client.answers
    done.invites, done.posts = sum(facts.invites.values()), len(facts.posts)
    done.repeated = len(facts.posts) - len({post.id for post in facts.posts})
    done.outcomes = Counter(_outcome(record) for record in facts.records.values())
    done.samples, done.trends = sampler.samples, sampler.trends()
    done.verdicts = judge(facts)
    done.problems += [f"refused for good: {wrong}" for wrong in client.wrong[:5]]
    done.problems += [f"a phone: {failure!r}" for failure in parts.agent.failures[:5]]
    if not facts.records:
        done.problems.append("there was no call")
    done.problems += unjudged(done)


def unjudged(done: Soaked) -> Iterator[str]:
    """Yield the figures that are bound and of which a run that was long enough says nothing."""
    if done.minutes < WHOLE:
        return
    for whose, name in BOUNDS:
        if not any(one.growth is not None for one in done.trends.get((whose, name), ())):
            yield f"whether {name} of {whose} grow was not judged: no life was long enough"


def _outcome(record: dict[str, Any]) -> str:
    outcome = record["outcome"] or {"class": record["state"], "reason": None}
    return f"{outcome['class']} / {outcome['reason']}" if outcome["reason"] else str(outcome["class"])
