"""One attempt to deliver, as it is counted: what came of it, and how long it took.

It says nothing of where it went, and holds nothing of what was sent.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from otpvoice.adapters.store.ports import Delivery

_HEAD: Final = re.compile(rb'\{"id":"([^"\\]{1,128})","type":"[^"\\]{1,64}","timestamp":"([0-9T:.+Z-]{20,32})"')
"""How an envelope of ours begins. In other spellings a timestamp may be that of anything."""


class Made(StrEnum):
    """What came of an attempt. ``given_up``: it was the last one; ``endpoint_gone``: nothing is sent there any more."""

    DELIVERED = "delivered"
    RETRIED = "retried"
    GIVEN_UP = "given_up"
    ENDPOINT_GONE = "endpoint_gone"


@dataclass(frozen=True, slots=True)
class Attempt:
    """``seconds``: of the POST. ``lag``: from what happened to its arrival, s; None: it did not arrive."""

    made: Made
    seconds: float
    lag: float | None


def lag_of(delivery: Delivery, now: float) -> float:
    """Return how many seconds ago that happened which is delivered ``now`` (Unix seconds).

    By the envelope: what is written to the outbox may have waited for a store that was away. Where the body is none,
    that of this very delivery, from when it was written.
    """
    found = _HEAD.match(delivery.body)
    at = delivery.created_at
    if found is not None and found[1] == delivery.id.encode():
        with suppress(ValueError):
            at = datetime.fromisoformat(found[2].decode()).timestamp()
    # Asterisk's clock may be ahead of ours.
    return max(now - at, 0.0)
