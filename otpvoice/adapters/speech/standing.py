"""Which texts of requests stand in many calls: a prompt does, a text with a code in its own and a retry or two.

A text is counted by a digest with a key of this process, never kept. Which texts look like a code is guessed elsewhere
(``code_like``); this is for those that do not look like one, and are one.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

ENOUGH: Final = 5
"""Calls that wanted it."""
MOST: Final = 4096
"""Texts that are counted; the one that was wanted longest ago is forgotten first."""


class Standing:
    """Nothing stands at first."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._wanted: OrderedDict[bytes, int] = OrderedDict()

    def want(self, texts: Iterable[str]) -> None:
        """A call wants these: each counts once, however often it is in it."""
        for digest in sorted(map(self._digest, set(texts))):
            self._wanted[digest] = min(self._wanted.pop(digest, 0) + 1, ENOUGH)
            while len(self._wanted) > MOST:
                self._wanted.popitem(last=False)

    def __contains__(self, text: str) -> bool:
        """Have enough calls wanted it?"""
        return self._wanted.get(self._digest(text), 0) >= ENOUGH

    def _digest(self, text: str) -> bytes:
        # A lone surrogate is a text, too.
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest()
