"""What is wrong with a request, said so that its sender can mend it.

A complaint names the spot and the rule, and never repeats the value: it could be a code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """What kind of wrong a whole request is."""

    NOT_JSON = "invalid_json"
    INVALID = "invalid_request"
    DESTINATION_NOT_ALLOWED = "destination_not_allowed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint: where (JSONPath), which rule (``code``, stable), and a sentence for people."""

    path: str
    code: str
    message: str


class ProblemFound(Exception):
    """The request can't be taken. ``problems`` are all that was found, in the order of the document."""

    def __init__(self, fault: Fault, problems: Iterable[Problem]) -> None:
        self.fault: Final = fault
        self.problems: Final = tuple(problems)
        super().__init__(f"{fault.value}: " + "; ".join(f"{one.path} {one.message}" for one in self.problems))


def json_path(steps: Sequence[str | int]) -> str:
    """Return steps as JSONPath (RFC 9535): ``$.actions[0].max_digits``, ``$.sip_headers['X-Id']``."""
    return "$" + "".join(_step(step) for step in steps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() and step.isascii() else f"['{step}']"
