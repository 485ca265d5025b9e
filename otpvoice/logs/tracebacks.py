"""What a line tells of an exception: where it came from, what kind it is, and what is behind it.

Not what it says: whoever raised it may quote what was given, and that may be a code. Only our own sentences are known
to quote nothing.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from textwrap import indent
from typing import Final

from structlog.typing import ExcInfo

DEEPEST: Final = 8
"""Exceptions behind one another, or in a group, that are told of."""
_CAUSE: Final = "\nThe above exception was the direct cause of the following exception:\n"
_CONTEXT: Final = "\nDuring handling of the above exception, another exception occurred:\n"


def shown_error(error: BaseException) -> str:
    """Return what an exception is: its type, and its message where that quotes nothing."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    said = ""
    if kind.__module__.split(".")[0] == "otpvoice":
        said = str(error)
    elif isinstance(error, OSError):
        said = error.strerror or ""
    return f"{name}: {said}" if said else name


def shown_traceback(exc_info: ExcInfo) -> str:
    """Return an exception and what led to it, as Python would show it, without variables and messages of others."""
    return "\n".join(_lines(exc_info[1], DEEPEST))


def _lines(error: BaseException, deepest: int) -> Iterator[str]:
    behind, how = error.__cause__, _CAUSE
    if behind is None and not error.__suppress_context__:
        behind, how = error.__context__, _CONTEXT
    if behind is not None and deepest:
        yield from _lines(behind, deepest - 1)
        yield how
    yield "Traceback (most recent call last):"
    yield "".join(traceback.format_tb(error.__traceback__)).removesuffix("\n")
    yield shown_error(error)
    if isinstance(error, BaseExceptionGroup) and deepest:
        for inner in error.exceptions[:DEEPEST]:
            yield indent("\n".join(_lines(inner, deepest - 1)), "  | ")
