"""Read a request's body as JSON that means the same to everybody (I-JSON, RFC 7493).

It repairs nothing: a name given twice, a number that no double holds or half of a surrogate pair is refused here, so
that nothing behind it has to think of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from otpvoice.dialects.problems import Fault, Problem, ProblemFound, json_path

LARGEST: Final = 65_536
"""Bytes of a body."""
DEEPEST: Final = 32
"""Levels of nesting."""
_MARK: Final = b"\xef\xbb\xbf"

# How json's messages begin, which change with its versions and quote what was sent → what we say.
_FOUND: Final[Mapping[str, str]] = {
    "Unexpected UTF-8 BOM": "it begins with a byte order mark",
    "Expecting value": "a value is missing",
    "Expecting property name": "a name in double quotes is missing",
    "Expecting ':'": "a colon is missing",
    "Expecting ','": "a comma or the closing bracket is missing",
    "Illegal trailing comma": "a comma has nothing behind it",
    "Extra data": "something follows the end",
    "Unterminated string": "a string is not closed",
    "Invalid control character": "a control character is in a string",
    "Invalid \\u": "a backslash and u want four hexadecimal digits",
    "Invalid \\": "a backslash goes with what it can't escape",
}


class _Refused(ValueError):
    """Its message may be shown."""


def without_mark(body: bytes) -> bytes:
    """Return a body without the byte order mark that some frameworks begin with (RFC 8259, section 8.1)."""
    return body.removeprefix(_MARK)


def read_object(body: bytes) -> dict[str, Any]:
    """Return the object in a body. Raises ``ProblemFound`` with ``Fault.NOT_JSON``."""
    document = _read(body)
    if not isinstance(document, dict):
        raise _not_json("must be an object")
    _check_fit(document)
    return document


def read_value(body: bytes) -> Any:
    """Return what is in a body, whatever it is. Raises as ``read_object``."""
    value = _read(body)
    _check_fit(value)
    return value


def _read(body: bytes) -> Any:
    if len(body) > LARGEST:
        raise _not_json(f"is longer than {LARGEST} bytes")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _not_json("is not UTF-8") from None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        # `from None` here and below: the decoder's exception holds the whole text.
        found = next((ours for theirs, ours in _FOUND.items() if error.msg.startswith(theirs)), "it can't be read")
        raise _not_json(f"is not JSON: line {error.lineno}, column {error.colno}: {found}") from None
    except _Refused as refused:
        raise _not_json(str(refused)) from None
    except (ValueError, RecursionError):  # an integer of thousands of digits; thousands of brackets
        raise _not_json("holds a number that is too long, or is nested too deeply") from None


def _check_fit(value: Any) -> None:
    for complaint in _unfit(value, 1):
        raise _not_json(complaint)


def nulls(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return where there is ``null``, in the order of the document."""
    match value:
        case None:
            yield path
        case dict():
            for name, inner in value.items():
                yield from nulls(inner, (*path, name))
        case list():
            for index, inner in enumerate(value):
                yield from nulls(inner, (*path, index))


def _not_json(message: str) -> ProblemFound:
    return ProblemFound(Fault.NOT_JSON, [Problem(json_path(()), Fault.NOT_JSON.value, message)])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        # RFC 7493 section 2.3. Which of two codes would have been read?
        raise _Refused("gives a name twice in one object")
    return document


def _constant(_: str) -> NoReturn:
    raise _Refused("is not JSON: NaN and Infinity are no numbers")


def _unfit(value: Any, depth: int) -> Iterator[str]:
    """Say what of a document could not be stored or answered as JSON again."""
    match value:
        case dict() | list() if depth > DEEPEST:
            yield f"is nested more than {DEEPEST} levels deep"
        case dict():
            for name, inner in value.items():
                yield from _unfit(name, depth)
                yield from _unfit(inner, depth + 1)
        case list():
            for inner in value:
                yield from _unfit(inner, depth + 1)
        case str() if any("\ud800" <= character <= "\udfff" for character in value):
            yield "holds half of a surrogate pair"
        case float() if not math.isfinite(value):
            yield "holds a number that is too large"
        case int() if not -(2**63) <= value < 2**63:
            yield "holds an integer of more than 64 bits"
