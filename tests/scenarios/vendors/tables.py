"""Tables of fields as vendors' pages have them, and what a document that came has against its table.

A table knows names, types and what may be absent; what a value means is for the story to look at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

Kind: TypeAlias = Callable[[Any], object]
"""Says whether a value is of a kind; also by raising ``ValueError`` or ``TypeError``."""


@dataclass(frozen=True, slots=True)
class Optional:
    """A field that may be absent."""

    kind: Kind | Mapping[str, Any]


def faults(document: Any, table: Mapping[str, Any], at: str = "$") -> Iterator[str]:
    """Yield what is wrong with a document: what is missing, what is unknown, and what has another type."""
    if not isinstance(document, dict):
        yield f"{at} is no object"
        return
    yield from (f"{at}.{name} is unknown" for name in document.keys() - table.keys())
    for name, kind in table.items():
        if name not in document:
            if not isinstance(kind, Optional):
                yield f"{at}.{name} is missing"
            continue
        wanted = kind.kind if isinstance(kind, Optional) else kind
        if isinstance(wanted, Mapping):
            yield from faults(document[name], wanted, f"{at}.{name}")
        elif not _is(document[name], wanted):
            yield f"{at}.{name} is {document[name]!r}"


def _is(value: Any, kind: Kind) -> bool:
    try:
        return bool(kind(value))
    except (TypeError, ValueError):
        return False


def one_of(*values: Any) -> Kind:
    """Any of these, and nothing else."""
    return lambda value: value in values


def text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def uuid(value: Any) -> bool:
    return bool(str(UUID(value)) == value)


def msisdn(value: Any) -> bool:
    """E.164 with plus."""
    return re.fullmatch(r"\+[1-9]\d{6,14}", value) is not None


def extension(value: Any) -> bool:
    """What was dialled where that is no number of the public network."""
    return re.fullmatch(r"\d{1,9}", value) is not None


def country(value: Any) -> bool:
    """ISO 3166-1 alpha-2."""
    return re.fullmatch("[A-Z]{2}", value) is not None


def seconds_utc(value: Any) -> bool:
    """ISO 8601 to the second."""
    return bool(datetime.strptime(value, "%Y-%m-%dT%H:%M:%S%z")) and str(value).endswith("Z")


def milliseconds_utc(value: Any) -> bool:
    """ISO 8601 to the millisecond."""
    return re.fullmatch(r".*\.\d{3}Z", value) is not None and seconds_utc(f"{value[:-5]}Z")


def milliseconds_bare(value: Any) -> bool:
    """The same, without a zone."""
    return milliseconds_utc(value + "Z")


def nullable(kind: Kind) -> Kind:
    return lambda value: value is None or bool(kind(value))
