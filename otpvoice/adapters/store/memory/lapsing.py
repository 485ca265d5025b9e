"""A dictionary whose entries lapse, each at its time. Its clock is whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Lapsing(Generic[K, V]):
    """Entries by key; what has lapsed is not there, and is swept out when the rest has doubled."""

    def __init__(self) -> None:
        self._entries: dict[K, tuple[int, V]] = {}
        self._sweep_at = 64

    def get(self, key: K, now: int) -> V | None:
        """The entry, if it is there ``now``, ms."""
        entry = self._entries.get(key)
        return entry[1] if entry is not None and entry[0] > now else None

    def put(self, key: K, value: V, *, now: int, until: int) -> None:
        """Set an entry that lapses at ``until``, ms."""
        self._entries[key] = (until, value)
        if len(self._entries) > self._sweep_at:
            self._entries = {key: entry for key, entry in self._entries.items() if entry[0] > now}
            self._sweep_at = max(64, 2 * len(self._entries))

    def replace(self, key: K, value: V) -> None:
        """Set another value that lapses when the first one does. KeyError: there is none."""
        self._entries[key] = (self._entries[key][0], value)

    def pop(self, key: K) -> None:
        """Remove an entry, if it is there."""
        self._entries.pop(key, None)

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)
