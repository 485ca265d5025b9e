"""Idempotency keys in Redis."""

from __future__ import annotations

from typing import Final

from otpvoice.adapters.store import StoreUnavailable
from otpvoice.adapters.store.claims import CLAIM_STANDS, check_claim
from otpvoice.adapters.store.record import decode
from otpvoice.adapters.store.redis.connection import Connection
from otpvoice.core.idempotency import Claim, Claimed, KeyAnswered, KeyForgotten, KeyInProgress, KeyMismatch

_ERASED: Final = b"-"


class Idempotency:
    """The keys; see Keys."""

    _server: Connection

    async def claim(self, account: str, call_id: str, fingerprint: str, token: str, /) -> Claim:
        """Claim a key for a request; see Keys. ValueError: names that can't be written down."""
        check_claim(account, call_id, fingerprint, token)
        word, *more = await self._server.run("claim", account, call_id, fingerprint, token, round(CLAIM_STANDS * 1000))
        match word:
            case b"claimed":
                return Claimed()
            case b"in_progress":
                return KeyInProgress()
            case b"mismatch":
                return KeyMismatch()
            case b"forgotten":
                return KeyForgotten()
            case _:
                return _answered(more[0])

    async def release(self, account: str, call_id: str, token: str, /) -> None:
        """Give the key back; see Keys."""
        check_claim(account, call_id, "-", token)
        await self._server.run("release", account, call_id, token)


def _answered(answer: bytes) -> KeyAnswered:
    if answer == _ERASED:
        return KeyAnswered(None)
    record = decode(answer)
    if record is None:
        raise StoreUnavailable("unreadable_record")
    return KeyAnswered(record)
