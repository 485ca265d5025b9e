"""Who we are, said in the headers of a stream's handshake. Neither a message nor an exception repeats a secret.

The signature is ours, and anybody can check it: ``X-Otpvoice-Timestamp`` has Unix seconds, ``X-Otpvoice-Signature`` the
HMAC-SHA256, in hex, of that timestamp, a dot, and the URL as it was dialled (with its query, without user info), under
the UTF-8 bytes of the secret. Who checks it compares in constant time, and refuses a timestamp that is more than
``SIGNED_FOR`` seconds old or ahead: within these, a signature that was overheard opens the same URL once more.
"""

from __future__ import annotations

import base64
import hmac
import re
from typing import Final

from otpvoice.core.actions import BasicAuth, BearerAuth, SignatureAuth, StreamAuth
from otpvoice.core.secret import Secret
from otpvoice.trust.logins import split_login

SIGNED_FOR: Final = 300
"""Seconds for which a signature is good."""
TIMESTAMP: Final = "X-Otpvoice-Timestamp"
SIGNATURE: Final = "X-Otpvoice-Signature"

_TOKEN: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)


class BadCredentials(ValueError):
    """They can't be sent: a token has characters that no header has, or a user name has a colon."""


def sign(secret: str, timestamp: int, url: str) -> str:
    """Return the signature of a URL at a moment (Unix seconds), in hex."""
    return hmac.digest(secret.encode(), f"{timestamp}.{url}".encode(), "sha256").hex()


def auth_headers(auth: StreamAuth | None, url: str, now: float) -> dict[str, str]:
    """Return the headers that show ``auth`` to ``url`` at ``now`` (Unix seconds). Raises ``BadCredentials``."""
    match auth:
        case None:
            return {}
        case BasicAuth(username, password):
            if ":" in username:
                raise BadCredentials("a user name has no colon")  # RFC 7617, 2
            pair = f"{username}:{password.reveal()}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        case BearerAuth(token):
            if not _TOKEN.fullmatch(token.reveal()):
                raise BadCredentials("a token is visible ASCII without blanks")
            return {"Authorization": f"Bearer {token.reveal()}"}
        case SignatureAuth(secret):
            timestamp = int(now)
            return {TIMESTAMP: str(timestamp), SIGNATURE: sign(secret.reveal(), timestamp, url)}


def without_user(url: str) -> tuple[str, BasicAuth | None]:
    """Return a URL without its user info, and what that was. Raises ``BadUrl``."""
    bare, login = split_login(url)
    return bare, BasicAuth(login.username, Secret(login.password)) if login is not None else None
