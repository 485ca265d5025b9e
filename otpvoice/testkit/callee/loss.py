"""Which packets get lost on the way to a phone: a share of them, the same ones in each run.

It touches no packet, and loses none of those that the phone sends.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

_PARTS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Loss:
    """``share`` of the packets gets lost, 0 to 1: evenly spread, or at random where there is a ``seed``."""

    share: float = 0.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("a share is 0 to 1")

    def begin(self) -> LossyWay:
        """A way of its own for one call."""
        return LossyWay(self)


NONE: Final = Loss()


class LossyWay:
    """``dropped`` of the packets that were asked about got lost."""

    def __init__(self, loss: Loss) -> None:
        self.dropped = 0
        self._parts = round(loss.share * _PARTS)
        self._sum = 0
        self._random = None if loss.seed is None else random.Random(loss.seed)

    def loses(self) -> bool:
        """Does the next packet get lost? Evenly spread means: of n packets, n times the share, rounded down."""
        if not self._parts:
            return False
        if self._random is not None:
            lost = self._random.randrange(_PARTS) < self._parts
        else:
            self._sum += self._parts
            lost = self._sum >= _PARTS
            self._sum -= _PARTS if lost else 0
        self.dropped += lost
        return lost
