"""Who asks? Bearer keys (RFC 6750) become accounts.

Keys are known by their SHA-256 only; every comparison takes the same time, whichever key fits and whether any does.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import hdrs, web
from structlog.contextvars import bind_contextvars

from otpvoice.dialects.offers import CallDefaults
from otpvoice.trust.keys import is_test_key
from otpvoice.web.problems import Refusal

ACCOUNT: Final = web.RequestKey("account", str)
"""Whose request it is, for the line in the log."""
TEST: Final = web.RequestKey("test", bool)
"""Did it come with a test key?"""
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may ask for calls. ``key_digests``: SHA-256 of the keys, 32 bytes each.

    ``rehearsal``: what holds for calls of test keys; None: what holds for all.
    """

    id: str
    key_digests: tuple[bytes, ...] = field(repr=False)
    defaults: CallDefaults
    rehearsal: CallDefaults | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is, and whether it came with a test key."""

    account: Account
    test: bool

    @property
    def id(self) -> str:
        """The account's."""
        return self.account.id

    @property
    def defaults(self) -> CallDefaults:
        """What the request may choose from."""
        return (self.account.rehearsal if self.test else None) or self.account.defaults

    def may_see(self, record: Mapping[str, Any]) -> bool:
        """May it know of this call of its account? Who has a test key learns nothing of real calls."""
        return not self.test or record.get("test") is True


class Keys:
    """The keys of all accounts."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._digests: Sequence[tuple[bytes, Account]] = [
            (digest, account) for account in accounts for digest in account.key_digests
        ]

    def caller(self, request: web.Request) -> Caller:
        """Return whose request it is. Raises ``Refusal``: 401."""
        given = request.headers.getall(hdrs.AUTHORIZATION, [])
        scheme, _, key = given[0].strip().partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            raise _unauthorized("Bearer", "Send one header Authorization: Bearer KEY.")
        account = self._find(key.strip()[:_LONGEST])
        if account is None:
            raise _unauthorized('Bearer error="invalid_token"', "This key is not known.")
        bind_contextvars(account=account.id)
        request[ACCOUNT], request[TEST] = account.id, is_test_key(key.strip())
        return Caller(account, request[TEST])

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
