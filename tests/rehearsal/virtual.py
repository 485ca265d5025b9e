"""An event loop whose time does not pass but is skipped: whoever sleeps is woken at once, and at the very second.

For what does no I/O at all. Nobody can wait here for anything but the loop's own timers.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

BEGAN: Final = 1000.0
"""What the loop's clock shows at first."""


class _Skipping(selectors.SelectSelector):
    now = BEGAN

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits, and no timer runs"
        self.now += timeout
        return []


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now


def in_no_time(story: Coroutine[Any, Any, T]) -> T:
    """Run a story to its end."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(story)


def now() -> float:
    """What a clock on the wall shows: the loop's time."""
    return asyncio.get_running_loop().time()


def timers() -> int:
    """How many timers run."""
    scheduled: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not handle.cancelled() for handle in scheduled)
