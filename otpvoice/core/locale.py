"""A language as data: its sentences around a code, how it calls digits and letters, and which voices speak it.

Reading the files is ``adapters.locales``; here they are checked, and looked up by BCP 47 tag.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from string import ascii_lowercase, digits
from types import MappingProxyType
from typing import Any, Final

# RFC 5646 section 2.1, by shape alone. Underscores are read as hyphens: Asterisk's languages are written so.
_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Locale:
    """One language pack.

    ``code`` and ``code_with_brand`` are templates, ``again`` opens each reading after the first, ``capital`` holds
    ``{letter}``. ``gate``, ``replay`` and ``choose`` (this language) hold the ``{key}`` to press, ``gate_any`` none;
    ``gate_failure``: it was not pressed. ``star`` and ``pound``: names of those keys. ``digits``: ten words.
    ``letters``: only those that engines get wrong on their own.
    ``voices``: engine → language tag → that engine's name of the voice.
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

    def word(self, character: str) -> str:
        """Return what to say for one of ``0-9A-Za-z``. A capital is said to be one."""
        if character in digits:
            return self.digits[int(character)]
        letter = self.letters.get(character.lower(), character.lower())
        return self.capital.replace("{letter}", letter) if character.isupper() else letter

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
        found = lookup(default, self._packs)
        if found is None:
            raise ValueError(f"there is no locale for the default language {default}")
        self.default: Final = self._packs[found]

    @property
    def tags(self) -> tuple[str, ...]:
        """The languages, sorted."""
        return tuple(sorted(self._packs))

    def find(self, tag: str) -> Locale | None:
        """Return the pack for a tag by RFC 4647 lookup; None: there is none for that language."""
        found = lookup(tag, self._packs)
        return self._packs[found] if found else None

    def lookup(self, tag: str) -> Locale:
        """Return the pack for a tag: ``pt-BR``, else ``pt``, else the default."""
        return self.find(tag) or self.default


def lookup(tag: str, available: Collection[str]) -> str | None:
    """Return the nearest of ``available`` by RFC 4647 section 3.4: drop subtags from the end until one fits."""
    by_lower = {one.lower(): one for one in available}
    subtags = tag.replace("_", "-").lower().split("-")
    while subtags:
        if (found := by_lower.get("-".join(subtags))) is not None:
            return found
        subtags.pop()
        # "Single letter or digit subtags … MUST be removed … at the same time as their closest trailing subtag."
        if subtags and len(subtags[-1]) == 1:
            subtags.pop()
    return None


def is_tag(tag: str) -> bool:
    """Has this the shape of a BCP 47 language tag?"""
    return _TAG.fullmatch(tag.replace("_", "-")) is not None


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


def parse_locale(document: Mapping[str, Any], source: str) -> Locale:
    """Return a pack from a parsed file. Raises ``ValueError`` with all that is wrong, a line each, after ``source``."""
    problems = list(_problems(document))
    if problems:
        raise ValueError("\n".join(f"{source}: {problem}" for problem in problems))
    return Locale(
        **{name: document[name] for name in _SENTENCES},
        digits=tuple(document["digits"][digit] for digit in digits),
        letters=MappingProxyType(dict(document.get("letters", {}))),
        voices=MappingProxyType({engine: MappingProxyType(dict(v)) for engine, v in document["voices"].items()}),
    )


_SENTENCES: Final = (
    "tag", "code", "code_with_brand", "again", "capital",
    "gate", "gate_any", "gate_failure", "replay", "choose", "star", "pound",
)  # fmt: skip
_TABLES: Final = ("digits", "letters", "voices")


def _problems(document: Mapping[str, Any]) -> Iterable[str]:
    for key in document.keys() - {*_SENTENCES, *_TABLES}:
        yield f"{key} is not known; the keys are {', '.join((*_SENTENCES, *_TABLES))}"
    sound = set()
    for key in _SENTENCES:
        if _is_text(document.get(key)):
            sound.add(key)
        else:
            yield f'{key} must be a text in quotes, as in {key} = "…"'
    if "tag" in sound and not is_tag(document["tag"]):
        yield 'tag must be a language tag, as in tag = "pt" or tag = "pt-BR"'
    for key, placeholders in _PLACEHOLDERS.items():
        if key in sound and sorted(_PLACEHOLDER.findall(document[key])) != placeholders:
            wanted = " and ".join(f"{{{name}}}" for name in placeholders) or "no braces"
            yield f"{key} must hold {wanted}, each once and nothing else in braces"
    yield from _table_problems(document)


_PLACEHOLDERS: Final = {
    "code": ["code"], "code_with_brand": ["brand", "code"], "again": [], "capital": ["letter"], "gate": ["key"],
    "gate_any": [], "gate_failure": [], "replay": ["key"], "choose": ["key"], "star": [], "pound": [],
}  # fmt: skip


def _table_problems(document: Mapping[str, Any]) -> Iterable[str]:
    tables = {name: document.get(name, {}) for name in _TABLES}
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            yield f"{name} must be a table, opened by [{name}]"
            return
    for digit in digits:
        if not _is_text(tables["digits"].get(digit)):
            yield f'digits must hold a word for {digit}, as in {digit} = "…"'
    yield from (f"digits.{key} is not a digit" for key in sorted(tables["digits"].keys() - set(digits)))
    for key, value in tables["letters"].items():
        if key not in set(ascii_lowercase) or not _is_text(value):
            yield f'letters.{key} must be one of a to z with what to say for it, as in y = "ypsilon"'
    if not tables["voices"]:
        yield 'voices must name a voice for at least one engine, as in [voices.espeak] pt = "pt"'
    for engine, voices in tables["voices"].items():
        if not isinstance(voices, Mapping) or not all(is_tag(tag) and _is_text(name) for tag, name in voices.items()):
            yield f'voices.{engine} must be lines of a language tag and a voice, as in pt-BR = "pt-br"'


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
