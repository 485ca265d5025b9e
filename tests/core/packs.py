"""A language file as TOML reads it, complete; and with changes."""

from __future__ import annotations

import copy
from string import ascii_lowercase
from typing import Any

_WORDS = (
    "alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo "
    "sierra tango uniform victor whiskey xray yankee zulu"
)

ENGLISH: dict[str, Any] = {
    "tag": "en",
    "name": "English",
    "english": "English",
    "code": "Your code is: {code}",
    "code_with_brand": "Your {brand} code is: {code}",
    "again": "Once again:",
    "closing": "That was all.",
    "capital": "capital {letter}",
    "spelled": "{letter} as in {word}",
    "gate": "To hear your code, press {key}.",
    "gate_any": "To hear your code, press any key.",
    "gate_failure": "Goodbye.",
    "replay": "To hear it again, press {key}.",
    "choose": "For English, press {key}.",
    "star": "star",
    "pound": "pound",
    "group": 3,
    "digits": dict(
        zip("0123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True)
    ),
    "letters": {"z": "zed"},
    "spelling": dict(zip(ascii_lowercase, _WORDS.split(), strict=True)),
    "voices": {"espeak": {"en": "en-us", "en-GB": "en-gb"}},
}


def pack(**changes: Any) -> dict[str, Any]:
    """Return a document of its own, with other values; None: the key is not there."""
    return {key: value for key, value in (copy.deepcopy(ENGLISH) | changes).items() if value is not None}


def pack_of(tag: str) -> dict[str, Any]:
    """Return a document of another language."""
    return pack(tag=tag, voices={"espeak": {tag: tag}})
