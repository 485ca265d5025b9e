"""The shelves of all accounts: each is there once somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable

from otpvoice.adapters.store import Owner
from otpvoice.adapters.store.memory.shelf import Shelf


class Shelves:
    """What all parts of the store in memory are made of.

    ``ttl``: s; ``clock``: s, any origin; ``owner``: for whom they write.
    """

    def __init__(self, ttl: float, clock: Callable[[], float], dead_letters: int, owner: Owner) -> None:
        self._ttl_ms = round(ttl * 1000)
        self._clock = clock
        self._dead_letters = dead_letters
        self._owner = owner
        self._shelves: dict[str, Shelf] = {}

    def _shelf(self, account: str) -> Shelf:
        shelf = self._shelves.get(account)
        if shelf is None:
            shelf = self._shelves[account] = Shelf(self._clock, self._ttl_ms, self._dead_letters)
        return shelf
