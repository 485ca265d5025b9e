"""What is to be spoken, made fit at the door: words on one line, and nothing in them that is only there for screens.

A text is words. Nothing in it is markup to anybody: what looks like tags, phonemes or options is read as it stands, for
which each engine has to see (``adapters.speech``). It knows no language.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

# Unicode Standard Annex 9, table 4: overrides, embeddings, isolates, marks. Heard is what was typed, in that order.
_DIRECTIONS: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# Byte order mark, soft hyphen, word joiner, what is deprecated (206A to 206F), annotations of words between the lines.
_UNSEEN: Final = "\ufeff\u00ad\u2060\u206a\u206b\u206c\u206d\u206e\u206f\ufff9\ufffa\ufffb"
_BREAKS: Final = "\t\n\v\f\r\u0085\u2028\u2029"
# Tags (E0000 to E007F) spell words that nobody sees.
_TAGS: Final = range(0xE0000, 0xE0080)

_CLEANED: Final = str.maketrans(dict.fromkeys(_DIRECTIONS + _UNSEEN) | dict.fromkeys(_BREAKS, " ")) | dict.fromkeys(
    _TAGS
)


def spoken(text: str) -> str:
    """Return a text with its letters composed (NFC), line breaks and tabs as spaces, without what is never heard.

    Raises ``ValueError`` for other control characters, halves of surrogate pairs and noncharacters: whoever sends them
    has sent something else than text.
    """
    if any(_unfit(text)):
        raise ValueError("must have no control characters but line breaks and tabs")
    return unicodedata.normalize("NFC", text.translate(_CLEANED))


def _unfit(text: str) -> Iterator[bool]:
    for one in text:
        # The Unicode Standard, section 23.7: the last two of each plane, and 32 that no plane ends with.
        noncharacter = ord(one) & 0xFFFE == 0xFFFE or "\ufdd0" <= one <= "\ufdef"
        yield noncharacter or (unicodedata.category(one) in {"Cc", "Cs"} and one not in _BREAKS)
