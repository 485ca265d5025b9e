"""Is a stream from otpvoice? The signature of its handshake, with the standard library only."""

import hmac
import time
from collections.abc import Mapping

TOLERANCE = 5 * 60  # seconds


def verify(secret: str, headers: Mapping[str, str], url: str) -> None:
    """Raise ValueError where a handshake is not from us, or is sent again by somebody else.

    ``url``: as the plan of the call has it, and not as a proxy in front of you hands it on. ``headers``: a mapping that
    does not mind capital letters, as that of any WebSocket library.
    """
    timestamp, signature = headers.get("X-Otpvoice-Timestamp", ""), headers.get("X-Otpvoice-Signature", "")
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise ValueError("too old, or too new")
    expected = hmac.digest(secret.encode(), f"{timestamp}.{url}".encode(), "sha256").hex()
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise ValueError("the signature does not fit")
