"""What a scripted callee does with a call, as data: it picks up, it refuses, or it lets it ring.

There is no chance in it: the same call to the same script is the same story.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class PicksUp:
    """Rings, and answers.

    ``keys``: what it presses each time when something was said and it is quiet, the last entry from then on; none: it
    only listens. ``hangs_up_after``: it leaves when so many pieces of one utterance were played.
    """

    keys: tuple[str, ...] = ()
    hangs_up_after: int | None = None


@dataclass(frozen=True, slots=True)
class Refuses:
    """Nobody picks up: the network's final response, and its Q.850 cause. ``rings``: a 180 came before it."""

    sip_status: int
    cause: int
    rings: bool = False


@dataclass(frozen=True, slots=True)
class RingsOn:
    """Rings until somebody else has had enough."""


CalleeScript: TypeAlias = PicksUp | Refuses | RingsOn
