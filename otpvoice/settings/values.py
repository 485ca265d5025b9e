"""How one setting is written: text or TOML in, a value out, or ``ValueError`` with the rule as the end of a sentence.

Each function sees one value. No message repeats it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from otpvoice.core.e164 import LONGEST_EXTENSION
from otpvoice.core.locale import is_tag
from otpvoice.dialects.destinations import REGIONS

WEAK_PASSWORDS: Final = frozenset({"", "asterisk", "ari", "otpvoice"})
"""Those of samples and defaults, this project's own included."""
SHORTEST_PASSWORD: Final = 16

_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_DESTINATION: Final = re.compile(rf"\+[1-9][0-9]{{0,14}}|{'|'.join(sorted(REGIONS))}", re.ASCII)
_CALLER_ID: Final = re.compile(r"\+[1-9][0-9]{5,14}|[0-9]{2,15}", re.ASCII)
# technology/resource. Nothing that Asterisk reads as a second destination (&), an option (,) or an expression ($).
_DIAL: Final = re.compile(r"([A-Za-z][A-Za-z0-9_]*)/[A-Za-z0-9_./:@;=+~*#!?%\[\]{}-]+", re.ASCII)
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_WHOLE_NUMBERS: Final = (
    "442079460123",
    "00442079460123",
    "011442079460123",
    "02079460123",
    "2025550123",
    "18768880000",
    "9011441234567",
)


class Legs(NamedTuple):
    """Media legs of one Asterisk node: kept ready, and at most."""

    minimum: int
    maximum: int


def text(value: Any) -> str:
    """Any text on one line."""
    if not isinstance(value, str) or not value.isprintable() or not value.strip():
        raise ValueError("must be a text on one line")
    return value


def flag(value: Any) -> bool:
    """A switch."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("must be 1 or 0")
    return word in _TRUE


@dataclass(frozen=True, slots=True)
class Within:
    """A number within these bounds, both included; ``unit`` is for whoever reads of it."""

    low: float
    high: float
    unit: str = ""

    def __call__(self, value: Any) -> float:
        rule = f"must be a number from {self.low:g} to {self.high:g}"
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(rule)
        try:
            parsed = float(value)
        except ValueError:
            raise ValueError(rule) from None
        if not self.low <= parsed <= self.high:  # NaN is not either
            raise ValueError(rule)
        return parsed


@dataclass(frozen=True, slots=True)
class WholeWithin:
    """A whole number within these bounds, both included."""

    low: int
    high: int

    def __call__(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise ValueError(f"must be a whole number from {self.low} to {self.high}")
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """The same, and a variable may hold it; ``unit`` is for whoever reads of it."""

    low: int
    high: int
    unit: str = ""

    def __call__(self, value: Any) -> int:
        written = isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip(), re.ASCII)
        return WholeWithin(self.low, self.high)(int(value) if written else value)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these words."""

    words: tuple[str, ...]

    def __call__(self, value: Any) -> str:
        if value not in self.words:
            raise ValueError(f"must be {' or '.join(self.words)}")
        return str(value)


def words(value: Any) -> tuple[str, ...]:
    """A list: in a variable separated by blanks or commas."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ValueError("must be a list of texts")


def all_of(pattern: re.Pattern[str], rule: str) -> Callable[[Any], tuple[str, ...]]:
    """A list of what fits a pattern, each once."""

    def parse(value: Any) -> tuple[str, ...]:
        items = words(value)
        if not all(map(pattern.fullmatch, items)):
            raise ValueError(rule)
        return tuple(dict.fromkeys(items))

    return parse


prefixes: Final = all_of(
    _DESTINATION, "must be prefixes of E.164 numbers, each with its plus, or regions by ISO 3166, as in GB"
)
caller_ids: Final = all_of(
    _CALLER_ID, "must be numbers of 2 to 15 digits, in E.164 with plus where they are outside ones"
)
names: Final = all_of(_NAME, "must be names of letters, digits, dots, hyphens and underscores")


def name(value: Any) -> str:
    """A word that may stand in an ARI application, a key of Redis or a path."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or digit")
    return value


def instance(value: Any) -> str:
    """The name of this process among its kind."""
    parsed = name(value)
    if "-leg-" in f"{parsed}-":
        # Legs are otpvoice-<instance>-leg-<n>, and known by what that begins with: "a-leg" would pass for one of "a".
        raise ValueError("must not hold -leg")
    return parsed


def legs(value: Any) -> Legs:
    """min:max."""
    found = re.fullmatch(r"([0-9]{1,4}):([0-9]{1,4})", str(value), re.ASCII)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise ValueError("must be min:max, from 1 to 9999, the maximum not less than the minimum")
    return Legs(int(found[1]), int(found[2]))


def dial(value: Any, *, dialplan: bool) -> str:
    """A dial string with a place for the number. ``dialplan``: may it lead into one (``Local/…``)?"""
    found = _DIAL.fullmatch(value) if isinstance(value, str) and len(value) <= 200 else None
    if not found:
        raise ValueError("must be a dial string, technology/resource, without blanks, commas, & or $")
    placeholders = _PLACEHOLDER.findall(value)
    if (
        not placeholders
        or not {"number", "e164"}.issuperset(placeholders)
        or re.search(r"[{}]", _PLACEHOLDER.sub("", value))
    ):
        raise ValueError("must hold {number} (E.164 without plus) or {e164} (with plus), and no other braces")
    if found[1].lower() == "local" and not dialplan:
        raise ValueError("must not be Local/…, which runs dialplan for whatever number is asked for")
    return str(value)


def local_numbers(value: Any) -> re.Pattern[str]:
    """A pattern of extensions, to be matched whole. Samples tell what it is; ``core.e164`` holds for what it allows."""
    try:
        pattern = re.compile(text(value), re.ASCII)
    except (re.error, RecursionError, OverflowError):
        raise ValueError("must be a regular expression") from None
    if any(map(pattern.fullmatch, _WHOLE_NUMBERS)):
        raise ValueError(
            f"must match extensions of up to {LONGEST_EXTENSION} digits: whole telephone numbers would get past the"
            " lists of destinations"
        )
    return pattern


def folder(value: Any) -> Path:
    """A folder whose files can be read."""
    rule = "must be a folder that can be read"
    try:
        path = Path(text(value))
        if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
            raise ValueError
    except (ValueError, OSError):
        raise ValueError(rule) from None
    return path.absolute()


def language(value: Any) -> str:
    """A BCP 47 tag."""
    if not isinstance(value, str) or len(value) > 35 or not is_tag(value):
        raise ValueError("must be a BCP 47 language tag")
    return value
