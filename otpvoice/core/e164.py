"""Numbers as the world dials them (ITU-T E.164): a plus, a country code and a subscriber, 6 to 15 digits in all.

And what can't be taken for one: extensions. Both go into dial strings, so each is one harmless word. It knows no
country: whether a number is in use, and whether it may be called, is asked elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST_EXTENSION: Final = 9
"""Digits of an extension that has no letters. With more, a trunk whose dial string has no plus would call the world."""

_NUMBER: Final = re.compile(r"\+[1-9][0-9]{5,14}", re.ASCII)
_EXTENSION: Final = re.compile(r"[0-9A-Za-z*#][0-9A-Za-z*#_.-]{0,39}", re.ASCII)


def is_e164(text: str) -> bool:
    """Is it a whole number with its plus, and nothing else?"""
    return _NUMBER.fullmatch(text) is not None


def is_extension(text: str) -> bool:
    """Is it a word that an internal extension may be called by: digits, or a name as in ``front-desk.2``?"""
    if _EXTENSION.fullmatch(text) is None:
        return False
    return any(map(str.isalpha, text)) or sum(map(str.isdigit, text)) <= LONGEST_EXTENSION
