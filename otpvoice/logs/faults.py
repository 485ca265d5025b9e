"""What nobody caught, and what Python says by itself: lines like all others.

By default it goes to standard error in several lines, with all that a callback or a task was given. It hides nothing: a
fault that would have ended the process still does.
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
import warnings
from contextvars import Context, copy_context
from types import TracebackType
from typing import Any, Final, TextIO

import structlog

from otpvoice.core.call_ids import call_in

log = structlog.get_logger(__name__)

_QUOTES: Final = re.compile(r"\s*[(<].*", re.DOTALL)
"""asyncio says what a callback was called with: "Exception in callback f('…')"."""


def take_faults() -> None:
    """Have what no code of this process catches logged. ``asyncio.run`` and its loop: see ``take_faults_of``."""
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _uncaught_in_thread
    warnings.showwarning = _warned


def take_faults_of(loop: asyncio.AbstractEventLoop) -> None:
    """Have what no task or callback of a loop catches logged."""
    loop.set_exception_handler(_unhandled)


def _uncaught(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, at)
    else:
        log.critical("python.uncaught", exc_info=(kind, error, at))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
        name = told.thread.name if told.thread is not None else None
        log.error("python.uncaught", thread=name, exc_info=told.exc_value)


def _unraisable(told: sys.UnraisableHookArgs) -> None:
    # By its kind alone: an object's own words may hold anything. Of nobody: what is collected now, was somebody else's.
    kind = getattr(told.object, "__qualname__", type(told.object).__qualname__)
    Context().run(log.error, "python.unraisable", object=kind, exc_info=told.exc_value or told.exc_type())


def _warned(  # noqa: PLR0917 - warnings.showwarning
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    where = f"{filename}:{lineno}"
    Context().run(log.warning, "python.warning", category=category.__name__, message=str(message), where=where)


def _unhandled(_: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
    """Log what a loop has to tell: whose fault it was where that is known, and not whose turn it is now."""
    task = told.get("task") or told.get("future")
    names: dict[str, str] = {}
    context = Context()
    if isinstance(task, asyncio.Task):
        names["task"] = task.get_name()
        if hasattr(task, "get_context"):  # from 3.12 on
            context = task.get_context().copy()
        elif (call := call_in(task.get_name())) is not None:
            names["call"] = call
    elif "handle" in told:
        # Where the loop enters a context for this, it is that of the callback.
        context = copy_context()
    error: BaseException | None = told.get("exception")
    context.run(log.error, "asyncio.unhandled", message=_QUOTES.sub("", told["message"]), **names, exc_info=error)
