"""A language as data: its sentences around a code, how it calls digits and letters, and which voices speak it.

Reading the files is ``adapters.locales``, what a file must hold is ``core.locale_file``; here a language is looked up
by its BCP 47 tag, and asked for its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import digits
from types import MappingProxyType
from typing import Any, Final

from otpvoice.core.language_tags import chain, index, is_tag, lookup
from otpvoice.core.locale_file import SENTENCES, problems

__all__ = ["Locale", "Locales", "is_tag", "lookup", "parse_locale", "split_template"]

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Locale:
    """One language pack.

    ``code`` and ``code_with_brand`` are templates, ``again`` opens each reading after the first, ``closing`` ends a
    call that has nothing more to say (empty: nothing does). ``capital`` holds ``{letter}``, ``as_in`` that and its
    ``{word}``. ``gate``, ``replay`` and ``choose`` (this language) hold the ``{key}`` to press, ``gate_any`` none;
    ``gate_failure``: it was not pressed. ``star`` and ``pound``: names of those keys. ``digits``: ten words.
    ``letters``: only those that engines get wrong on their own; ``spelling``: a word for each letter.
    ``voices``: engine → language tag → that engine's name of the voice.

    ``group``: of how many characters a code is read, where nobody says (0: no groups). ``name``: the language's own
    name of itself, ``english``: what it is called in English. ``reviewed_by``: people who know the language and have
    read all this; empty: nobody but a machine.
    """

    tag: str
    code: str
    code_with_brand: str
    again: str
    capital: str
    gate: str
    gate_any: str
    gate_failure: str
    replay: str
    choose: str
    star: str
    pound: str
    digits: tuple[str, ...]
    letters: Mapping[str, str]
    voices: Mapping[str, Mapping[str, str]]
    closing: str = ""
    as_in: str = "{letter}, {word}"
    spelling: Mapping[str, str] = field(default_factory=dict)
    group: int = 3
    name: str = ""
    english: str = ""
    reviewed_by: tuple[str, ...] = ()

    def word(self, character: str) -> str:
        """Return what to say for one of ``0-9A-Za-z``. A capital is said to be one."""
        if character in digits:
            return self.digits[int(character)]
        letter = self.letters.get(character.lower(), character.lower())
        return self.capital.replace("{letter}", letter) if character.isupper() else letter

    def spelled(self, character: str) -> str:
        """Return what to say for one of ``0-9A-Za-z`` so that letters can't be confused: "B as in Bravo".

        A capital is said to be one, and then spelled. A digit has its word.
        """
        word = self.spelling.get(character.lower())
        if word is None:
            return self.word(character)
        return self.as_in.replace("{letter}", self.word(character)).replace("{word}", word)

    def key(self, key: str) -> str:
        """Return what one of ``0-9*#`` is called."""
        return {"*": self.star, "#": self.pound}.get(key) or self.word(key)

    def voice(self, engine: str, tag: str) -> str | None:
        """Return the engine's voice for a tag, the nearest there is; None: the pack names none for this engine."""
        voices = self.voices.get(engine, {})
        found = lookup(tag, voices) or lookup(self.tag, voices)
        return voices[found] if found else None


class Locales:
    """The packs at hand. ``default`` is the tag of the one that stands in; raises ``ValueError`` without it."""

    def __init__(self, packs: Iterable[Locale], default: str = "en") -> None:
        self._packs = {pack.tag: pack for pack in packs}
        self._by_meaning = index(self._packs)
        found = self.find(default)
        if found is None:
            raise ValueError(f"there is no locale for the default language {default}")
        self.default: Final = found

    @property
    def tags(self) -> tuple[str, ...]:
        """The languages, sorted."""
        return tuple(sorted(self._packs))

    def find(self, tag: str) -> Locale | None:
        """Return the pack for a tag, the nearest there is (``language_tags.lookup``); None: none for that language."""
        return next((self._packs[self._by_meaning[one]] for one in chain(tag) if one in self._by_meaning), None)

    def lookup(self, tag: str) -> Locale:
        """Return the pack for a tag: ``pt-BR``, else ``pt``, else the default."""
        return self.find(tag) or self.default


def split_template(template: str, brand: str | None) -> tuple[str, str]:
    """Return the text before and after ``{code}``, with the brand in its place.

    Raises ``ValueError`` naming the rule: ``{code}`` exactly once, no other placeholder but ``{brand}``, no other
    braces, a brand where there is ``{brand}``. The message does not repeat the template.
    """
    names = _PLACEHOLDER.findall(template)
    if not set(names) <= {"code", "brand"} or re.search(r"[{}]", _PLACEHOLDER.sub("", template)):
        raise ValueError("a template may hold {code} and {brand}, and no other braces")
    if names.count("code") != 1:
        raise ValueError("a template holds {code} exactly once")
    if "brand" in names and brand is None:
        raise ValueError("a template that holds {brand} needs a brand")
    # Split before the brand is put in: a brand may be written with braces.
    before, after = (part.replace("{brand}", brand or "") for part in template.split("{code}"))
    return before, after


def parse_locale(document: Mapping[str, Any], source: str = "") -> Locale:
    """Return a pack from a parsed file. Raises ``ValueError`` with all that is wrong, a line each, after ``source``."""
    if found := list(problems(document)):
        raise ValueError("\n".join(f"{source}: {problem}".removeprefix(": ") for problem in found))
    sentences = {_FIELDS.get(key, key): document[key] for key in SENTENCES}
    return Locale(
        **sentences,
        tag=document["tag"],
        name=document["name"],
        english=document["english"],
        reviewed_by=tuple(document.get("reviewed_by", ())),
        group=document["group"],
        digits=tuple(document["digits"][digit] for digit in digits),
        letters=MappingProxyType(dict(document.get("letters", {}))),
        spelling=MappingProxyType(dict(document["spelling"])),
        voices=MappingProxyType({engine: MappingProxyType(dict(v)) for engine, v in document["voices"].items()}),
    )


_FIELDS: Final = {"spelled": "as_in"}
"""Keys of a file that are called otherwise here."""
