"""Idempotency keys: how long they stand, and what they may be called."""

from __future__ import annotations

from typing import Final

from otpvoice.adapters.store.record import nameable

CLAIM_STANDS: Final = 60.0
"""Seconds after which a claim ends that was neither answered nor released."""
ANSWER_STANDS: Final = 24 * 3600.0
"""Seconds for which a key is kept that was answered ("Idempotent Requests": the server's choice, to be documented)."""


def check_claim(account: str, call_id: str, fingerprint: str, token: str) -> None:
    """Raise ValueError for what can't be part of a key or of its entry."""
    if not all(map(nameable, (account, call_id, fingerprint, token))):
        raise ValueError("account, call, fingerprint and token of a claim: 1 to 128 visible characters, no braces")
