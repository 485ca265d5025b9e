"""Places at something of which there is little, shared fairly: who takes all of his own makes nobody else wait.

Who waits gets the next place that may be his, in turn with others, however many he waits for. It knows no clock.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """``total`` of them, of which nobody has more than ``each``. ``async with places(whose):``"""

    def __init__(self, total: int, each: int) -> None:
        self._free, self._each = total, each
        self._taken: Counter[str] = Counter()
        # In the order of their turns: who was served goes to the end.
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def __call__(self, whose: str) -> AsyncIterator[None]:
        await self.take(whose)
        try:
            yield
        finally:
            self.leave(whose)

    async def take(self, whose: str) -> None:
        """Wait for a place, and have it until ``leave``."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(whose, deque()).append(turn)
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(whose, turn)
            else:  # it was given one just before
                self.leave(whose)
            raise

    def leave(self, whose: str) -> None:
        """Give it back."""
        self._free += 1
        self._taken[whose] -= 1
        if not self._taken[whose]:
            del self._taken[whose]
        self._serve()

    def _serve(self) -> None:
        """Give what is free to those whose turn it is."""
        while self._free:
            whose = next((one for one in self._waiting if self._taken[one] < self._each), None)
            if whose is None:
                return
            turn = self._waiting[whose].popleft()
            self._waiting.move_to_end(whose)
            if not self._waiting[whose]:
                del self._waiting[whose]
            if not turn.done():
                self._free -= 1
                self._taken[whose] += 1
                turn.set_result(None)

    def _forget(self, whose: str, turn: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(whose)
        if waiting is not None and turn in waiting:
            waiting.remove(turn)
            if not waiting:
                del self._waiting[whose]
