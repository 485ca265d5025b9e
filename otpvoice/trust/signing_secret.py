"""Secrets of Standard Webhooks 1.0.0, as they are written and as they sign. No message repeats one."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final

PREFIX: Final = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret: "Symmetric" in the specification's section on signature schemes."""
FORM: Final = f"{PREFIX} and {SHORTEST} to {LONGEST} random bytes in base64"

_SECRET: Final = re.compile(r"whsec_([A-Za-z0-9+/]+={0,2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """What both sides know. It prints as bullets; ``reveal`` is the only way out."""

    _key: bytes = field(repr=False)

    def reveal(self) -> bytes:
        """Return the bytes. Called where something is signed."""
        return self._key

    def __str__(self) -> str:
        return "•" * 8


def parse_secret(text: str) -> WebhookSecret:
    """Return the secret that is written ``whsec_…``, padded or not. ValueError: the rule, without the text."""
    found = _SECRET.fullmatch(text)
    key = _decoded(found[1].rstrip("=")) if found is not None else b""
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"must be {FORM}")
    return WebhookSecret(key)


def _decoded(digits: str) -> bytes:
    """Return the bytes; none where it is no base64."""
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4))
    except binascii.Error:
        return b""
