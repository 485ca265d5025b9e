"""pydantic's findings in our words: a JSONPath, a stable code, and a sentence that repeats no value.

pydantic's own messages are not passed on: some quote what was given, and they change with its versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from otpvoice.dialects.problems import Problem, json_path

HIDDEN: Final = "|"
"""What the tags of unions that are no part of the document begin with."""

_UNIONS: Final = frozenset({"auth"})
"""Fields that hold one of several models; pydantic puts its tag behind them."""
_NAME: Final = re.compile(r"[A-Za-z_]{1,40}|X-[A-Za-z0-9-]{1,60}", re.ASCII)

# pydantic's error type → our code, and the sentence; the names in braces are limits of the model.
_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("required", "is required"),
    "extra_forbidden": ("unknown_field", "is not a field here"),
    "string_type": ("type", "must be a string"),
    "int_type": ("type", "must be an integer"),
    "float_type": ("type", "must be a number"),
    "bool_type": ("type", "must be true or false"),
    "list_type": ("type", "must be a list"),
    "dict_type": ("type", "must be an object"),
    "model_type": ("type", "must be an object"),
    "model_attributes_type": ("type", "must be an object"),
    "literal_error": ("choice", "must be {expected}"),
    "greater_than_equal": ("range", "must be at least {ge}"),
    "less_than_equal": ("range", "must be at most {le}"),
    "string_too_short": ("length", "must have at least {min_length} characters"),
    "string_too_long": ("length", "must have at most {max_length} characters"),
    "too_short": ("length", "must have at least {min_length} entries"),
    "too_long": ("length", "must have at most {max_length} entries"),
    "union_tag_not_found": ("required", "is required"),
    "union_tag_invalid": ("choice", "must be one of {expected_tags}"),
}


def complaint(code: str, message: str, field: str | None = None) -> PydanticCustomError:
    """Return what a validator raises. ``field``: the one inside the validated object that is to blame."""
    # As a parameter, not as the template: braces in it would be read as placeholders.
    return PydanticCustomError(f"own:{code}", "{message}", {"message": message, "field": field})


def complaints(error: ValidationError) -> Iterator[Problem]:
    """Return all that a validation found."""
    for finding in error.errors(include_url=False, include_input=False):
        yield _problem(finding)


def _problem(finding: ErrorDetails) -> Problem:
    kind, limits = finding["type"], finding.get("ctx", {})
    whole = _path(finding["loc"], kind)
    path = tuple(takewhile(presentable, whole))
    if kind.startswith("own:"):
        field = limits["field"]
        return Problem(json_path((*path, field) if field else path), kind.removeprefix("own:"), limits["message"])
    code, sentence = _SENTENCES.get(kind, ("invalid", "is not valid"))
    if kind.startswith("union_tag"):
        path = (*path, "type")
    elif limits.get("min_length") == 1:
        sentence = "must not be empty"
    elif kind == "extra_forbidden" and path != whole:
        sentence = "has a field that is not known"
    return Problem(json_path(path), code, sentence.format_map(_Limits(limits)))


class _Limits(dict[str, Any]):
    """Limits as they are written: 60, not 60.0."""

    def __getitem__(self, name: str) -> Any:
        limit = super().__getitem__(name)
        return f"{limit:g}" if isinstance(limit, float) else limit


def _path(loc: tuple[int | str, ...], kind: str) -> tuple[int | str, ...]:
    """Return the place in the document: what pydantic adds for its unions and mapping keys is no part of it."""
    path: list[int | str] = []
    tagged = False
    for step in loc:
        if step == "[key]" and kind != "extra_forbidden":  # a field may be called so, too
            del path[-1:]
        elif tagged or str(step).startswith(HIDDEN):
            tagged = False
        else:
            path.append(step)
            tagged = isinstance(step, int) or step in _UNIONS  # every list here holds a union, whose tag comes next
    return tuple(path)


def presentable(name: int | str) -> bool:
    """Is it what a field or a header might be called? Anything else is there by mistake, and could be a code."""
    return isinstance(name, int) or _NAME.fullmatch(name) is not None
