"""What whoever handed us a channel is told of the call when it is over: the result, as a dialplan branches on it."""

from __future__ import annotations

from dataclasses import dataclass

from otpvoice.core.digits import Collected
from otpvoice.core.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """How the call ended. ``collected``: the last gather's, sensitive or not, since the asker is who is told."""

    outcome: Outcome
    delivered: bool | None
    collected: Collected | None = None
