"""Who asks? Bearer keys (RFC 6750) become accounts.

Keys are known by their SHA-256 only; every comparison takes the same time, whichever key fits and whether any does.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiohttp import hdrs, web

from otpvoice.dialects.offers import CallDefaults
from otpvoice.web.problems import Refusal

TEST_KEY: Final = "otp_test_"
"""Keys that must never dial. Calls without a telephone come later, so for now they do nothing at all."""
ACCOUNT: Final = web.RequestKey("account", str)
"""Whose request it is, for the line in the log."""
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may ask for calls. ``key_digests``: SHA-256 of the keys, 32 bytes each."""

    id: str
    key_digests: tuple[bytes, ...] = field(repr=False)
    defaults: CallDefaults


class Keys:
    """The keys of all accounts."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._digests: Sequence[tuple[bytes, Account]] = [
            (digest, account) for account in accounts for digest in account.key_digests
        ]

    def account(self, request: web.Request) -> Account:
        """Return whose request it is. Raises ``Refusal``: 401, or 403 for a key that may do nothing yet."""
        given = request.headers.getall(hdrs.AUTHORIZATION, [])
        scheme, _, key = given[0].strip().partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            raise _unauthorized("Bearer", "Send one header Authorization: Bearer KEY.")
        account = self._find(key.strip()[:_LONGEST])
        if account is None:
            raise _unauthorized('Bearer error="invalid_token"', "This key is not known.")
        if key.strip().startswith(TEST_KEY):
            raise Refusal(403, "not_supported", "Test keys are not supported yet", "Nobody was called.")
        request[ACCOUNT] = account.id
        return account

    def _find(self, key: str) -> Account | None:
        # The digest hides the length; comparing with all of them hides which one fits.
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        found = None
        for known, account in self._digests:
            if hmac.compare_digest(known, digest):
                found = account
        return found


def _unauthorized(challenge: str, detail: str) -> Refusal:
    return Refusal(401, "unauthorized", "A key is needed", detail, headers={hdrs.WWW_AUTHENTICATE: challenge})
