"""A channel's ``TIMEOUT(absolute)``: ours while we have it, then the dialplan's own again. Pure; time is an argument.

It only says what to set. Where Asterisk has no such function it sets nothing, and does not say so
(``funcs/func_timeout.c``).
"""

from __future__ import annotations

import math
from typing import Final

NAME: Final = "TIMEOUT(absolute)"
NONE: Final = "0"
SHORTEST: Final = 0.001


class AbsoluteLimit:
    """``own``: what the channel says of it at ``now``: seconds left, "0" for none; None: not known, and left alone."""

    def __init__(self, own: str | None, now: float) -> None:
        left = _seconds(own)
        self._known, self._left = left is not None, left or 0.0
        self._own_at = now + self._left
        self._ours: str | None = None

    def ours(self, seconds: float) -> dict[str, str]:
        """Return what to set so that the channel ends after so many seconds; nothing where it ends earlier anyway."""
        limit = math.ceil(seconds)
        if self._known and (not self._left or limit < self._left):
            self._ours = str(limit)
        return self.again()

    def again(self) -> dict[str, str]:
        """Return what to set, once more, where it was ours."""
        return {} if self._ours is None else {NAME: self._ours}

    def own(self, now: float) -> dict[str, str]:
        """Return what to set so that the channel is as it came."""
        if self._ours is None:
            return {}
        return {NAME: f"{max(SHORTEST, self._own_at - now):.3f}" if self._left else NONE}


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "unknown")
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None
