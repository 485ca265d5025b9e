"""How keys and secrets are written: who may ask, what ids are made with, and what signs reports.

No message repeats one of them.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

from otpvoice.core.secret import Secret
from otpvoice.settings.values import all_of, words
from otpvoice.trust.keys import TEST_KEY, is_test_key
from otpvoice.trust.signing_secret import FORM, parse_secret

SHORTEST_API_KEY: Final = 20
FEWEST: Final = 8
"""Different bytes in what was made at random."""
AT_ONCE: Final = 2
"""Keys that an account may have at a time: the one in use, and the next one while it takes over."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)  # RFC 6750 section 2.1
_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)

_digests: Final = all_of(_DIGEST, "must be SHA-256 digests of keys, 64 hexadecimal digits each")


def api_keys(value: Any, *, shortest: int) -> tuple[str, ...]:
    """Bearer keys."""
    keys = tuple(dict.fromkeys(words(value)))
    if not all(_TOKEN.fullmatch(key) and shortest <= len(key) <= 200 for key in keys):
        raise ValueError(
            f"must be keys of {shortest} to 200 of A-Z a-z 0-9 . _ ~ + / -, made at random, separated by blanks"
        )
    test = sum(map(is_test_key, keys))
    if max(test, len(keys) - test) > AT_ONCE:
        raise ValueError(f"must be at most {AT_ONCE} keys, for rotation, and {AT_ONCE} test keys ({TEST_KEY}…)")
    return keys


def key_digests(value: Any) -> tuple[bytes, ...]:
    """SHA-256 of bearer keys, of which nobody can see whether they are for tests."""
    parsed = tuple(dict.fromkeys(map(bytes.fromhex, _digests(value))))
    if len(parsed) > 2 * AT_ONCE:
        raise ValueError(
            f"must be at most {2 * AT_ONCE} digests: {AT_ONCE} keys, for rotation, and {AT_ONCE} test keys"
        )
    return parsed


def secret_key(value: Any) -> Secret:
    """32 bytes in base64 (either alphabet); kept as they were written."""
    rule = "must be 32 random bytes in base64"
    try:
        key = base64.b64decode(str(value).strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(rule) from None
    if len(key) != 32 or len(set(key)) < FEWEST:
        raise ValueError(rule)
    return Secret(base64.b64encode(key).decode())


def webhook_secrets(value: Any) -> tuple[Secret, ...]:
    """Secrets by Standard Webhooks, kept as they were written; the first is the new one."""
    secrets = tuple(dict.fromkeys(words(value)))
    try:
        random = all(len(set(parse_secret(secret).reveal())) >= FEWEST for secret in secrets)
    except ValueError:
        random = False
    if not random:
        raise ValueError(f"must be secrets, each {FORM}")
    return tuple(map(Secret, secrets))
