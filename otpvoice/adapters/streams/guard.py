"""One guard for all the doors of a stream: what is broken behind one costs that stream, and nobody who came to it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar


class Breaks(Protocol):
    """What has doors."""

    def break_down(self, error: Exception, /) -> None:
        """End it for an error of ours."""
        ...


P = ParamSpec("P")
S = TypeVar("S", bound=Breaks)


def guarded(door: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """Return a method that raises nothing: whatever it is ends what it is a method of."""

    @wraps(door)
    def enter(stream: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            door(stream, *args, **kwargs)
        except Exception as error:
            stream.break_down(error)

    return enter


def place_of(error: Exception) -> str:
    """Return where it came from. No traceback: rendered with its variables it would show what is being said."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{place.filename}:{place.lineno}"
