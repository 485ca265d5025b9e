"""A token bucket: so much a second, and so much at once. Pure: the time is an argument."""

from __future__ import annotations


class Bucket:
    """Full at first. ``a_second`` flows in, ``at_once`` fit."""

    __slots__ = ("_a_second", "_at", "_at_once", "_left")

    def __init__(self, a_second: float, at_once: float) -> None:
        self._a_second, self._at_once = a_second, at_once
        self._left = at_once
        self._at: float | None = None

    def take(self, amount: float, now: float) -> bool:
        """Take some out. False: there was not as much, and it is empty now."""
        if self._at is not None:
            self._left = min(self._at_once, self._left + (now - self._at) * self._a_second)
        self._at = now
        self._left -= amount
        if self._left < 0:
            self._left = 0.0
            return False
        return True
