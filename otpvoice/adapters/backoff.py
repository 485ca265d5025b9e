"""How long to wait before what did not answer is asked again: doubled up to a limit, and jittered.

Jittered, so that several instances do not knock together.
"""

from __future__ import annotations

import random
from typing import Final

FIRST, LONGEST = 0.1, 3.0
"""Seconds."""
_DOUBLINGS: Final = 10


def pause_after(failures: int, *, first: float = FIRST, longest: float = LONGEST) -> float:
    """Return the seconds to wait after so many failures, from 1. Drawn between half of it and the whole."""
    limit: float = min(longest, first * 2 ** min(failures - 1, _DOUBLINGS))
    return limit * random.uniform(0.5, 1)  # noqa: S311 - no secret
