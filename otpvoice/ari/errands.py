"""Work that a call has going on beside what it was asked for: held on to, ended with the call, its faults never lost.

It runs what it is given, once. What a fault means is said by whoever gave it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from otpvoice.ari.behalf import Behalf

log = structlog.get_logger(__name__)


class Errands:
    """The tasks of one call, or of one party. ``broken`` is called when one of them raised; the log has it then.

    ``behalf``: whose they are; None: whoever makes this. Not whoever starts one.
    """

    def __init__(self, name: str, broken: Callable[[], None], behalf: Behalf | None = None) -> None:
        self._name, self._broken, self._behalf = name, broken, behalf or Behalf()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        """Begin, now."""
        task = self._behalf.start(work, f"{self._name}-{what}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def end(self, *, spare: asyncio.Task[None] | None = None) -> None:
        """Cancel all, but wait for the one that is not to be left in the middle. Not to be called by one of them."""
        for task in self._tasks - {spare}:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def finish(self) -> None:
        """Wait for all."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._behalf.run(self._tell, task.get_name(), error)

    def _tell(self, errand: str, error: BaseException) -> None:
        log.error("errand.broken", errand=errand, exc_info=error)
        self._broken()
