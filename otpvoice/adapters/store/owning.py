"""Whose a call is, and what it leaves to the next life, as it is written down. It knows no store."""

from __future__ import annotations

import secrets
from typing import Final

from otpvoice.adapters.store.estates import Owner
from otpvoice.adapters.store.ports import Change
from otpvoice.adapters.store.record import nameable

A_WHILE: Final = 60_000
"""Milliseconds for which whoever has taken over an overdue call has it to himself."""
_BEFORE_DIALLING: Final = frozenset({"waiting", "queued"})


def somebody(owner: Owner | None) -> Owner:
    """The owner, or one who never was before. ValueError: instance or life can't be written down."""
    if owner is None:
        return Owner("unnamed", secrets.token_hex(16))
    if not (nameable(owner.instance) and nameable(owner.life)):
        raise ValueError("instance and life of an owner: 1 to 128 visible characters, no braces")
    return owner


def written(owner: Owner) -> str:
    """Instance and life, with a space between, which neither of them has."""
    return f"{owner.instance} {owner.life}"


def plan_of(change: Change) -> tuple[bytes, int] | None:
    """The sealed plan, and for how many ms it is kept. None: there is none, or none that is of any use any more."""
    estate = change.estate
    if estate is None or not estate.plan or change.record["state"] not in _BEFORE_DIALLING:
        return None
    kept = round(estate.plan_seconds * 1000)
    return (estate.plan, kept) if kept > 0 else None
