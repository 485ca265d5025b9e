"""All that a language pack may have said, each under a name: which texts are known before anybody asks for them.

Engines need it that are given texts and have files (``recorded``), or that may be given no other texts (``gtts``). The
texts come from where the scripts of calls do (``core.reading``, ``core.question``), so that what is listed here and
what is asked for are the same, to the letter. It makes no sound.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from string import ascii_lowercase, ascii_uppercase, digits
from types import MappingProxyType
from typing import Final

from otpvoice.core.actions import ANY_KEY, LanguageKey, SayCode
from otpvoice.core.locale import Locale, Locales
from otpvoice.core.question import Manner, failure_script, gate_script, menu_script, offer_script
from otpvoice.core.reading import closing_script, code_script, replay_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Script, Words

KEYS: Final = "0123456789*#"
_KEY_NAMES: Final = {"*": "star", "#": "pound"}
_ANY_CODE: Final = OtpCode("000")
_ANY_BRAND: Final = "ꙮ"
"""A letter that no brand is written with: where it comes out, a brand is."""
_LONGEST_BRAND: Final = 64


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of one pack, name → text.

    ``alphabets``: what is said for the characters of a code, each in an order of its own: ``0`` to ``9``; ``a`` to
    ``z``; ``capital-a`` …; ``spelled-a`` …; ``spelled-capital-a`` …. ``sentences``: ``code`` (before the code),
    ``after-code``, ``again``, ``closing``, ``gate-1``, ``gate-any``, ``gate-failure``, ``replay-star``,
    ``choose-pound`` and so on; ``code-<brand>`` and ``after-code-<brand>`` for the brands that were given.
    """

    alphabets: tuple[Mapping[str, str], ...]
    sentences: Mapping[str, str]
    _names: Mapping[str, str]
    _branded: tuple[tuple[str, str, str], ...]

    def name(self, text: str) -> str | None:
        """Return the name of a text, ``code-<brand>`` for any brand; None: the pack has no such text."""
        if (name := self._names.get(text)) is not None:
            return name
        if (found := self.branded(text)) is not None and (slug := slug_of(found[1])):
            return f"{found[0]}-{slug}"
        return None

    def branded(self, text: str) -> tuple[str, str] | None:
        """Return the name that a text has without its brand, ``code`` or ``after-code``, and the brand.

        None: there is no brand in it.
        """
        plain = bare(text)
        for name, before, after in self._branded:
            brand = plain[len(before) : len(plain) - len(after)]
            if brand and plain == f"{before}{brand}{after}":
                return name, brand
        return None


def phrases(locale: Locale, locales: Locales, brands: Iterable[str] = ()) -> Phrases:
    """Return what ``locale``, one of ``locales``, may have said. A brand that is all punctuation has no sentences."""
    alphabets = tuple(MappingProxyType(dict(alphabet)) for alphabet in _alphabets(locale))
    sentences = dict(_sentences(locale, locales))
    for brand in brands:
        if slug := slug_of(brand):
            sentences |= {f"{name}-{slug}": text for name, text in _around_code(locale, locales, brand)}
    names: dict[str, str] = {}
    for name, text in chain(*(alphabet.items() for alphabet in alphabets), sentences.items()):
        names.setdefault(text, name)
    branded = [(name, *_split(text)) for name, text in _around_code(locale, locales, _ANY_BRAND) if _ANY_BRAND in text]
    return Phrases(alphabets, MappingProxyType(sentences), MappingProxyType(names), tuple(branded))


def slug_of(brand: str) -> str:
    """Return a brand as a part of a file's name: letters and digits of any script, small, the rest a hyphen.

    Empty where there is neither. ``Café & Co.`` is ``café-co``.
    """
    plain = unicodedata.normalize("NFKC", brand).casefold()
    # Marks, too: the vowels of Indic scripts are some.
    words = "".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in plain).split()
    return "-".join(words)[:_LONGEST_BRAND].rstrip("-")


def key_name(key: str) -> str:
    """Return a key of a telephone as a part of a name: ``1``, ``star``, ``pound``."""
    return _KEY_NAMES.get(key, key)


def _alphabets(locale: Locale) -> Iterator[Iterator[tuple[str, str]]]:
    yield ((digit, locale.word(digit).strip()) for digit in digits)
    yield ((letter, locale.word(letter).strip()) for letter in ascii_lowercase)
    yield ((f"capital-{letter.lower()}", locale.word(letter).strip()) for letter in ascii_uppercase)
    yield ((f"spelled-{letter}", locale.spelled(letter).strip()) for letter in ascii_lowercase)
    yield ((f"spelled-capital-{letter.lower()}", locale.spelled(letter).strip()) for letter in ascii_uppercase)


def _sentences(locale: Locale, locales: Locales) -> Iterator[tuple[str, str]]:
    manner = Manner(locale.tag, None, locales)
    plain = SayCode(_ANY_CODE)
    yield from _around_code(locale, locales, None)
    yield from _named("again", replay_script(plain, 1, locale.tag, None, locales))
    yield from _named("closing", closing_script(plain, locale.tag, None, locales))
    for key in KEYS:
        yield from _named(f"gate-{key_name(key)}", gate_script(plain, key, manner))
        yield from _named(f"replay-{key_name(key)}", offer_script(plain, key, locale.tag, manner))
        offered = SayCode(_ANY_CODE, languages=(LanguageKey(key, locale.tag),))
        yield from _named(f"choose-{key_name(key)}", menu_script(offered, manner))
    yield from _named("gate-any", gate_script(plain, ANY_KEY, manner))
    yield from _named("gate-failure", failure_script(plain, manner))


def _named(name: str, script: Script) -> Iterator[tuple[str, str]]:
    return ((name, item.text) for item in script[:1] if isinstance(item, Words))


def _around_code(locale: Locale, locales: Locales, brand: str | None) -> Iterator[tuple[str, str]]:
    """Yield what is said before and after a code: a template has its code anywhere."""
    script = code_script(SayCode(_ANY_CODE, brand=brand, times=1), locale.tag, None, locales)
    code = next(place for place, item in enumerate(script) if isinstance(item, CodeCharacter))
    yield from _named("code", script[:code])
    yield from _named("after-code", tuple(item for item in script[code:] if isinstance(item, Words)))


def _split(text: str) -> tuple[str, str]:
    before, _, after = bare(text).partition(_ANY_BRAND)
    return before, after


def bare(text: str) -> str:
    """Return it without the marks at its end: which there are, depends on how a brand ends."""
    end = len(text)
    while end and unicodedata.category(text[end - 1])[0] in "PZC":
        end -= 1
    return text[:end]
