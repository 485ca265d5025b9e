"""What a program is given to speak: words on one line, in characters that speech engines know.

A text is never more than words. Nothing that an engine would obey gets through: control characters (espeak-ng's own
commands begin with one), phonemes in double brackets (espeak-ng, piper), ends of lines. What is dropped is what nobody
hears; characters that only look otherwise become those that are meant. It knows no engine and no language.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import Final

MOST_MARKS: Final = 8
"""On one letter. Vietnamese has two, pointed Hebrew three, Burmese five; floods of hundreds cost engines seconds."""

_OPENS_PHONEMES: Final = re.compile(r"\[(?=\[)")
_ORDINARY: Final = re.compile(r"[\x20-\x7e]*")
_SPACES: Final = re.compile(r" {2,}")
_JOINERS: Final = "\u200c\u200d"
"""Letters of Persian and of India are other letters with them, and emoji are made with them."""
_REPLACEMENT: Final = "\ufffd"
# Unicode Standard Annex 44, table 14: the same character in another dress. Fractions and exponents are not the same.
_DRESSED: Final = re.compile(r"<(font|wide|narrow|circle|initial|medial|final|isolated)>")
_LIGATURES: Final = range(0xFB00, 0xFB07)
"""From ff to st."""


def plain(text: str) -> str:
    """Return the text as words: one line, composed (NFC), decimal digits of all scripts as 0 to 9.

    espeak-ng 1.51 is silent at digits of other scripts than its voice's, fullwidth ones among them.
    """
    if not _ORDINARY.fullmatch(text):
        text = _fewer_marks(unicodedata.normalize("NFC", "".join(map(_plain_character, text))))
    return _OPENS_PHONEMES.sub("[ ", _SPACES.sub(" ", text)).strip()


def _plain_character(one: str) -> str:
    category = unicodedata.category(one)
    if category == "Nd":
        return str(unicodedata.decimal(one))
    if category == "Cf":
        # A zero width space divides words; soft hyphens and directions are for the eye.
        return one if one in _JOINERS else " " * (one == "\u200b")
    if category[0] in "CZ" or one == _REPLACEMENT:
        return " "
    if ord(one) in _LIGATURES or _DRESSED.match(unicodedata.decomposition(one)):
        return unicodedata.normalize("NFKC", one)
    return one


def _fewer_marks(text: str) -> str:
    runs = groupby(text, key=lambda one: unicodedata.category(one)[0] == "M")
    return "".join("".join(list(run)[: MOST_MARKS if marks else None]) for marks, run in runs)
