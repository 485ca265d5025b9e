"""Looks at a disk that may hang, in threads of its own: nobody else's work waits behind them, and nobody waits long.

Files may lie on a network. A look that hangs can't be stopped; it is given up, and until it comes back the disk is not
asked again, so that a call costs no more than the first one did.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar, TypeVarTuple

from otpvoice.core.speech import SpeechUnavailable

THREADS: Final = 2
"""Looks at one disk at once."""
PATIENCE: Final = 2.0
"""Seconds that somebody waits for a look."""
TOO_SLOW: Final = "the disk takes too long"

_Arguments = TypeVarTuple("_Arguments")
_Seen = TypeVar("_Seen")


class Disk:
    """One disk, or what may lie on one. ``patience`` in seconds."""

    def __init__(self, name: str = "disk", *, patience: float = PATIENCE, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, name)
        self._patience = patience
        self._lock = threading.Lock()
        self._late = 0

    async def look(self, function: Callable[[*_Arguments], _Seen], *arguments: *_Arguments) -> _Seen:
        """Return what a function that blocks returns, or raise what it raises.

        Raises ``SpeechUnavailable`` where it takes longer than ``patience``, and at once while another look hangs.
        """
        if self._late:
            raise SpeechUnavailable(TOO_SLOW)
        looking = self._threads.submit(partial(function, *arguments))
        awaited = asyncio.wrap_future(looking)
        try:
            done, _ = await asyncio.wait({awaited}, timeout=self._patience)
        except asyncio.CancelledError:
            # Who hangs up says nothing about the disk; time does.
            asyncio.get_running_loop().call_later(self._patience, self._give_up, looking)
            raise
        finally:
            # Older Pythons would tell it to a loop that may be closed by then. What has no thread yet is not begun.
            awaited.cancel()
            looking.cancel()
        if done:
            return looking.result()
        self._give_up(looking)
        raise SpeechUnavailable(TOO_SLOW)

    def _give_up(self, looking: Future[Any]) -> None:
        if looking.done():
            return
        with self._lock:
            self._late += 1
        looking.add_done_callback(self._no_longer_late)

    def _no_longer_late(self, _: Future[Any]) -> None:
        with self._lock:
            self._late -= 1
