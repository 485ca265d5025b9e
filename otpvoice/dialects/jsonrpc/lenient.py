"""Read an object as whoever sent it will have meant it: null as absent, numbers as texts, texts as numbers.

What is not asked for is passed over. What has no meaning is refused with its JSONPath, and never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from otpvoice.dialects.complaints import complaints
from otpvoice.dialects.context import Context
from otpvoice.dialects.problems import Problem, json_path

T = TypeVar("T")

_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


class Wrong(Exception):
    """A value that has no meaning."""

    def __init__(self, path: str, code: str, message: str) -> None:
        super().__init__(f"{path} {message}")
        self.problem: Final = Problem(path=path, code=code, message=message)


@dataclass(frozen=True, slots=True)
class Given:
    """An object of a document, and where it lies there."""

    values: Mapping[str, Any] = field(repr=False)  # texts and keys are in it
    steps: tuple[str | int, ...] = ()

    def path(self, name: str) -> str:
        """Return where a value lies."""
        return json_path((*self.steps, name))

    def text(self, name: str) -> str | None:
        """Return a text, or a number as it would be written. Raises ``Wrong``."""
        match self.values.get(name):
            case None:
                return None
            case str(text):
                return text
            case bool():
                raise Wrong(self.path(name), "type", "must be a string")
            case int(number):
                return str(number)
            case float(number) if number.is_integer():
                return str(int(number))
        raise Wrong(self.path(name), "type", "must be a string")

    def number(self, name: str) -> float | None:
        """Return a number from 0 on, or the text that says one; None: there is none, or an empty text.

        Raises ``Wrong``.
        """
        match self.values.get(name):
            case None:
                return None
            case bool():
                pass
            case int(number) | float(number) if 0 <= number < 1e9:
                return float(number)
            case str(text) if not text.strip():
                return None
            case str(text) if _NUMBER.fullmatch(text.strip()):
                return float(text)
        raise Wrong(self.path(name), "format", "must be a number from 0 on, as in 5 or 0.5")

    def whole(self, name: str) -> int | None:
        """Return a whole number as ``number`` does. Raises ``Wrong``."""
        number = self.number(name)
        if number is None:
            return None
        if not number.is_integer():
            raise Wrong(self.path(name), "format", "must be a whole number")
        return int(number)

    def inner(self, name: str) -> Given | None:
        """Return an object within; None: there is none. Raises ``Wrong``."""
        match self.values.get(name):
            case None:
                return None
            case dict(values):
                return Given(values, (*self.steps, name))
        raise Wrong(self.path(name), "type", "must be an object")


def checked(rule: TypeAdapter[T], value: str, path: str, context: Context) -> T:
    """Return a value as one of our own rules has it. Raises ``Wrong`` with that rule."""
    try:
        return rule.validate_python(value, context=context)
    except ValidationError as error:
        found = next(complaints(error))
        raise Wrong(path, found.code, found.message) from None
