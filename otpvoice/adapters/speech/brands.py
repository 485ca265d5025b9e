"""Sentences of a language pack with a brand in them: which brand that is, and what the pack says without one.

What comes to be rendered is a text; which texts a pack has is known by ``phrases``.
"""

from __future__ import annotations

from otpvoice.adapters.speech.phrases import Phrases, phrases
from otpvoice.core.locale import Locales


class Brands:
    """The sentences of these packs."""

    def __init__(self, locales: Locales) -> None:
        self._locales = locales
        self._of: dict[str, Phrases] = {}

    def named_in(self, text: str, language: str) -> str | None:
        """Return the brand in a sentence of the language's pack; None: it is none that has one."""
        found = self._branded(text, self._phrases(language))
        return found[1] if found else None

    def without(self, text: str, language: str) -> str | None:
        """Return what the pack says in place of a sentence with a brand; None: there is none, or it says nothing."""
        pack = self._phrases(language)
        found = self._branded(text, pack)
        return pack.sentences.get(found[0]) if found else None

    def _branded(self, text: str, pack: Phrases) -> tuple[str, str] | None:
        # A sentence without a brand may look as if there were one: it is the same but for a word.
        return None if text in pack.sentences.values() else pack.branded(text)

    def _phrases(self, language: str) -> Phrases:
        locale = self._locales.lookup(language)
        if locale.tag not in self._of:
            self._of[locale.tag] = phrases(locale, self._locales)
        return self._of[locale.tag]
