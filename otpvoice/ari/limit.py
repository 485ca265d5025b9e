"""A channel's ``TIMEOUT(absolute)``: ours while we have it, then the dialplan's own again. Pure; time is an argument.

What the dialplan's own was is also written down on the channel, for whoever finds it there should we die.

It only says what to set. Where Asterisk has no such function it sets nothing, and does not say so
(``funcs/func_timeout.c``).
"""

from __future__ import annotations

import math
from typing import Final

NAME: Final = "TIMEOUT(absolute)"
KEPT: Final = "OTPVOICE_LIMIT"
"""Variable that holds what ``TIMEOUT(absolute)`` was for as long as it is ours: ``<seconds left>@<Unix time>``, or "0".

Empty, or unset: it is not ours."""
NONE: Final = "0"
SHORTEST: Final = 0.001


class AbsoluteLimit:
    """``own``: what the channel says of it at ``now``: seconds left, "0" for none; None: not known, and left alone.

    ``wall``: the same moment in Unix seconds, which another life of ours can read.
    """

    def __init__(self, own: str | None, now: float, wall: float) -> None:
        left = _seconds(own)
        self._known, self._left = left is not None, left or 0.0
        self._own_at = now + self._left
        self._kept = f"{self._left:.3f}@{wall:.3f}" if self._left else NONE
        self._ours: str | None = None

    def ours(self, seconds: float) -> dict[str, str]:
        """Return what to set so that the channel ends after so many seconds; nothing where it ends earlier anyway."""
        limit = math.ceil(seconds)
        if self._known and (not self._left or limit < self._left):
            self._ours = str(limit)
        return self.again()

    def again(self) -> dict[str, str]:
        """Return what to set, once more, where it was ours. In this order: at no time is it ours and nobody knows."""
        return {} if self._ours is None else {KEPT: self._kept, NAME: self._ours}

    def own(self, now: float) -> dict[str, str]:
        """Return what to set so that the channel is as it came."""
        return {} if self._ours is None else _put_back(self._own_at - now if self._left else None)


def restored(kept: str | None, wall: float) -> dict[str, str]:
    """Return what to set so that a channel of a former life is as it came. ``kept``: what stands in ``KEPT``.

    Where that can't be read there is no limit: one that was meant for us cuts off who goes on.
    """
    if not kept:
        return {}
    left, _, at = kept.partition("@")
    seconds, since = _seconds(left), _seconds(at)
    if not seconds or since is None:
        return _put_back(None)
    # A clock that was set back gives nobody more than there was.
    return _put_back(min(seconds, since + seconds - wall))


def _put_back(left: float | None) -> dict[str, str]:
    return {NAME: NONE if left is None else f"{max(SHORTEST, left):.3f}", KEPT: ""}


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "unknown")
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None
