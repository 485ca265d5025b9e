"""What holds a secret is sealed before it leaves the memory: AES-256-GCM (NIST SP 800-38D), bound to what it is of.

That is any text: for a plan, its call's id; ``registry`` has another. It knows nothing of what it seals, and says
nothing of what it could not open. How long a text is is not hidden.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
VERSION: Final = b"\x01"
"""The first byte of all that is sealed: how it was."""
NONCE_BYTES: Final = 12
"""Drawn anew for each seal. A key may have 2^32 random ones of 96 bits (SP 800-38D, 8.3): a hundred a second for 16
months, after which two are equal with a chance of 2^-33."""
TAG_BYTES: Final = 16
OVERHEAD: Final = len(VERSION) + NONCE_BYTES + TAG_BYTES
"""So much longer than the text is what is sealed, in bytes."""


class Unsealable(ValueError):
    """Sealed by another key, bound to something else, or by a later version of this program; or it was changed."""


class Sealer:
    """Seals and opens under one key of 32 bytes. Raises ``ValueError`` for a key of another length."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key is {KEY_BYTES} bytes long")
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return "Sealer(…)"

    def seal(self, bound_to: str, text: bytes) -> bytes:
        """Return what only ``open`` with the same key, and bound to the same, makes the text of again."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return VERSION + nonce + self._cipher.encrypt(nonce, text, bound_to.encode())

    def open(self, bound_to: str, sealed: bytes) -> bytes:
        """Return what was sealed. Raises ``Unsealable``."""
        nonce, rest = sealed[len(VERSION) : len(VERSION) + NONCE_BYTES], sealed[len(VERSION) + NONCE_BYTES :]
        text = None
        if sealed[: len(VERSION)] == VERSION and len(sealed) >= OVERHEAD:
            with suppress(InvalidTag):
                text = self._cipher.decrypt(nonce, rest, bound_to.encode())
        if text is None:
            # Here, so that no error of the cipher stays as its context.
            raise Unsealable("this can't be opened with this key, bound to this")
        return text
