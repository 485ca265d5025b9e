"""On whose behalf something runs that others call: what is logged meanwhile carries that one's name.

Events are told on tasks of the node, keys and marks on tasks of legs, which serve one call after the other. A task that
is begun there has the context of whoever told, and would log for nobody, or for somebody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, ParamSpec, TypeVar

from structlog.contextvars import bind_contextvars

from otpvoice.core.call_ids import call_in

P = ParamSpec("P")
T = TypeVar("T")


class Behalf:
    """Of whoever makes it: the names that are bound in its context then, and later by ``name``."""

    __slots__ = ("_context",)

    def __init__(self) -> None:
        self._context = copy_context()

    @classmethod
    def of_nobody(cls) -> Behalf:
        """Return one without names."""
        return Context().run(cls)

    def name(self, **names: str) -> None:
        """Whose it is has become known: ``call=``, ``account=``."""
        self._context.run(bind_contextvars, **names)

    def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call it, and return what it returns."""
        # In a copy: a context can't be entered again by what is called in it, and nothing of this remains in it.
        return self._context.copy().run(call, *args, **kwargs)

    def of(self, call: Callable[P, T]) -> Callable[P, T]:
        """Return what calls it."""

        def on_behalf(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.run(call, *args, **kwargs)

        return on_behalf

    def start(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Begin a task."""
        return asyncio.create_task(work, name=name, context=self._context.copy())


def named_by(object_id: str | None) -> dict[str, str]:
    """Return the name of the call whose id this is, or the id of a channel of; nothing where it is of no call."""
    call = call_in(object_id)
    return {} if call is None else {"call": call}
