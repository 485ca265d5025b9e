"""Who asks? Bearer keys (RFC 6750), and ids with keys (Basic, RFC 7617), become accounts.

Keys are known by their SHA-256 only; every comparison takes the same time, whichever key fits and whether any does.
"""

from __future__ import annotations

import base64
import binascii
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
BASIC: Final = 'Basic realm="otpvoice", charset="UTF-8"'
"""The challenge to who is to send an id and a key (RFC 7617, section 2)."""


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


class Unidentified(Exception):
    """Nobody is known by what a request has for an id and a key. ``given``: it had both."""

    def __init__(self, *, given: bool) -> None:
        super().__init__(given)
        self.given = given


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
        return _known(request, account, key.strip())

    def basic(self, request: web.Request) -> Caller:
        """Return whose request it is, by an account's id and one of its keys. Raises ``Unidentified``.

        Digest (RFC 7616) would need the keys themselves, and there are hashes of them only.
        """
        name, key = _credentials(request.headers.getall(hdrs.AUTHORIZATION, []))
        if not name or not key:
            raise Unidentified(given=False)
        account = self._find(key[:_LONGEST])
        # Which of the two is wrong is not told; neither takes another time.
        fits = hmac.compare_digest(_digest(name), _digest(account.id if account is not None else ""))
        if account is None or not fits:
            raise Unidentified(given=True)
        return _known(request, account, key)

    def _find(self, key: str) -> Account | None:
        # The digest hides the length; comparing with all of them hides which one fits.
        digest = _digest(key)
        found = None
        for known, account in self._digests:
            if hmac.compare_digest(known, digest):
                found = account
        return found


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _known(request: web.Request, account: Account, key: str) -> Caller:
    bind_contextvars(account=account.id)
    request[ACCOUNT], request[TEST] = account.id, is_test_key(key)
    return Caller(account, request[TEST])


def _credentials(given: Sequence[str]) -> tuple[str, str]:
    """Return the user and the password of a header (RFC 7617, section 2); empty where there is none that is one."""
    scheme, _, token = given[0].strip().partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return user, password


def _unauthorized(challenge: str, detail: str) -> Refusal:
    return Refusal(401, "unauthorized", "A key is needed", detail, headers={hdrs.WWW_AUTHENTICATE: challenge})
