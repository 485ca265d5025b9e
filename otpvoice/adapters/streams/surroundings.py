"""What a stream lives in: whom it tells, who waits for its sockets, and the numbers that bound it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otpvoice.adapters.streams.limits import Limits, Timings
from otpvoice.adapters.streams.ports import Tell
from otpvoice.adapters.streams.socket import Socket


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One stream's.

    ``tell``: who ordered it. ``leave`` gets each socket whose end is to be waited for; ``over`` is called once, when
    there is nothing to tick for any more. ``clock``: Unix seconds.
    """

    tell: Tell
    leave: Callable[[Socket], None]
    over: Callable[[], None]
    timings: Timings
    limits: Limits
    clock: Callable[[], float]
