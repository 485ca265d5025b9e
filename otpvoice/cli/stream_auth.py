"""Is whoever connects to a sink who it says it is? By password, by token, or by a signature over moment and URL.

It repeats nothing of what it was given: what it says is which rule was broken.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from otpvoice.adapters.streams import SIGNATURE, SIGNED_FOR, TIMESTAMP, sign


@dataclass(frozen=True, slots=True)
class Asked:
    """What a connection has to bring; ``basic`` is ``user:password``. None of them: anybody may come."""

    basic: str | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    signature_secret: str | None = field(default=None, repr=False)

    def missing(self, headers: Mapping[str, str], path: str, now: float) -> str | None:
        """Return why a connection is refused; None: let it in. ``path``: with its query, as it was asked for."""
        authorization = headers.get("Authorization", "")
        if self.basic is not None:
            pair = base64.b64encode(self.basic.encode()).decode()
            if not _same(authorization, f"Basic {pair}"):
                return "no such user and password"
        if self.bearer is not None and not _same(authorization, f"Bearer {self.bearer}"):
            return "no such token"
        if self.signature_secret is not None:
            return _unsigned(self.signature_secret, headers, path, now)
        return None


def _unsigned(secret: str, headers: Mapping[str, str], path: str, now: float) -> str | None:
    timestamp = headers.get(TIMESTAMP, "")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return "no timestamp"
    if abs(now - int(timestamp)) > SIGNED_FOR:
        return "too old, or too new"
    given, host = headers.get(SIGNATURE, ""), headers.get("Host", "")
    # No URL that is dialled has anything else, and what is no UTF-8 could not even be signed.
    for url in _urls(host, path) if (host + path).isascii() else ():
        if _same(given, sign(secret, int(timestamp), url)):
            return None
    return "no signature fits"


def _urls(host: str, path: str) -> Iterator[str]:
    # What the other side dialled: a proxy in front may have taken the TLS off.
    yield f"ws://{host}{path}"
    yield f"wss://{host}{path}"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode(errors="surrogateescape"))
