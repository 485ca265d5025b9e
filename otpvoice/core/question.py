"""What is said around a code that asks for keys: the gate, the choice of a language, the offer to hear it again.

Sentences only, as scripts; nothing secret is in them. Who waits for the keys is ``coding``.
"""

from __future__ import annotations

from dataclasses import dataclass

from otpvoice.core.actions import ANY_KEY, SayCode
from otpvoice.core.locale import Locale, Locales
from otpvoice.core.speech import Script, Silence, Words

BETWEEN_SENTENCES = 0.5
"""Seconds between two sentences of a menu."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a call speaks where an action does not say: its language, its voice."""

    language: str
    voice: str | None
    locales: Locales


def gate_script(say: SayCode, key: str, manner: Manner) -> Script:
    """Return the question of the gate, for one key or ``ANY_KEY``, with the languages that can be chosen by others."""
    locale = manner.locales.lookup(say.language or manner.language)
    question = locale.gate_any if key == ANY_KEY else locale.gate.replace("{key}", locale.key(key))
    menu = menu_script(say, manner)
    own = (_words(question, locale, say.language or manner.language, say, manner),)
    return (*own, Silence(BETWEEN_SENTENCES), *menu) if menu else own


def menu_script(say: SayCode, manner: Manner) -> Script:
    """Return what offers each language, in that language; a language without a pack has no sentence for it."""
    script: list[Words | Silence] = []
    for choice in say.languages:
        if (locale := manner.locales.find(choice.language)) is not None:
            sentence = locale.choose.replace("{key}", locale.key(choice.key))
            script += (Silence(BETWEEN_SENTENCES),) if script else ()
            script.append(_words(sentence, locale, choice.language, say, manner))
    return tuple(script)


def failure_script(say: SayCode, manner: Manner) -> Script:
    """Return what is said when the gate was not passed, where the request does not say."""
    locale = manner.locales.lookup(say.language or manner.language)
    return (_words(locale.gate_failure, locale, say.language or manner.language, say, manner),)


def offer_script(say: SayCode, key: str, language: str, manner: Manner) -> Script:
    """Return what offers the code once more, in a language."""
    locale = manner.locales.lookup(language)
    return (_words(locale.replay.replace("{key}", locale.key(key)), locale, language, say, manner),)


def _words(text: str, locale: Locale, language: str, say: SayCode, manner: Manner) -> Words:
    # A sentence that stands in is spoken in the language that it is in.
    spoken = language if manner.locales.find(language) is locale else locale.tag
    return Words(text, spoken, say.voice or manner.voice, say.speed, packaged=True)
