"""Deliveries that were taken ahead of their posts, so that an endpoint that is quick costs fewer questions.

It holds them for a while only: what was not posted when its lease has no time left for a post, is not to be posted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

from otpvoice.adapters.store.ports import Delivery


class Ahead:
    """By endpoint, in the order in which they were due. Instants are s, of any one clock."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[tuple[float, Delivery]]] = {}

    @property
    def endpoints(self) -> Collection[str]:
        """Whose deliveries there are."""
        return self._waiting.keys()

    def put(self, endpoint: str, deliveries: Iterable[Delivery], until: float) -> None:
        """Hold these. Their posts begin before ``until``."""
        self._waiting.setdefault(endpoint, deque()).extend((until, delivery) for delivery in deliveries)

    def pick(self, endpoint: str, most: int, now: float) -> list[Delivery]:
        """Return the next few to post. Where one comes too late, none: all that is left is to be given back."""
        waiting = self._waiting.get(endpoint, ())
        if not waiting or waiting[0][0] <= now:
            return []
        picked = [waiting.popleft()[1] for _ in range(min(most, len(waiting)))]
        if not waiting:
            del self._waiting[endpoint]
        return picked

    def clear(self, endpoint: str) -> list[Delivery]:
        """Return all that is left of an endpoint, and hold it no more."""
        return [delivery for _, delivery in self._waiting.pop(endpoint, ())]
