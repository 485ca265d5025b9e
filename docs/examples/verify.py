"""Is a request from otpvoice? Standard Webhooks 1.0.0, with the standard library only."""

import base64
import hmac
import time
from collections.abc import Mapping, Sequence

TOLERANCE = 5 * 60  # seconds


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> str:
    """Return the event's id. Raises ValueError where it is not from us, or is sent again by somebody else.

    ``secrets``: ``whsec_…``, while you change them two. ``headers``: names in small letters. ``body``: as it came.
    """
    event_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise ValueError("too old, or too new")
    signed = f"{event_id}.{timestamp}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    expected = [b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256")) for key in keys]
    for signature in headers.get("webhook-signature", "").split():
        if any(hmac.compare_digest(signature.encode(), own) for own in expected):
            return event_id
    raise ValueError("no signature fits")
