"""Scenarios: callflows that the administrator has prepared, asked for by name, their placeholders filled in.

``{"subAccounts"?: [ids], "callflow": [...]}``. Where a string in ``params`` has ``{{name}}``, the value of that name
goes, as text, and never as anything else: what a value holds is neither a placeholder nor JSON. 8x8 has the action and
does not publish what it may hold, so the file is ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from otpvoice.dialects.callflow import codes, params
from otpvoice.dialects.callflow.entries import Callflow, read_callflow, without_nulls
from otpvoice.dialects.callflow.wrongs import Refused
from otpvoice.dialects.context import Context
from otpvoice.dialects.problems import Problem, ProblemFound, json_path
from otpvoice.dialects.reader import read_object

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_PLACEHOLDER: Final = re.compile(r"\{\{ *([A-Za-z0-9_]{1,64}) *\}\}", re.ASCII)
_BRACES: Final = re.compile(r"\{\{|\}\}")
LONGEST_VALUE: Final = 3000
"""Characters: nothing longer may be spoken, and a file may name a value many times."""
_NO_TEXT: Final = frozenset(
    {
        "repetition",
        "speed",
        "minDigits",
        "maxDigits",
        "digitTimeout",
        "overallTimeout",
        "noOfTries",
        "completeOnHash",
        "callRecording",
    }
)
"""Fields in which a placeholder that stands alone is a number or a truth value, as it was given."""
_OF_SEVERAL_FIELDS: Final = frozenset({"most_digits", "endless", "overall_timeout", "digit_timeout", "voice"})
"""Rules among the params of an action: it is enough that one of them was filled in."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario with its values. ``filled``: the JSONPaths in its file where some went.

    ``problems``: of values that are not there.
    """

    name: str
    callflow: Callflow
    filled: frozenset[str]
    problems: tuple[Problem, ...]

    def broken(self, problems: Iterable[Problem]) -> str | None:
        """Return what of these problems is the file's own fault, as a sentence; None: the values are to blame."""
        own = [one for one in problems if not self._by_value(one)]
        return _sentence(self.name, own) if own else None

    def _by_value(self, problem: Problem) -> bool:
        if problem.path in self.filled:
            return True
        action, inside, _ = problem.path.partition(".params.")
        return problem.code in _OF_SEVERAL_FIELDS and any(one.startswith(action + inside) for one in self.filled)


def prepared(asked: params.Scenario, context: Context, *, answers: bool = False) -> Prepared:
    """Return the scenario that was asked for, as the account may have it.

    Raises ``Refused``: no name, no such scenario, or one whose file is broken.
    """
    name = asked.scenario_name
    if name is None or (isinstance(name, str) and not name.strip()):
        raise Refused(codes.NO_SCENARIO_NAME)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refused(codes.UNKNOWN_SCENARIO)
    text = context.defaults.scenarios(name)
    if text is None:
        raise Refused(codes.UNKNOWN_SCENARIO)
    try:
        listed, accounts = _opened(text)
    except ProblemFound as found:
        raise Refused(codes.UNKNOWN_SCENARIO, broken=_sentence(name, found.problems)) from None
    except ValueError as error:
        raise Refused(codes.UNKNOWN_SCENARIO, broken=f"scenario {name}: {error}") from None
    if accounts is not None and context.defaults.account not in accounts:
        raise Refused(codes.UNKNOWN_SCENARIO)
    filling = _Filling(asked.model_extra or {})
    try:
        listed = filling.callflow(listed)
    except ValueError as error:
        raise Refused(codes.UNKNOWN_SCENARIO, broken=f"scenario {name}: {error}") from None
    callflow = read_callflow(listed, context, answers=answers)
    if callflow.of(params.Scenario):
        raise Refused(codes.UNKNOWN_SCENARIO, broken=f"scenario {name}: must not ask for another scenario")
    return Prepared(name, callflow, frozenset(filling.filled), tuple(filling.problems))


def _opened(text: bytes) -> tuple[Sequence[Any], Sequence[Any] | None]:
    """Return the callflow of a file, and the accounts that it is for. Raises ``ProblemFound``, ``ValueError``."""
    document = without_nulls(read_object(text))
    accounts, listed = document.pop("subAccounts", None), document.pop("callflow", None)
    if document:
        # Misspelt, subAccounts would let everybody in.
        raise ValueError("has a field that is not known: there are subAccounts and callflow")
    if accounts is not None and not (isinstance(accounts, list) and all(isinstance(one, str) for one in accounts)):
        raise ValueError("$.subAccounts: must be a list of strings")
    if not isinstance(listed, list) or not listed:
        raise ValueError("$.callflow: must be a list of actions")
    return listed, accounts


class _Filling:
    """Puts values in their places, and remembers where."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.filled: set[str] = set()
        self.problems: list[Problem] = []
        self._values = values

    def callflow(self, listed: Sequence[Any]) -> list[Any]:
        """Return the actions with their params filled in; which actions they are is for the file alone to say.

        Raises ``ValueError`` for what was meant to be a placeholder, and is none.
        """
        return [self._action(place, item) for place, item in enumerate(listed)]

    def _action(self, place: int, item: Any) -> Any:
        if not isinstance(item, dict) or "params" not in item:
            return item
        return item | {"params": self._value(item["params"], ("callflow", place, "params"))}

    def _value(self, value: Any, path: tuple[str | int, ...]) -> Any:
        match value:
            case dict():
                return {name: self._value(inner, (*path, name)) for name, inner in value.items()}
            case list():
                return [self._value(inner, (*path, index)) for index, inner in enumerate(value)]
            case str():
                return self._text(value, path)
            case _:
                return value

    def _text(self, text: str, path: tuple[str | int, ...]) -> Any:
        where, names = json_path(path), _PLACEHOLDER.findall(text)
        if _BRACES.search(_PLACEHOLDER.sub("", text)):
            raise ValueError(f"{where}: has braces that are no placeholder, as in {{{{name}}}}")
        if not names:
            return text
        self.filled.add(where)
        for name in names:
            if not _fits(self._values.get(name)):
                self.problems.append(Problem(where, "placeholder", "has a placeholder that nothing was given for"))
                return text
        if path[-1] in _NO_TEXT and _PLACEHOLDER.fullmatch(text):
            return self._values[names[0]]
        # In one pass: a value that looks like a placeholder is spoken as it stands.
        return _PLACEHOLDER.sub(lambda found: _as_text(self._values[found[1]]), text)


def _fits(value: object) -> bool:
    return len(value) <= LONGEST_VALUE if isinstance(value, str) else isinstance(value, int | float)


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _sentence(name: str, problems: Iterable[Problem]) -> str:
    return f"scenario {name}: " + "; ".join(f"{one.path}: {one.message}" for one in problems)
