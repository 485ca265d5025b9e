"""Signatures of Standard Webhooks 1.0.0, scheme ``v1``: HMAC-SHA256 over id, time and body.

Pure. It signs what it is given, byte for byte, and knows no JSON; verifying is the endpoint's part (docs/webhooks.md).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from functools import lru_cache

from otpvoice.trust.signing_secret import WebhookSecret


def sign(secrets: Sequence[WebhookSecret], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers. ``secrets``: all sign, the newest first. ``timestamp``: Unix seconds.

    Where there are no secrets nothing is signed, and there are two headers.
    """
    headers = {"webhook-id": event_id, "webhook-timestamp": str(timestamp)}
    if secrets:
        signed = b"%b.%d.%b" % (event_id.encode(), timestamp, body)
        headers["webhook-signature"] = " ".join([_signature(secret, signed) for secret in secrets])
    return headers


def _signature(secret: WebhookSecret, signed: bytes) -> str:
    keyed = _keyed(secret).copy()
    keyed.update(signed)
    return f"v1,{base64.b64encode(keyed.digest()).decode()}"


@lru_cache(maxsize=64)
def _keyed(secret: WebhookSecret) -> hmac.HMAC:
    """Return the HMAC of nothing so far. For each message anew, OpenSSL would look for the algorithm again."""
    return hmac.new(secret.reveal(), digestmod="sha256")
