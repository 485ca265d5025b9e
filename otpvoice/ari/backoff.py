"""How long to wait before trying again. Pure; the caller sleeps."""

from __future__ import annotations

from typing import Final

FIRST: Final = 0.1
LONGEST: Final = 5.0


def backoff(attempt: int, jitter: float) -> float:
    """Return seconds before try number ``attempt`` (from 0); ``jitter`` is in [0, 1).

    Full doubling to ``LONGEST``, then up to a half less, so that many clients do not come back at once.
    """
    limit: float = min(LONGEST, FIRST * 2 ** min(attempt, 16))
    return limit * (1 - jitter / 2)
