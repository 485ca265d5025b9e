"""Which texts may hold a code: ``say`` takes any text, a brand is one, and some people put their code there.

A guess, and a mistrustful one: what is taken for a code is made for its call alone and kept nowhere, which costs an
engine's time and no more. A clip that stays would be the code, spoken, in our memory for days.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final

LEAST: Final = 3
"""Characters of a code."""
MOST: Final = 12

# Scripts that put no space between words: Thai to Burmese, Khmer, kana, Han, Hangul.
_UNSPACED: Final = re.compile(r"[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def may_hold_a_code(text: str, spoken: Collection[str]) -> bool:
    """May there be a code in it? ``spoken``: words for digits and letters in the language of the text.

    So it is with a digit of any script; with three or more of those words; with three letters or more one by one; and
    with a word of 3 to 12 letters of which two or more are capitals behind the first.
    """
    if any(unicodedata.category(character)[0] == "N" for character in text):
        return True
    # Wide forms made narrow, and composed: as it is read.
    text = unicodedata.normalize("NFKC", text)
    words = list(_words(text))
    if any(alone and len(list(run)) >= LEAST for alone, run in groupby(words, key=lambda word: len(word) == 1)):
        return True
    if any(LEAST <= len(word) <= MOST and sum(map(str.isupper, word[1:])) > 1 for word in words):
        return True
    spaced, unspaced = _split(frozenset(spoken))
    if sum(word.casefold() in spaced for word in words) >= LEAST:
        return True
    return unspaced is not None and unspaced.search(text.casefold()) is not None


def _words(text: str) -> Iterator[str]:
    """Yield runs of letters and the marks that belong to them."""
    for is_word, run in groupby(text, key=lambda character: unicodedata.category(character)[0] in "LM"):
        if is_word:
            yield "".join(run)


@lru_cache(maxsize=256)
def _split(spoken: frozenset[str]) -> tuple[frozenset[str], re.Pattern[str] | None]:
    """Return words that stand alone in a text, and what finds a run of those that need not."""
    known = {unicodedata.normalize("NFKC", word).casefold().strip() for word in spoken} - {""}
    unspaced = sorted((word for word in known if _UNSPACED.search(word)), key=len, reverse=True)
    # What a digit is called may be two words, of which each counts; one letter alone is a word of many languages.
    spaced = frozenset(part for word in known.difference(unspaced) for part in _words(word) if len(part) > 1)
    if not unspaced:
        return spaced, None
    either = "|".join(map(re.escape, unspaced))
    return spaced, re.compile(rf"(?:(?:{either})[\W_]*){{{LEAST},}}")
