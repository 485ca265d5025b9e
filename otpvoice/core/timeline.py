"""One call's time: when what is told of it happened, on a clock that nobody sets while the call lasts.

Instants are Unix seconds, and clocks that show these are set now and then: by hand, by an NTP step, when a machine was
asleep. Spans of a record are differences of instants, so those of one call are all of one timeline. It knows no clock:
what they show is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeVar

from otpvoice.core.events import Happening, OnSecond

SET: Final = 2.0
"""Seconds by which a clock must be off to count as set: more than it is slewed, or two hosts' clocks may differ."""

STOOD_STILL: Final = 1.0
"""Seconds by which a timer is late only in a process that was frozen, or had no processor."""

E = TypeVar("E", bound=Happening)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Begun when our clock showed ``wall`` (Unix seconds) and the one that never jumps ``now`` (any origin)."""

    wall: float
    now: float

    def at(self, now: float) -> float:
        """Return the instant of a moment."""
        return self.wall + (now - self.now)

    def told(self, event: E, wall: float, now: float) -> E:
        """Return an event, heard at this moment, with its place on this timeline.

        It may have happened long ago: what Asterisk tells waits for us while we are frozen. It can't happen later than
        it is told; and where our clock was set, it may have been stamped by that very clock.
        """
        if isinstance(event, OnSecond):
            inner = self.told(event.event, wall, now)
            return event if inner is event.event else replace(event, event=inner)
        at = getattr(event, "at", None)
        here = self.at(now)
        if at is None or (abs(wall - here) < SET and at < here + SET):
            return event
        ways = (at, at - (wall - here))
        nearest = min(ways, key=lambda way: abs(way - here))
        return replace(event, at=min(nearest, here))
