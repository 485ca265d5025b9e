"""What is wrong with a callflow: from all that was found to the one code that the document has room for.

A problem is a JSONPath, a word, and a sentence that repeats no value; which code a word has is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from otpvoice.dialects.callflow import codes
from otpvoice.dialects.complaints import complaints
from otpvoice.dialects.problems import Problem, json_path

_CODES: Final[Mapping[str, int]] = {
    "invalid_json": codes.NOT_JSON,
    "action": codes.UNKNOWN_ACTION,
    "scenario_with_others": codes.SCENARIO_NOT_ALONE,
    "scenario_name": codes.NO_SCENARIO_NAME,
    "scenario": codes.UNKNOWN_SCENARIO,
    "count": codes.TOO_MANY_ACTIONS,
    "first": codes.NO_CALL_FIRST,
    "hangup": codes.HANGUP_MISUSED,
    "destinations": codes.SEVERAL_DESTINATIONS,
    "destination": codes.INVALID_DESTINATION,
    "caller_id_not_allowed": codes.SOURCE_NOT_ALLOWED,
    "special_characters": codes.UNSPEAKABLE_CHARACTERS,
    "voice": codes.UNKNOWN_VOICE,
    "most_digits": codes.NO_MOST_DIGITS,
    "endless": codes.ENDLESS,
    "overall_timeout": codes.NO_OVERALL_TIMEOUT,
    "digit_timeout": codes.DIGIT_TIMEOUT_TOO_LONG,
    "nobody_to_tell": codes.NOBODY_TO_TELL,
    "expired": codes.EXPIRED,
}
"""All other words are of ``INVALID_ENTRY``."""

# What can't be read at all, the form, what stands where; then one rule is as good as another, in the order found.
_FIRST: Final = (
    codes.NOT_JSON,
    codes.UNKNOWN_ACTION,
    codes.INVALID_ENTRY,
    codes.SCENARIO_NOT_ALONE,
    codes.NO_SCENARIO_NAME,
    codes.UNKNOWN_SCENARIO,
    codes.TOO_MANY_ACTIONS,
    codes.NO_CALL_FIRST,
    codes.HANGUP_MISUSED,
)

MISSING: Final = "is missing but it is required"
"""How 8x8 says it."""


class Refused(Exception):
    """A request that is answered with this code, and creates nothing.

    ``status``: of the HTTP answer. ``broken``: what is wrong with the file of the scenario that was asked for, which is
    for the administrator to know and not for who asked; None: nothing is. Neither repeats a value.
    """

    def __init__(self, code: int, message: str | None = None, *, broken: str | None = None) -> None:
        self.code: Final = code
        self.message: Final = codes.MESSAGES[code] if message is None else message
        self.status: Final = codes.http_status(code)
        self.broken: Final = broken
        super().__init__(f"{code}: {self.message}")


def refusal(problems: Iterable[Problem]) -> Refused:
    """Return the answer to a request of which this was found: at least one problem, in any order."""
    found = ranked(problems)
    code = code_of(found[0])
    if code != codes.INVALID_ENTRY:
        return Refused(code)
    said = "; ".join(f"{one.path}: {one.message}" for one in found if code_of(one) == code)
    return Refused(code, f"{codes.MESSAGES[code]} {said}")


def code_of(problem: Problem) -> int:
    """Return the code of a problem."""
    return _CODES.get(problem.code, codes.INVALID_ENTRY)


def ranked(problems: Iterable[Problem]) -> Sequence[Problem]:
    """Return problems as they count: the first is the one that is told where there is room for one."""
    return sorted(problems, key=lambda one: _rank(code_of(one)))


def found_in(error: ValidationError, *place: str | int) -> Iterator[Problem]:
    """Return what a model found, seen from the document that has its object at this place."""
    outer = json_path(place)
    for one in complaints(error):
        # A field that is not there is told by the name that it has with us.
        path = outer + "".join(f".{to_camel(step)}" for step in one.path.split(".")[1:])
        yield replace(one, path=path, message=MISSING if one.code == "required" else one.message)


def _rank(code: int) -> int:
    return _FIRST.index(code) if code in _FIRST else len(_FIRST)
