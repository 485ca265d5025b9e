"""What a line may not show: secrets at all, telephone numbers whole, control characters as such.

It knows secrets by their type and numbers by the key they stand under; it does not search texts for either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from otpvoice.core.secret import Secret

NUMBERS: Final = frozenset({"to", "from", "number", "caller_id"})
"""Keys whose values are telephone numbers, at any depth."""
_LEVELS: Final = 8


def masked_number(number: str) -> str:
    """Return enough of a number to tell calls apart: ``+4479•••123``; of an extension the last two digits."""
    if len(number) >= 10:
        return f"{number[:5]}•••{number[-3:]}"
    return f"•••{number[-2:]}" if len(number) > 3 else "•••"


def masked(value: Any, key: object = None, depth: int = 0) -> Any:
    """Return a value as a line may show it."""
    match value:
        case Secret():
            return str(value)
        case str() if key in NUMBERS:
            return masked_number(value)
        case Mapping() | list() | tuple() | set() | frozenset() if depth >= _LEVELS:
            return "…"
        case Mapping():
            return {str(name): masked(inner, name, depth + 1) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [masked(inner, key, depth + 1) for inner in value]
    return value


def escaped(text: str, keep: str = "") -> str:
    """Return a text in which no character moves the cursor or ends the line, but those to ``keep``."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else one.encode("unicode_escape").decode() for one in text)


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return a masked value with all its texts changed."""
    match value:
        case str():
            return change(value)
        case dict():
            return {change(name): each_text(inner, change) for name, inner in value.items()}
        case list():
            return [each_text(inner, change) for inner in value]
        case bool() | int() | float() | None:
            return value
    return change(repr(value))
