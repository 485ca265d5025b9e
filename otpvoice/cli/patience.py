"""How long a command waits for one that does not answer, and what it does not wait out.

It is the same for all that wait for a call: the call goes on without us.
"""

from __future__ import annotations

import time
from typing import Final

from otpvoice.cli.client import Refused, Unanswered

AGAIN_AFTER: Final = 0.5
"""Seconds until we ask again."""
PATIENCE: Final = 30.0
"""Seconds for which nobody answers before we stop to wait."""


class Patience:
    """Since when nobody has answered."""

    def __init__(self) -> None:
        self._heard = time.monotonic()

    def heard(self) -> None:
        """Somebody has answered."""
        self._heard = time.monotonic()

    def bear(self, error: Refused | Unanswered) -> None:
        """Wait a moment before we ask again. Raises the error where that is of no use, or has been for too long."""
        if _lasting(error) or time.monotonic() - self._heard > PATIENCE:
            raise error
        self.pause()

    def pause(self) -> None:
        """Wait a moment."""
        time.sleep(AGAIN_AFTER)


def _lasting(error: Refused | Unanswered) -> bool:
    """Is it a no that stays one? 429: too many streams are open now."""
    return isinstance(error, Refused) and error.status < 500 and error.status != 429
