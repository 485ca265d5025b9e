"""Idempotency keys in memory."""

from __future__ import annotations

from otpvoice.adapters.store.claims import CLAIM_STANDS, check_claim
from otpvoice.adapters.store.memory.shelf import KeyEntry
from otpvoice.adapters.store.memory.shelves import Shelves
from otpvoice.adapters.store.record import decode
from otpvoice.core.idempotency import Claim, Claimed, KeyAnswered, KeyForgotten, KeyInProgress, KeyMismatch


class Idempotency(Shelves):
    """The keys; see Keys."""

    async def claim(self, account: str, call_id: str, fingerprint: str, token: str, /) -> Claim:
        """Claim a key for a request; see Keys."""
        check_claim(account, call_id, fingerprint, token)
        shelf = self._shelf(account)
        now = shelf.now()
        entry = shelf.keys.get(call_id, now)
        if entry is None:
            if shelf.records.get(call_id, now) is not None or shelf.trails.get(call_id, now) is not None:
                return KeyForgotten()
        elif entry.fingerprint != fingerprint:
            return KeyMismatch()
        elif entry.answer is not None:
            return KeyAnswered(decode(entry.answer) if entry.answer else None)
        elif entry.token != token:
            return KeyInProgress()
        shelf.keys.put(call_id, KeyEntry(fingerprint, token), now=now, until=now + round(CLAIM_STANDS * 1000))
        return Claimed()

    async def release(self, account: str, call_id: str, token: str, /) -> None:
        """Give the key back; see Keys."""
        check_claim(account, call_id, "-", token)
        shelf = self._shelf(account)
        entry = shelf.keys.get(call_id, shelf.now())
        if entry is not None and entry.token == token and entry.answer != b"":
            shelf.keys.pop(call_id)
