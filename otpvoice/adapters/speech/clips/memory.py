"""Clips in memory: some for ever, the others as long as there is room.

In memory only; whether sound may stay here is for others to say (``discretion``), and ``files`` has the disk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable


class ClipCache:
    """Sound by key. What is not ``kept`` shares ``room`` bytes; the least recently used goes first."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._used = 0
        self._recent: OrderedDict[Hashable, bytes] = OrderedDict()
        self._kept: dict[Hashable, bytes] = {}

    @property
    def size(self) -> int:
        """Bytes of sound held."""
        return self._used + sum(map(len, self._kept.values()))

    def get(self, key: Hashable) -> bytes | None:
        """Return the clip, always the same object, or None."""
        if (kept := self._kept.get(key)) is not None:
            return kept
        if (clip := self._recent.get(key)) is not None:
            self._recent.move_to_end(key)
        return clip

    def keep(self, key: Hashable, clip: bytes) -> None:
        """Hold a clip for ever."""
        if (recent := self._recent.pop(key, None)) is not None:
            self._used -= len(recent)
        self._kept[key] = clip

    def put(self, key: Hashable, clip: bytes) -> None:
        """Hold a clip while there is room. One that is larger than all the room is not held."""
        if key in self._kept or len(clip) > self._room:
            return
        self._used += len(clip) - len(self._recent.pop(key, b""))
        self._recent[key] = clip
        while self._used > self._room:
            _, oldest = self._recent.popitem(last=False)
            self._used -= len(oldest)
