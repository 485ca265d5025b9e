"""A circuit that opens when a service fails: whether it may be asked, is known without asking it.

Time is an argument, and so is chance: nothing here waits, asks or draws. Closed, the service is asked. Open, it is not,
until a pause is over; then one asks, and what becomes of that decides. Each pause is twice the last one, up to a limit.

It is for whoever asks one thing at a time: between ``may_ask`` and what came of it, nobody else asks.
"""

from __future__ import annotations

from typing import Final

FAILURES: Final = 3
"""In a row."""
FIRST, LONGEST = 30.0, 1800.0
"""Seconds of a pause."""
LONGEST_ASKED: Final = 86400.0
"""Seconds of a pause that the service itself asks for."""
_DOUBLINGS: Final = 30


class Circuit:
    """Closed at first."""

    def __init__(self, *, failures: int = FAILURES, first: float = FIRST, longest: float = LONGEST) -> None:
        self._most = failures
        self._first, self._longest = first, longest
        self._failures = 0
        self._pauses = 0
        self._until: float | None = None

    @property
    def open(self) -> bool:
        """Has the service failed, and not answered since?"""
        return self._until is not None

    def may_ask(self, now: float) -> bool:
        """Return whether to ask. Who then does not wait for the answer says nothing, and the next one may ask."""
        return self._until is None or now >= self._until

    def succeeded(self) -> None:
        """It answered: the circuit is closed."""
        self._failures = self._pauses = 0
        self._until = None

    def failed(self, now: float, *, at_once: bool = False, asked: float | None = None, share: float = 1.0) -> None:
        """No answer came, or none that is of use.

        ``at_once``: the service said that it is too much (429), which is not to be tried a third time. ``asked``: the
        seconds that it wants us to wait. ``share``: what the pause is multiplied with, from 1, so that several of us
        do not come back together.
        """
        self._failures += 1
        if not (self.open or at_once or self._failures >= self._most):
            return
        pause = min(self._longest, self._first * 2.0 ** min(self._pauses, _DOUBLINGS))
        if asked is not None:
            pause = max(pause, min(asked, LONGEST_ASKED))
        self._pauses += 1
        self._until = now + pause * share
