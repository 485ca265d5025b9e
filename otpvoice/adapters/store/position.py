"""Positions in a stream, as Redis writes them: ``milliseconds-number``.

It compares them, and makes none.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Place: TypeAlias = tuple[int, int]
"""A position that can be compared."""

BEGINNING: Final = "0-0"

_WRITTEN: Final = re.compile(r"([0-9]{1,19})-([0-9]{1,19})", re.ASCII)


def place(position: str) -> Place:
    """The position, to be compared. ValueError if it is none."""
    written = _WRITTEN.fullmatch(position)
    if written is None:
        raise ValueError("no position in a stream: milliseconds-number")
    return int(written[1]), int(written[2])
