"""Who says it, and who else when that one can't: the voices that may stand in for each other, in order.

Nothing is asked of an engine here but what it declares. A voice says languages that it has, and no others: who asks for
an English voice and German words gets German.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.sexes import of_sex
from otpvoice.core.language_tags import lookup, primary
from otpvoice.core.locale import Locale, Locales

OFFLINE: Final = "espeak"
"""The engine that is always there and has most languages."""
REMEMBERED: Final = 1024
"""Languages and voices asked for, whose rungs are kept: requests name them, and could name any."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One candidate: an engine, its name of the voice (None: its own), and the tag of the language that it is asked.

    ``locale`` has the words for digits and letters; None: the engine reads them itself. ``stands_in``: the voice as it
    is written in a request, where this is not the one that was asked for; None: it is.
    """

    engine: str
    voice: str | None
    language: str
    locale: Locale | None = field(repr=False, compare=False)
    stands_in: str | None = None


class Ladder:
    """``default``, ``fallbacks``: voices, ``engine`` or ``engine:voice``.

    A fallback whose engine is not there is left out. Raises ``ValueError`` for a default that is not there, and for a
    voice that its engine does not have.
    """

    def __init__(
        self, voices: Mapping[str, Voice], locales: Locales, default: str, fallbacks: Sequence[str] = ()
    ) -> None:
        self._voices, self._locales = voices, locales
        self._named(default)
        for spec in fallbacks:
            if spec.partition(":")[0] in voices:
                self._named(spec)
        self._default, self._fallbacks = default, tuple(fallbacks)
        self.rungs = lru_cache(maxsize=REMEMBERED)(self._rungs)

    def check(self, language: str, asked: str | None) -> None:
        """Raise ``ValueError`` for a voice that there is not, or that does not speak this language; None: for all."""
        if asked is None:
            if next(self._candidates(language, None), None) is None:
                raise ValueError("no voice speaks this language")
            return
        engine, _ = self._named(asked)
        if (missing := engine.missing()) is not None:
            raise ValueError(f"{engine.name} is not there: {missing}")
        if self._rung(asked, language, self._locales.find(language)) is None:
            raise ValueError(f"{engine.name} does not speak this language")

    def stand_in(self, language: str, female: bool | None) -> str | None:
        """Return who speaks for somebody else's voice of a language and a sex (None: any), as a request names a voice.

        The configured voice if it speaks the language by itself, else its engine, else espeak, else whoever does, in
        the order of the fallbacks; an engine that has voices of both sexes by the sex. None: nobody speaks it.
        """
        locale = self._locales.find(language)
        for spec in dict.fromkeys((self._default, OFFLINE, *self._fallbacks, *self._voices)):
            rung = self._rung(spec, language, locale)
            if rung is None or self._voices[rung[0]].missing() is not None:
                continue
            name, voice, tag, by_name = rung
            return spec if by_name else of_sex(self._voices[name], voice, tag, female)
        return None

    def own(self, engine: str, language: str) -> Rung | None:
        """Return an engine's own voice for a language; None: it does not speak it."""
        locale = self._locales.find(language)
        rung = self._rung(engine, language, locale)
        return None if rung is None else Rung(*rung[:3], locale)

    def _rungs(self, language: str, asked: str | None) -> tuple[Rung, ...]:
        """Return the candidates for a text or a character in a language, the best first; ``asked``: by a request."""
        found = list(self._candidates(language, asked))
        if not found:
            # Better in the wrong voice than not at all; ``check`` is for those who want to refuse.
            found = list(self._candidates(self._locales.default.tag, asked))
        rungs: dict[tuple[str, str | None, str], Rung] = {}
        for rung in found:
            rungs.setdefault((rung.engine, rung.voice, rung.language), rung)
        return tuple(rungs.values())

    def _candidates(self, language: str, asked: str | None) -> Iterator[Rung]:
        locale = self._locales.find(language)
        specs = (self._default, *self._fallbacks) if asked is None else (asked, self._default, *self._fallbacks)
        for place, spec in enumerate(specs):
            if (rung := self._rung(spec, language, locale)) is None:
                continue
            engine, voice, tag, by_name = rung
            # The configured voice is for its own language only: in others its engine's own is no other voice.
            as_asked = place == 0 and (asked is None or by_name or ":" not in spec)
            yield Rung(engine, voice, tag, locale, None if as_asked else spec if by_name else engine)

    def _rung(self, spec: str, language: str, locale: Locale | None) -> tuple[str, str | None, str, bool] | None:
        """Return engine, voice, tag, and whether it is the voice that was named; None: it does not speak this."""
        name, _, wanted = spec.partition(":")
        engine = self._voices.get(name)
        if engine is None:
            return None
        packed = locale.voice(name, language) if locale else None
        tag = engine.voice_language(wanted) if wanted else None
        if tag is not None and (wanted == packed or primary(tag) == primary(language)):
            return name, wanted, tag, True
        if packed is not None and (tag := engine.voice_language(packed)) is not None:
            # The voice decides; regions that have the same one share its sound.
            return name, packed, tag, False
        if lookup(language, engine.traits.languages) is not None:
            return name, None, language, False
        return None

    def _named(self, spec: str) -> tuple[Voice, str]:
        """Return the engine and the name of the voice, empty for the engine's own. Raises ``ValueError``."""
        name, _, wanted = spec.partition(":")
        engine = self._voices.get(name)
        if engine is None:
            raise ValueError(f"there is no voice of this name; there are {', '.join(sorted(self._voices))}")
        # Of what an engine has that is not there, nothing is known.
        if wanted and engine.voice_language(wanted) is None and engine.missing() is None:
            raise ValueError(f"{name} has no voice of this name")
        return engine, wanted
