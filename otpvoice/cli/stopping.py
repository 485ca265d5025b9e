"""Ctrl-C, SIGTERM and a terminal that is closed: one order to stop, whenever it comes.

It refuses to be hurried: what was started is stopped in order, and further signals change nothing. Standard library
only, so that it stands before anything slow is imported.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopping:
    """The signals of this process, once ``install`` was called. ``received``: the first that came.

    Plain handlers and not the event loop's: they also stand before there is a loop, and after it.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None

    @property
    def exit_code(self) -> int | None:
        """As a shell tells of a process that a signal ended: 130, 143, 129. None: no signal came."""
        return None if self.received is None else 128 + self.received

    def install(self) -> None:
        """Take the signals; ``nohup`` stays in force. Main thread only."""
        for signum in _SIGNALS:
            if signum != signal.SIGHUP or signal.getsignal(signum) is not signal.SIG_IGN:
                signal.signal(signum, self._note)

    def done(self) -> None:
        """All is stopped and the process is about to end: no signal is worth a traceback any more."""
        for signum in _SIGNALS:
            signal.signal(signum, signal.SIG_IGN)

    @contextmanager
    def cancels(self) -> Iterator[None]:
        """Within the block, and nowhere else, a signal cancels the current task; one that came before does at once."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            if self.received is not None:
                raise asyncio.CancelledError
            yield
        finally:
            self._task = None

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received is None:
            self.received = signal.Signals(number)
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        # Asked again: the block may have ended since the signal, and what comes after it is not to be cut short.
        if self._task is not None:
            self._task.cancel()


@contextmanager
def sigterm_as_sigint() -> Iterator[None]:
    """Within the block ``timeout`` and ``docker stop`` are Ctrl-C: what was begun is taken away again."""
    if threading.current_thread() is not threading.main_thread():
        yield  # a thread has no signals of its own
        return
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
