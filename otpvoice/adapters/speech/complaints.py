"""Why a voice could not speak, in the log: once for each engine and reason in a while, however many calls it costs.

What is as it was set is told once, and is no complaint: recordings that are digits, and nothing else.

No text is in it, and no call's name: it is the engine's trouble.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import Context
from typing import Final

import structlog

AGAIN: Final = 60.0
"""Seconds until the same is said once more, with how often it was so meanwhile."""
MOST: Final = 256

log = structlog.get_logger(__name__)


class Complaints:
    """``clock`` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._mentioned: set[str] = set()

    def note(self, engine: str, reason: str) -> None:
        """An engine could not speak, and another one is asked."""
        now = self._clock()
        said_at, times = self._said.pop((engine, reason), (now - AGAIN, 0))
        if now - said_at >= AGAIN:
            # In a context of its own: which call was the first to find out says nothing.
            again = times + 1
            Context().run(lambda: log.warning("speech.could_not_speak", engine=engine, reason=reason, times=again))
            said_at, times = now, 0
        else:
            times += 1
        self._said[engine, reason] = said_at, times
        while len(self._said) > MOST:
            self._said.popitem(last=False)

    def mention(self, engine: str, reason: str) -> None:
        """An engine has not all texts, which is nothing new. ``reason``: always the same one for an engine."""
        if engine not in self._mentioned:
            self._mentioned.add(engine)
            Context().run(lambda: log.info("speech.could_not_speak", engine=engine, reason=reason))
