"""What a soak does and when, from a seed: calls, and troubles in two lines of their own. The same seed, the same plan.

Pure. Seconds count from the beginning.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

_T = TypeVar("_T")


class Kind(StrEnum):
    """What is asked for."""

    CODE = "code"
    GATHER = "gather"
    INTERACTIVE = "interactive"
    WAITING = "waiting"
    TEST = "test"


class Callee(StrEnum):
    """What the callee does."""

    LISTENS = "listens"
    LEAVES = "leaves"
    """At any moment after the answer."""
    KEYS_FAST = "keys fast"
    """Ten keys in a second, from the answer on, whatever is said meanwhile."""
    REJECTS = "rejects"
    NEVER_ANSWERS = "never answers"


class Trouble(StrEnum):
    """What goes wrong. Those of the endpoint have a line of their own, beside the others."""

    SERVICE_KILLED = "service killed"
    SERVICE_STOPPED = "service stopped (SIGSTOP)"
    ASTERISK_KILLED = "Asterisk killed"
    ASTERISK_STOPPED = "Asterisk stopped (SIGSTOP)"
    REDIS_KILLED = "Redis killed"
    EVENTS_BLACK_HOLE = "events socket black-holed"
    HOOK_DOWN = "webhook endpoint down"
    HOOK_500 = "webhook endpoint answers 500"
    HOOK_SLOW = "webhook endpoint slow"
    HOOK_RESET = "webhook endpoint resets"


MACHINERY: Final = tuple(one for one in Trouble if not one.name.startswith("HOOK"))
ENDPOINT: Final = tuple(one for one in Trouble if one.name.startswith("HOOK"))
_LASTS: Final = {
    Trouble.SERVICE_KILLED: (0.0, 3.0),
    Trouble.SERVICE_STOPPED: (1.0, 8.0),
    Trouble.ASTERISK_KILLED: (0.0, 3.0),
    Trouble.ASTERISK_STOPPED: (1.0, 6.0),
    Trouble.REDIS_KILLED: (5.0, 5.0),
    Trouble.EVENTS_BLACK_HOLE: (0.0, 0.0),
}
"""Seconds, at least and at most; an endpoint's as below."""
_HOOK_LASTS: Final = (5.0, 20.0)
_ENDS_LIVES: Final = frozenset({Trouble.SERVICE_KILLED, Trouble.ASTERISK_KILLED})
_LONG_LIFE: Final = 0.65
"""After so much of the run nobody is killed any more who is looked at for growth: the last life is long."""
_CALM: Final = 20.0, 45.0
"""Seconds between one trouble and the next one in its line; of a short run less."""
_KINDS: Final = {Kind.CODE: 40, Kind.GATHER: 25, Kind.INTERACTIVE: 15, Kind.WAITING: 8, Kind.TEST: 12}
_CALLEES: Final = {
    Callee.LISTENS: 50,
    Callee.LEAVES: 20,
    Callee.KEYS_FAST: 12,
    Callee.REJECTS: 10,
    Callee.NEVER_ANSWERS: 8,
}
DIGITS: Final = 10
"""Of a code, and of what is keyed: no other number happens to be one (``tests/faults/needles.py``)."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One call: asked for at ``at``. ``hasty``: so many seconds after which the client drops its first request."""

    number: int
    at: float
    kind: Kind
    callee: Callee
    code: str = field(repr=False)
    keys: str = field(repr=False)
    ring: float
    leaves_after: float
    status: int
    hasty: float | None

    @property
    def to(self) -> str:
        """Whom it calls: nobody else does."""
        return f"+1555{self.number:07}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A trouble, from ``at`` on for ``lasts`` seconds."""

    trouble: Trouble
    at: float
    lasts: float


def asks(seed: int, seconds: float, rate: float) -> Iterator[Ask]:
    """Yield the calls, ``rate`` a second on the average, as they come."""
    chance = random.Random(f"asks {seed}")
    at, number = 0.0, 0
    while (at := at + chance.expovariate(rate)) < seconds:
        number += 1
        yield Ask(
            number=number,
            at=at,
            kind=_one_of(chance, _KINDS),
            callee=_one_of(chance, _CALLEES),
            code=_digits(chance),
            keys=_digits(chance),
            ring=chance.uniform(0.0, 2.0),
            leaves_after=chance.uniform(0.0, 6.0),
            status=chance.choice((486, 404, 603, 503)),
            hasty=chance.uniform(0.0, 0.1) if chance.random() < 0.1 else None,
        )


def faults(seed: int, seconds: float, only: frozenset[Trouble] = frozenset(Trouble)) -> list[Fault]:
    """Return the troubles in the order in which they come. ``only``: those that may come."""
    lines = ((name, [one for one in line if one in only]) for name, line in (("m", MACHINERY), ("e", ENDPOINT)))
    return sorted((fault for name, line in lines for fault in _line(f"{name} {seed}", line, seconds)), key=_at)


def _line(seed: str, troubles: list[Trouble], seconds: float) -> Iterator[Fault]:
    chance = random.Random(seed)
    bag: list[Trouble] = []
    at = _calm(chance, seconds) / 2
    while troubles:
        # Each kind once before any comes again.
        bag = bag or chance.sample(troubles, len(troubles))
        trouble = bag.pop()
        lasts = min(chance.uniform(*_LASTS.get(trouble, _HOOK_LASTS)), seconds / 4)
        if at + lasts >= seconds:
            return
        if trouble not in _ENDS_LIVES or at < _LONG_LIFE * seconds:
            yield Fault(trouble, at, lasts)
        elif set(troubles) <= _ENDS_LIVES:
            return
        else:
            lasts = 0.0
        at += lasts + _calm(chance, seconds)


def _calm(chance: random.Random, seconds: float) -> float:
    return min(chance.uniform(*_CALM), seconds / 6)


def _at(fault: Fault) -> float:
    return fault.at


def _one_of(chance: random.Random, weights: Mapping[_T, int]) -> _T:
    return chance.choices(list(weights), list(weights.values()))[0]


def _digits(chance: random.Random) -> str:
    # Not of a form in which instants come: seconds since 1970 begin with 1, milliseconds are longer.
    return chance.choice("23456789") + "".join(chance.choice("0123456789") for _ in range(DIGITS - 1))
