"""Numbers of bytes as people read them."""

from __future__ import annotations


def size(number: int) -> str:
    """Return a number of bytes in the unit that fits, three figures."""
    amount = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"
