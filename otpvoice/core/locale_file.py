"""What a language file must hold, said to people who don't program: each mistake in one line, with what to write.

A document is what TOML made of a file. It judges the form; whether a sentence is good is for those who know the
language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from string import ascii_lowercase, digits
from typing import Any, Final

from otpvoice.core.language_tags import is_tag, lookup

LONGEST: Final = 200
"""Characters of a sentence: about 15 s of speech."""
LARGEST_GROUP: Final = 6

SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "code": ("code",),
    "code_with_brand": ("brand", "code"),
    "again": (),
    "closing": (),
    "capital": ("letter",),
    "spelled": ("letter", "word"),
    "gate": ("key",),
    "gate_any": (),
    "gate_failure": (),
    "replay": ("key",),
    "choose": ("key",),
    "star": (),
    "pound": (),
}
"""What is spoken, and what each holds in braces, each once."""
_NAMES: Final = ("tag", "name", "english")
_TABLES: Final = ("digits", "letters", "spelling", "voices")
KEYS: Final = (*_NAMES, "reviewed_by", *SENTENCES, "group", *_TABLES)
"""All keys, in the order in which they are best written."""

_ALPHABET: Final = frozenset(ascii_lowercase)
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


def laid_over(region: Mapping[str, Any], language: Mapping[str, Any]) -> dict[str, Any]:
    """Return a region's document with what it does not say from its language's, tables line by line.

    Who has read the language's file has not read the region's.
    """
    merged = {key: value for key, value in language.items() if key not in {"tag", "reviewed_by"}}
    for key, value in region.items():
        below = merged.get(key)
        merged[key] = laid_over(value, below) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return merged


def problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Return all that is wrong with a document: of a region's, when it is laid over its language's."""
    for key in document.keys() - set(KEYS):
        yield f"{key} is not known; the keys are {', '.join(KEYS)}"
    for key in _NAMES:
        yield from _text(key, document.get(key))
    tag = document.get("tag", "")
    if _is_text(tag) and not is_tag(tag):
        yield 'tag must be a language tag, as in tag = "pt" or tag = "pt-BR"'
    reviewers = document.get("reviewed_by", [])
    if not isinstance(reviewers, list) or not all(map(_is_text, reviewers)):
        yield 'reviewed_by must be a list of names, as in reviewed_by = ["Ana Souza"], or [] where nobody has'
    for key, placeholders in SENTENCES.items():
        yield from _sentence(key, document.get(key), placeholders)
    group = document.get("group")
    if type(group) is not int or not 0 <= group <= LARGEST_GROUP:
        yield f"group must be a number from 0 to {LARGEST_GROUP}, as in group = 3 (0: a code is read without groups)"
    yield from _tables(document, tag if _is_text(tag) and is_tag(tag) else None)


def _sentence(key: str, value: Any, placeholders: tuple[str, ...]) -> Iterator[str]:
    if complaints := list(_text(key, value)):
        yield from complaints
        return
    found = sorted(_PLACEHOLDER.findall(value))
    if found != sorted(placeholders) or re.search(r"[{}]", _PLACEHOLDER.sub("", value)):
        wanted = " and ".join(f"{{{name}}}" for name in placeholders)
        once = "each once" if len(placeholders) > 1 else "once"
        yield f"{key} must hold {f'{wanted}, {once}, and nothing else in braces' if wanted else 'no braces'}"


def _text(key: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not value.strip():
        yield f'{key} must be a text in quotes, as in {key} = "…"'
    elif not _is_text(value):
        yield f"{key} must be one line of at most {LONGEST} characters that can be seen"


def _tables(document: Mapping[str, Any], tag: str | None) -> Iterator[str]:
    sound: dict[str, Mapping[str, Any]] = {}
    for name in _TABLES:
        table = document.get(name, {})
        if isinstance(table, Mapping):
            sound[name] = table
        else:
            yield f"{name} must be a table, opened by [{name}]"
    rules: Mapping[str, Callable[[Mapping[str, Any], str | None], Iterable[str]]] = {
        "digits": _digits, "letters": _letters, "spelling": _spelling, "voices": _voices,
    }  # fmt: skip
    for name, table in sound.items():
        yield from rules[name](table, tag)


def _digits(table: Mapping[str, Any], _: str | None) -> Iterator[str]:
    # Some voices say the numeral better than its word, alone; any other numeral would be another code.
    spoken = {key: "itself" if _is_numeral(value, key) else value for key, value in table.items()}
    yield from _each("digits", digits, spoken)
    yield from (f"digits.{key} is not a digit: write 0 to 9" for key in sorted(table.keys() - set(digits)))
    yield from _shared("digits", table)


def _letters(table: Mapping[str, Any], _: str | None) -> Iterator[str]:
    for key, value in table.items():
        if key not in _ALPHABET or not _is_word(value):
            yield f'letters.{key} must be one of a to z with what to say for it, as in y = "ypsilon"'
    yield from _shared("letters", table)


def _spelling(table: Mapping[str, Any], _: str | None) -> Iterator[str]:
    yield from _each("spelling", ascii_lowercase, table)
    yield from (f"spelling.{key} is not a letter: write a to z" for key in sorted(table.keys() - _ALPHABET))
    yield from _shared("spelling", table)


def _each(name: str, keys: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Say in one line for which keys there is no word."""
    if missing := [key for key in keys if not _is_word(table.get(key))]:
        yield f'{name} must hold a word for {", ".join(missing)}, as in {missing[0]} = "…"'


def _voices(table: Mapping[str, Any], tag: str | None) -> Iterator[str]:
    if not table:
        yield 'voices must name a voice for at least one engine, as in [voices.espeak] pt = "pt"'
    for engine, voices in table.items():
        if not isinstance(voices, Mapping) or not all(is_tag(one) and _is_text(name) for one, name in voices.items()):
            yield f'voices.{engine} must be lines of a language tag and a voice, as in pt-BR = "pt-br"'
        elif tag is not None and lookup(tag, voices) is None:
            yield f'voices.{engine} must have a line for the language itself, as in {tag} = "…"'


def _shared(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Two that are called the same can't be told apart by ear."""
    by_word: dict[str, str] = {}
    for key, word in table.items():
        if _is_word(word) and (first := by_word.setdefault(word.strip().casefold(), key)) != key:
            yield f"{name}.{first} and {name}.{key} must have different words"


def _is_numeral(value: Any, digit: str) -> bool:
    return isinstance(value, str) and len(value) == 1 and value.isdecimal() and str(int(value)) == digit


def _is_word(value: Any) -> bool:
    return _is_text(value) and any(map(str.isalpha, value)) and not any(map(str.isdigit, value))


def _is_text(value: Any) -> bool:
    """Is it one line that can be seen? Marks that part letters or join them, as Persian has, can't, and are right."""
    return (
        isinstance(value, str)
        and 0 < len(value.strip()) <= LONGEST
        and all(one.isprintable() or one in "\u200c\u200d\u00a0\u202f" for one in value)
    )
