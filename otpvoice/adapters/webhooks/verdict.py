"""What an answer to a webhook means for its delivery: arrived, again, or never.

Pure. 2xx is success and nothing else is: a redirect (3xx) is a failure, and is not followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from otpvoice.adapters.webhooks.schedule import pause_after, retry_after

GONE: Final = 410
THROTTLING: Final = frozenset({429, 502, 503, 504})
"""The endpoint, or what stands before it, has too much to do: ``Retry-After`` is for all that is sent there."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """2xx."""


@dataclass(frozen=True, slots=True)
class Again:
    """Not this time. The next attempt is in ``seconds``; until ``rest`` s are over the endpoint is left alone."""

    reason: str
    seconds: float
    rest: float = 0.0


@dataclass(frozen=True, slots=True)
class Never:
    """That was the last attempt."""

    reason: str


@dataclass(frozen=True, slots=True)
class EndpointGone:
    """410: nothing is wanted there any more."""

    reason: str = "gone"


Verdict: TypeAlias = Arrived | Again | Never | EndpointGone


def of_answer(status: int, wish: str | None, *, attempts: int, now: float, chance: float) -> Verdict:
    """Judge an answer. ``wish``: its header ``Retry-After``. ``attempts``: made so far, this one included.

    ``now``: Unix seconds. ``chance``: in [0, 1), for the jitter.
    """
    if 200 <= status < 300:
        return Arrived()
    if status == GONE:
        return EndpointGone()
    judged = of_fault(f"http_{status}", attempts=attempts, chance=chance)
    wished = retry_after(wish, now) or 0.0
    if isinstance(judged, Never) or not wished:
        return judged
    return Again(judged.reason, max(judged.seconds, wished), rest=wished if status in THROTTLING else 0.0)


def of_fault(reason: str, *, attempts: int, chance: float) -> Again | Never:
    """Judge an attempt that got no answer, or not the right one."""
    pause = pause_after(attempts, chance)
    return Never(reason) if pause is None else Again(reason, pause)
