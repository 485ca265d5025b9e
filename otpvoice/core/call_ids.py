"""How the ids of calls are written, and found in what is called after a call: its channels, its tasks."""

from __future__ import annotations

import re
from typing import Final

_CALL: Final = re.compile(r"(call_[0-9A-Za-z]+)(?:-.*)?", re.ASCII | re.DOTALL)


def call_in(name: str | None) -> str | None:
    """Return the id of the call that this is, or is called after; None: of none."""
    found = _CALL.fullmatch(name or "")
    return found[1] if found is not None else None
