"""How languages are written: which characters a pack's texts may have, by language.

Where several languages share a script, each has its own letters: a Latin ``а`` in a Russian word looks right, is
another character, and is spelled out by a voice.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from string import ascii_lowercase
from typing import Final

_SLAVIC: Final = "абвгдежзийклмнопрстуфхцчшщъьюя"

LETTERS: Final[Mapping[str, str]] = {
    # Latin: what comes to a to z. None has digits, and none the others' letters.
    "af": "éêëèïîôöûáíóú",
    "az": "çəğıöşüi̇",
    "bs": "čćđšž",
    "ca": "àçèéíïòóúü·",
    "cs": "áčďéěíňóřšťúůýž",
    "cy": "âêîôûŵŷäëïöüàèìòùáéíóú",
    "da": "æøå",
    "de": "äöüß",
    "en": "",
    "es": "áéíñóúü",
    "et": "äöõüšž",
    "eu": "ñ",
    "fi": "äåö",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "ga": "áéíóú",
    "hr": "čćđšž",
    "hu": "áéíóöőúüű",
    "id": "",
    "is": "áðéíóúýþæö",
    "it": "àèéìòù",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "ms": "",
    "nb": "æøåé",
    "nl": "éëïöüè",
    "pl": "ąćęłńóśźż",
    "pt": "áâãàçéêíóôõú",
    "ro": "ăâîșț",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž",
    "sq": "çë",
    "sv": "åäöé",
    "sw": "",
    "tr": "çğıöşüi̇",
    "vi": "ăâđêôơư",
    # Cyrillic: all that there are.
    "bg": _SLAVIC,
    "kk": _SLAVIC + "ёыэәғқңөұүһі",
    "mk": "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
    "ru": _SLAVIC + "ёыэ",
    "sr": "абвгдђежзијклљмнњопрстћуфхцчџш",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
}
"""Small letters, by language. Vietnamese tones are marks over them."""

BLOCKS: Final[Mapping[str, tuple[tuple[int, int], ...]]] = {
    "ar": ((0x0600, 0x06FF),),
    # Danda is one for all of India, and lies with Devanagari.
    "bn": ((0x0980, 0x09FF), (0x0964, 0x0965)),
    "el": ((0x0370, 0x03FF),),
    "fa": ((0x0600, 0x06FF), (0x200C, 0x200C)),
    "gu": ((0x0A80, 0x0AFF),),
    "hi": ((0x0900, 0x097F),),
    "hy": ((0x0530, 0x058F),),
    # Kana alone: espeak-ng reads kanji as "Chinese letter".
    "ja": ((0x3000, 0x30FF),),
    "ka": ((0x10D0, 0x10FF),),
    "ko": ((0xAC00, 0xD7A3),),
    "mr": ((0x0900, 0x097F),),
    "ta": ((0x0B80, 0x0BFF),),
    "te": ((0x0C00, 0x0C7F),),
    "ur": ((0x0600, 0x06FF),),
    "zh": ((0x4E00, 0x9FFF), (0x3000, 0x303F), (0xFF00, 0xFF60)),
}
"""Unicode's blocks of languages that have a script to themselves, or nearly."""

_CYRILLIC: Final = frozenset({"bg", "kk", "mk", "ru", "sr", "uk"})
_MARKS: Final = " .,:;!?'’-"


def foreign(language: str, text: str) -> str:
    """Return the characters of a text that its language is not written with, in order. Marks are no letters."""
    if language in BLOCKS:
        blocks = BLOCKS[language]
        return "".join(one for one in text if one not in _MARKS and not any(a <= ord(one) <= b for a, b in blocks))
    letters = LETTERS[language] if language in _CYRILLIC else ascii_lowercase + LETTERS[language]
    if language == "vi":
        text = _without_tones(text)
    return "".join(one for one in text if one not in _MARKS and not set(one.lower()) <= set(letters))


def _without_tones(text: str) -> str:
    # Grave, hook, tilde, acute, dot below; what is left are the vowels that are letters of their own.
    bare = "".join(one for one in unicodedata.normalize("NFD", text) if one not in "\u0300\u0309\u0303\u0301\u0323")
    return unicodedata.normalize("NFC", bare)
