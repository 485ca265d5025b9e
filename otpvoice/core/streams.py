"""The streams of a call that run, by the names that its plan gives them.

It opens nothing: it numbers them, and knows which action began which.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from otpvoice.core.actions import Stream

MOST: Final = 8
"""At once, of one call, besides the trunk's: each is a socket, and copies of its tracks."""


@dataclass(frozen=True, slots=True)
class Running:
    """A stream of this ``number``. ``index``: of the action that began it; None: the trunk did."""

    number: int
    order: Stream
    index: int | None


@dataclass(slots=True)
class RunningStreams:
    """Numbers go up, also where names come again. What the trunk streams has no name that a plan could stop."""

    count: int = 0
    _running: dict[int, Running] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Do as many run as may?"""
        return sum(one.index is not None for one in self._running.values()) >= MOST

    def begin(self, order: Stream, index: int | None) -> Running:
        """Take a stream in."""
        self.count += 1
        begun = self._running[self.count] = Running(self.count, order, index)
        return begun

    def find(self, name: str) -> Running | None:
        """Return the stream of this name."""
        return next((one for one in self._running.values() if one.order.name == name and one.index is not None), None)

    def of(self, number: int) -> Running | None:
        """Return the stream of this number, while it runs."""
        return self._running.get(number)

    def end(self, number: int) -> Running | None:
        """Let a stream go; None where that was done before."""
        return self._running.pop(number, None)
