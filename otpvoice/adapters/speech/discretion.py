"""Where the sound of words may stay: on the disk, in memory, or nowhere, because there may be a code in them.

What a request wrote, a text or a brand that nobody configured, never comes to the disk; it stays in memory once it
stands in many calls (``standing``), and nowhere if it looks like a code (``code_like``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from otpvoice.adapters.speech.brands import Brands
from otpvoice.adapters.speech.code_like import may_hold_a_code
from otpvoice.adapters.speech.orders import Keeping
from otpvoice.adapters.speech.phrases import bare
from otpvoice.adapters.speech.standing import Standing
from otpvoice.core.locale import Locales
from otpvoice.core.speech import Words


class Discretion:
    """``known``: brands of the administrator's, which are no codes whatever they look like."""

    def __init__(self, locales: Locales, brands: Brands, known: Collection[str] = ()) -> None:
        self._locales, self._brands, self._known = locales, brands, frozenset(map(bare, known))
        self._spoken: dict[str, frozenset[str]] = {}
        self._standing = Standing()

    def want(self, words: Iterable[Words]) -> None:
        """A call wants these to be said."""
        written = {(text, one.language) for one in words if (text := self._written(one)) is not None}
        self._standing.want(text for text, language in written if not self._may_be_code(text, language))

    def keeping(self, words: Words) -> Keeping:
        """Return where they may stay as things are."""
        if (text := self._written(words)) is None:
            return Keeping.DISK
        if text in self._standing and not self._may_be_code(text, words.language):
            return Keeping.MEMORY
        return Keeping.NOWHERE

    def _written(self, words: Words) -> str | None:
        """Return what a request wrote of them; None: nothing."""
        if not words.packaged:
            return words.text
        brand = self._brands.named_in(words.text, words.language)
        return None if brand is None or bare(brand) in self._known else brand

    def _may_be_code(self, text: str, language: str) -> bool:
        locale = self._locales.lookup(language)
        if (spoken := self._spoken.get(locale.tag)) is None:
            spoken = frozenset((*locale.digits, *locale.letters.values(), *locale.spelling.values()))
            self._spoken[locale.tag] = spoken
        return may_hold_a_code(text, spoken)
