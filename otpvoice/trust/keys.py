"""How bearer keys begin. Whether one is known is not asked here."""

from __future__ import annotations

from typing import Final

TEST_KEY: Final = "otp_test_"
"""What keys begin with that never dial: their calls are rehearsed, and they see no other calls."""


def is_test_key(key: str) -> bool:
    """Is it a key that never dials?"""
    return key.startswith(TEST_KEY)
