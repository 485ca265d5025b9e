"""Pages of a list that grows at its head: each goes on behind the last call of the one before.

So a page is the same whoever is called meanwhile. A cursor is opaque: an entry of the list, in base64url.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple

from otpvoice.adapters.store.record import nameable


class Entry(NamedTuple):
    """A call in the list. ``at``: when it was first written, ms; within one millisecond the greater id is newer."""

    at: float
    id: str


def last_seen(cursor: str | None) -> Entry | None:
    """Where a cursor goes on. ValueError: it is none of ours."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, _, call_id = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(" ")
        if not (at.isascii() and at.isdigit() and len(at) <= 16 and nameable(call_id)):
            raise ValueError(at)
        entry = Entry(float(at), call_id)
    except (ValueError, binascii.Error):
        raise ValueError("no cursor of a list of calls") from None
    return entry


def next_cursor(found: Sequence[Entry], limit: int) -> str | None:
    """What to ask on with, when ``limit`` of the entries found are shown; None: that was all."""
    if len(found) <= limit:
        return None
    last = found[limit - 1]
    return base64.urlsafe_b64encode(f"{last.at:.0f} {last.id}".encode()).decode().rstrip("=")
