"""When a delivery that failed is tried again: ten attempts over some three days, the example of Standard Webhooks.

Policy only: nothing here waits, and what time it is and what chance says are arguments.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_chain, wait_fixed

_MINUTE, _HOUR = 60.0, 3600.0
PAUSES: Final = (
    5.0,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
"""Seconds after the first, second, … attempt. The first is made at once."""
JITTER: Final = 0.1
"""Each pause is up to so much longer or shorter: what failed together does not come back together."""
LONGEST_RETRY_AFTER: Final = 24 * _HOUR

_POLICY: Final = Retrying(wait=wait_chain(*map(wait_fixed, PAUSES)), stop=stop_after_attempt(len(PAUSES) + 1))
_SECONDS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


def pause_after(attempts: int, chance: float) -> float | None:
    """Return the seconds until the next attempt after so many that failed; None: that was the last one.

    ``chance`` is in [0, 1).
    """
    state = RetryCallState(_POLICY, fn=None, args=(), kwargs={})
    state.attempt_number = attempts
    if _POLICY.stop(state):
        return None
    return float(_POLICY.wait(state)) * (1 + JITTER * (2 * chance - 1))


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a header ``Retry-After`` asks for, 0 to 24 h; None where it says nothing.

    RFC 9110 section 10.2.3: seconds, or a date. ``now``: Unix seconds.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # "-0000" and none at all are naive, and mean UTC (RFC 5322 section 3.3).
    at = (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
    return min(max(at - now, 0.0), LONGEST_RETRY_AFTER)
