"""The ids that vendors give a call, made of ours, so that nothing has to be kept to find one by the other.

Whoever knows a call's id knows these; none of them is a secret, and none is drawn.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

_DIGITS: Final = re.compile(r"call_([0-9a-f]{32})", re.ASCII)
_NAMESPACE: Final = bytes.fromhex("6f7470766f6963654c8f9d1f3b6a57c2")
"""Ours alone (RFC 9562, section 6.6): no UUID by name of anybody else is one of ours."""


def session_of(call_id: str) -> str:
    """Return the UUID that a call's id holds, or one by its name where it holds none. In lower case."""
    found = _DIGITS.fullmatch(call_id)
    return _spelled(found[1]) if found is not None else uuid_of("session", call_id)


def uuid_of(*parts: str) -> str:
    """Return the UUID of these words in this order, always the same (version 5; RFC 9562, section 5.5). In lower case.

    Where one word ends and the next begins counts.
    """
    sha = hashlib.sha1(_NAMESPACE, usedforsecurity=False)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        sha.update(len(data).to_bytes(8, "big") + data)
    octets = bytearray(sha.digest()[:16])
    octets[6] = octets[6] & 0x0F | 0x50  # version 5
    octets[8] = octets[8] & 0x3F | 0x80  # variant 10 (RFC 9562, section 4.1)
    return _spelled(octets.hex())


def reference_of(call_id: str) -> str:
    """Return the same as ``session_of`` as 32 hexadecimal digits in capitals."""
    return session_of(call_id).replace("-", "").upper()


def _spelled(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
