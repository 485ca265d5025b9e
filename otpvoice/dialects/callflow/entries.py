"""A callflow's entries, each read by itself and judged by where it stands.

Every document that holds a callflow comes by here: a request, an answer, a scenario's file. Which trunk carries it,
whom it may ring and who can speak is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic import ValidationError

from otpvoice.dialects.callflow import params
from otpvoice.dialects.callflow.wrongs import MISSING, found_in
from otpvoice.dialects.context import Context
from otpvoice.dialects.problems import Problem, json_path

MOST_ACTIONS: Final = 50
MOST_CALLS: Final = 2
"""In a session: "Currently we do not support call conferencing"."""

Params: TypeAlias = (
    params.MakeCall | params.Say | params.PlayFile | params.SayAndCapture | params.Scenario | params.Hangup
)

_MODELS: Final[Mapping[str, type[Params]]] = {
    "makeCall": params.MakeCall,
    "say": params.Say,
    "playFile": params.PlayFile,
    "sayAndCapture": params.SayAndCapture,
    "hangup": params.Hangup,
    "scenario": params.Scenario,
    # As -1007 spells it, and as the former API did.
    "sayAndcapture": params.SayAndCapture,
    "say&capture": params.SayAndCapture,
}
_NEED_PARAMS: Final = (params.MakeCall, params.Say, params.PlayFile, params.SayAndCapture)


@dataclass(frozen=True, slots=True)
class Entry:
    """One action, and its place in the callflow, from 0."""

    place: int
    params: Params

    def path(self, field: str | None = None) -> str:
        """Return its JSONPath, or that of one of its params."""
        return json_path(("callflow", self.place) if field is None else ("callflow", self.place, "params", field))


@dataclass(frozen=True, slots=True)
class Callflow:
    """What could be read, and all that is wrong. With problems of the form the entries are not all there."""

    entries: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()

    def of(self, *kinds: type[Params]) -> tuple[Entry, ...]:
        """Return the entries of these kinds."""
        return tuple(one for one in self.entries if isinstance(one.params, kinds))


def without_nulls(value: Any) -> Any:
    """Return a document without the fields that are null: 8x8's are "nullable", which means as good as absent."""
    match value:
        case dict():
            return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
        case list():
            return [without_nulls(inner) for inner in value]
        case _:
            return value


def read_callflow(listed: Sequence[Any], context: Context, *, answers: bool = False) -> Callflow:
    """Return the entries of a callflow, from which nulls were taken.

    ``answers``: the call is there already, so that nobody has to be called first, and one may be.
    """
    if len(listed) > MOST_ACTIONS:
        return Callflow(problems=(Problem("$.callflow", "count", f"must have at most {MOST_ACTIONS} actions"),))
    kinds: list[type[Params]] = []
    entries: list[Entry] = []
    problems: list[Problem] = []
    for place, item in enumerate(listed):
        match _kind(place, item):
            case Problem() as problem:
                problems.append(problem)
            case kind:
                kinds.append(kind)
                try:
                    entries.append(Entry(place, _params(item, kind, context)))
                except ValidationError as error:
                    problems += found_in(error, "callflow", place, "params")
                except _NoParams:
                    problems.append(Problem(json_path(("callflow", place, "params")), "required", MISSING))
    if len(kinds) == len(listed):
        problems += _misplaced(kinds, answers=answers)
    return Callflow(tuple(entries), tuple(problems))


class _NoParams(Exception):
    """An action that can't do without them has none."""


def _kind(place: int, item: Any) -> type[Params] | Problem:
    """Return the model of an entry's params, or why there is none."""
    path = json_path(("callflow", place))
    if not isinstance(item, dict):
        return Problem(path, "type", "must be an object")
    action = item.get("action")
    if action is None:
        return Problem(f"{path}.action", "required", MISSING)
    if not isinstance(action, str):
        return Problem(f"{path}.action", "type", "must be a string")
    return _MODELS.get(action) or Problem(f"{path}.action", "action", "must be an action that there is")


def _params(item: Mapping[str, Any], kind: type[Params], context: Context) -> Params:
    if kind in _NEED_PARAMS and "params" not in item:
        raise _NoParams
    read: Params = kind.model_validate({} if kind is params.Hangup else item.get("params", {}), context=context)
    return read


def _misplaced(kinds: Sequence[type[Params]], *, answers: bool) -> Iterator[Problem]:
    """Say what does not stand where it may, or is there too often."""
    if params.Scenario in kinds:
        if len(kinds) > 1:
            path = json_path(("callflow", kinds.index(params.Scenario)))
            yield Problem(path, "scenario_with_others", "must be the only action")
        return
    calls = [place for place, kind in enumerate(kinds) if kind is params.MakeCall]
    most = MOST_CALLS - 1 if answers else MOST_CALLS
    if len(calls) > most:
        yield Problem(json_path(("callflow", calls[most])), "count", "calls more people than there may be in a session")
    if not answers and kinds[:1] != [params.MakeCall]:
        yield Problem("$.callflow[0]", "first", "must be a makeCall")
    for place, kind in enumerate(kinds):
        if kind is not params.Hangup:
            continue
        if place + 1 < len(kinds):
            yield Problem(json_path(("callflow", place)), "hangup", "must be the last action")
        elif params.SayAndCapture in kinds:
            # Nobody would be told what was keyed.
            yield Problem(json_path(("callflow", place)), "hangup", "must not follow a sayAndCapture")
