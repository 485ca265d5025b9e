"""Text that must not be seen: one-time codes and the keys that a callee pressed.

It refuses to print itself: ``str``, ``repr`` and f-strings show bullets, so that neither a log line nor a traceback
can leak it. ``reveal`` is the only way out, and a reader can search for its callers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

SHORTEST_CODE: Final = 3
"""Characters."""
_CODE = re.compile(r"[0-9A-Za-z]{3,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Secret:
    """Some characters that nobody but their addressee may see."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the characters. Call it only where sound is made or where the asker is answered."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __str__(self) -> str:
        return "•" * len(self._value)


@dataclass(frozen=True, slots=True)
class OtpCode(Secret):
    """A one-time code: 3 to 12 of ``0-9A-Za-z``.

    Raises ``ValueError`` for anything else; the message does not repeat the value.
    """

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self._value):
            raise ValueError("a code is 3 to 12 characters of 0-9, A-Z, a-z")


@dataclass(frozen=True, slots=True)
class Keys(Secret):
    """What a callee pressed, in order: any of ``0-9*#A-D``, possibly nothing."""
