"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): which call a key stands for, and what was asked.

What is derived from a key or a body is an HMAC under the program's own key: a body holds a code, and a bare hash of
four digits is no secret. It keeps nothing: which keys were used is the store's to say.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

LONGEST: Final = 255
"""Characters of a key."""
_BARE: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
# RFC 9651 section 3.3.3: a string of printable ASCII, quotes and backslashes escaped.
_QUOTED: Final = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"', re.ASCII)


class Invalid(ValueError):
    """It is no key. The message ends a sentence, and does not repeat it."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The key is new, or was given back: go on, and then have the call accepted with the token, or release the key."""


@dataclass(frozen=True, slots=True)
class KeyInProgress:
    """Another request with this key is being answered."""


@dataclass(frozen=True, slots=True)
class KeyMismatch:
    """The key was used for another request."""


@dataclass(frozen=True, slots=True)
class KeyAnswered:
    """The key was answered with this call as it was accepted; None: that was erased meanwhile."""

    answer: dict[str, Any] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyForgotten:
    """The key was answered more than 24 h ago, and is free again; but its call is still kept, under this very id.

    Derive another id from the key, always the same next one, and claim that.
    """


Claim: TypeAlias = Claimed | KeyInProgress | KeyMismatch | KeyAnswered | KeyForgotten


def read_key(header: str) -> str:
    """Return the key of a header: bare, or quoted as the draft has it; both name the same. Raises ``Invalid``."""
    header = header.strip(" \t")
    quoted = _QUOTED.fullmatch(header)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
    if not (quoted or (_BARE.fullmatch(header) and not header.startswith('"'))) or not 0 < len(key) <= LONGEST:
        raise Invalid(f"must be 1 to {LONGEST} visible ASCII characters, bare or quoted")
    return key


def call_id_of(secret: bytes, account: str, key: str, use: int = 1) -> str:
    """Return the id of the call that an account's key stands for, on every instance and in every life.

    ``use``: a key that is used again when it was forgotten stands for another call.
    """
    return "call_" + _mac(secret, "id", account, key, *([str(use)] if use > 1 else []))[:32]


def fingerprint_of(secret: bytes, account: str, document: Mapping[str, Any]) -> str:
    """Return what tells two bodies apart; the order of their fields and blanks do not count."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return _mac(secret, "body", account, canonical)


def _mac(secret: bytes, *parts: str) -> str:
    mac = hmac.new(secret, digestmod=hashlib.sha256)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        mac.update(len(data).to_bytes(8, "big") + data)  # else "a", "bc" would be "ab", "c"
    return mac.hexdigest()
