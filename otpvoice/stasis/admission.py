"""Is there strength for one call more? The later the event loop is, the more of those who ask are told to come back.

A loop that is late answers a telephone late, and hears a key late, in every call there is; so who comes next is refused
before those who are here are harmed. It refuses in proportion, as routers drop packets ahead of a full queue (RED,
RFC 2309 section 3): all or nothing would swing between both. Pure: time and lag are told to it, and it ends no call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

EASY: Final = 0.02
"""Seconds of lag up to which everybody is taken: a call hears nothing of it."""
HARD: Final = 0.1
"""Seconds from which on nobody is: first sound is late by three times as much. No moment counts for more, so that one
pause (a search for rubbish, a machine that was moved) refuses next to nobody."""
MEMORY: Final = 0.5
"""Seconds in which what was noted loses its weight but for a third."""
SOONEST: Final = 1.0
"""Seconds after which to come back where few are refused."""
LATEST: Final = 5.0
"""The same where all are."""


@dataclass(slots=True)
class Admission:
    """``note`` how late the loop is, again and again; ``refuses`` answers for each call that is asked for.

    Before anything was noted nobody is refused. ``now``: seconds of a clock that never jumps, and that goes on within
    one turn of the loop: uvloop's own stands still there.
    """

    _lag: float = 0.0
    _noted: float = field(default=-math.inf, repr=False)
    _due: float = field(default=math.inf, repr=False)
    _owed: float = field(default=0.0, repr=False)

    def note(self, lag: float, now: float, again: float) -> None:
        """The loop was so late, in seconds, and is to tell again ``again`` seconds from now."""
        self._lag = self._with(lag, now)
        self._noted, self._due = now, now + again

    def lag(self, now: float) -> float:
        """Return how late the loop has been of late, in seconds; a telling that is overdue counts as late already."""
        overdue = now - self._due
        return self._with(overdue, now) if overdue > 0 else self._lag

    def share(self, now: float) -> float:
        """Return the share of those who ask now that is refused, 0 to 1."""
        return min(1.0, max(0.0, (self.lag(now) - EASY) / (HARD - EASY)))

    def refuses(self, now: float) -> float | None:
        """Return None for a call that may be taken, else the seconds after which to ask again.

        Who is refused is no matter of chance: of ten who ask while three in ten are refused it is three.
        """
        share = self.share(now)
        if not share:
            self._owed = 0.0
            return None
        self._owed += share
        if self._owed < 1.0:
            return None
        self._owed -= 1.0
        return SOONEST + (LATEST - SOONEST) * share

    def _with(self, lag: float, now: float) -> float:
        kept = math.exp(-max(0.0, now - self._noted) / MEMORY)
        return self._lag * kept + min(max(0.0, lag), HARD) * (1 - kept)
