"""What somebody else's equipment says, made fit for a log and a record. Pure.

It judges no meaning: a number may still be none.
"""

from __future__ import annotations

from typing import Final

WITHHELD: Final = frozenset({"anonymous", "restricted", "unavailable"})
"""What stands for a number that is not shown (RFC 3323, section 4.1; 3GPP TS 24.229 has ``unavailable``)."""


def one_line(value: str | None, longest: int) -> str | None:
    """Return it as one printable line of at most so many characters; None where nothing is left."""
    return "".join(character for character in value or "" if character.isprintable())[:longest].strip() or None


def shown_number(value: str | None, longest: int) -> str | None:
    """Return who calls, as one line; None where that is withheld."""
    number = one_line(value, longest)
    return None if number is None or number.casefold() in WITHHELD else number
