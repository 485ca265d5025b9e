"""Numbers as the world dials them (ITU-T E.164): a plus, a country code and a subscriber, 6 to 15 digits in all.

It knows no country: whether a number is in use, and whether it may be called, is asked elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"\+[1-9][0-9]{5,14}", re.ASCII)


def is_e164(text: str) -> bool:
    """Is it a whole number with its plus, and nothing else?"""
    return _NUMBER.fullmatch(text) is not None
