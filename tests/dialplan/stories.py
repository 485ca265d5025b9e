"""Stories that are told side by side: most of each is waiting for somebody to finish speaking.

They share what they are told in, and nothing else. Each is a test of its own by ``names``; it asserts nothing itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any


class Stories:
    """``@story()`` above an async function of a house tells it, ``@story("row", *arguments)`` with those arguments."""

    def __init__(self) -> None:
        self._stories: dict[str, Callable[[Any], Coroutine[Any, Any, None]]] = {}

    def __call__(self, row: str = "", *arguments: Any) -> Callable[[Any], Any]:
        """Add a story, by its function's name."""

        def add(function: Any) -> Any:
            name = function.__name__.replace("_", " ") + (f": {row}" if row else "")
            self._stories[name] = partial(_tell, function, arguments)
            return function

        return add

    @property
    def names(self) -> list[str]:
        """Their names, as sentences."""
        return sorted(self._stories)

    @asynccontextmanager
    async def told_in(self, house: Any) -> AsyncIterator[dict[str, asyncio.Task[None]]]:
        """Begin all of them; whoever wants to know how one ends awaits it."""
        told = {name: asyncio.create_task(story(house), name=name) for name, story in self._stories.items()}
        try:
            yield told
        finally:
            for task in told.values():
                task.cancel()
            await asyncio.gather(*told.values(), return_exceptions=True)


async def _tell(function: Callable[..., Awaitable[None]], arguments: tuple[Any, ...], house: Any) -> None:
    await function(house, *arguments)
