"""The dialplan's spelling: the arguments of ``Stasis(otpvoice,key=value,…)``, and their translation into a call plan.

It unquotes nothing. Asterisk has separated the arguments and taken quotes and backslashes away by then
(``apps/app_stasis.c``: AST_STANDARD_APP_ARGS; ``main/app.c``: __ast_app_separate_args), so the first ``=`` is all that
there is to find. It reads no variables either: it says which ones are wanted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import Field, ValidationError

from otpvoice.core.actions import Action as CoreAction
from otpvoice.core.actions import Stream
from otpvoice.core.foreign import one_line
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.dialects import fields
from otpvoice.dialects.complaints import complaints
from otpvoice.dialects.context import Context
from otpvoice.dialects.durations import LONGEST, longest
from otpvoice.dialects.models import Model
from otpvoice.dialects.native_actions import Action, to_core
from otpvoice.dialects.numbers import refused_destinations
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.problems import Problem
from otpvoice.dialects.speakable import unspeakable
from otpvoice.dialects.stasis_keys import ACTS, KEYS, OUR_DOOR, REASONS, Invalid, check_companions, read_value
from otpvoice.dialects.stream_rules import TAPPED
from otpvoice.dialects.voice_names import Casting

__all__ = ["KEYS", "REASONS", "Arguments", "Invalid", "parse_arguments"]

MOST_HEADERS: Final = 10
LONGEST_HEADER: Final = 200
"""Characters of a header's value that are kept."""

_CALL_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
# Nothing that the dialplan would evaluate: no functions, no expressions, no part of another variable.
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}", re.ASCII)
_HEADER: Final = re.compile(r"X-[A-Za-z0-9-]{1,60}", re.ASCII)
_LONGEST_NUMBER: Final = 64

# By type of action, in the order in which they are done: our keys, and the fields that they are there. A value that
# several keys may give (code, code_var) is called by the one that gave it.
_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "stream": {"stream": "url", "format": "format", "mode": "mode", "tracks": "tracks"},
    "play": {"play": "prompt"},
    "say": {"say": "text"},
    "say_code": {"code": "code", "code_var": "code", "brand": "brand"},
    "gather": {
        "gather": "max_digits",
        "min": "min_digits",
        "valid": "valid_digits",
        **{
            name: name
            for name, key in KEYS.items()
            if key.goes_with == ("gather",) and name not in {"min", "valid"}
        },
    },
    "dial": {"dial": "to"},
}  # fmt: skip
_SPOKEN: Final[Mapping[str, tuple[str, ...]]] = {"times": ("say_code", "say", "play"), "speed": ("say_code", "say")}
"""Which action a key belongs to: the first that there is."""


_KEYS_OF_CODE: Final = frozenset({"gate", "replay"})
"""Keys of the dialplan that name a key of the telephone."""
_OF_THE_CALL: Final = ("language", "voice", "webhook")
_PARTIES: Final = {tapped: track for track, tapped in TAPPED.items()}
_ENTRY: Final = re.compile(r"\[[0-9]+\]$", re.ASCII)
"""Of a list: the keys that hold one name it as a whole."""


class _Body(Model):
    """The same models as those of ``POST /v1/calls``, and so the same rules."""

    language: fields.Language | None = None
    voice: fields.VoiceName | None = None
    webhook: fields.WebhookUrl | None = None
    actions: list[Action] = Field(min_length=1, max_length=len(_FIELDS))


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a dialplan asks for, its keys checked; the values are when the plan is made.

    ``call``: the id of a prepared call. ``goes_on``: the channel continues in the dialplan, else it is hung up.
    ``variables``: what has to be read from the channel, as its variables or functions are written. ``door``: another
    than ours makes the plan itself, and ``dressed`` adds what the dialplan says.
    """

    call: str | None
    goes_on: bool
    variables: tuple[str, ...]
    _given: Mapping[str, str] = field(repr=False)  # a code may be in it
    _headers: tuple[str, ...] = ()
    door: str = OUR_DOOR

    @property
    def taps(self) -> bool:
        """Is a stream that listens all that is to be done?

        Then the channel goes on at once, as it came, and the stream lives until it ends. The one action of the plan is
        that stream, its tracks of ``near`` and ``far``.
        """
        return self._given.keys() & set(ACTS) == {"stream"} and self._given.get("mode", "listen") == "listen"

    def plan(
        self,
        number: str | None,
        caller: str | None,
        values: Mapping[str, str | None],
        defaults: CallDefaults,
        now: float,
    ) -> CallPlan:
        """Return the plan. ``number`` was dialled by ``caller``; ``values`` are those of ``variables``.

        Raises ``Invalid`` for the first thing that is wrong, and for a prepared call, which has its plan.
        """
        if self.call is not None or self.door != OUR_DOOR:
            raise Invalid("conflict", "call and door have their plan already")
        trunk = next(iter(defaults.trunks.values()), None)
        if trunk is None:
            raise Invalid("not_allowed", "the account has no trunk")
        document, keys = self._document(values)
        try:
            body = _Body.model_validate(document, context=Context(defaults, now))
        except ValidationError as error:
            raise _invalid(next(complaints(error)), keys) from None
        shown = next(iter(trunk.caller_ids), None)
        asked = Casting(defaults, defaults.language).understood(body.voice, body.language)
        casting = Casting(defaults, asked.language or defaults.language)
        actions = tuple(self._tapping(to_core(action, trunk, shown, casting)) for action in body.actions)
        plan = CallPlan(
            to=one_line(number, _LONGEST_NUMBER),
            caller_id=one_line(caller, _LONGEST_NUMBER),
            trunk=trunk.name,
            language=casting.language,
            actions=actions,
            voice=asked.voice,
            ring_timeout=trunk.ring_timeout,
            max_duration=LONGEST if self.taps else longest(actions),
            lead_in=defaults.lead_in,
            tail=defaults.tail,
            metadata=self.merged({}, values),
            webhook=Webhook(body.webhook) if body.webhook is not None else defaults.webhook,
            shown=shown,
            inbound=True,
            goes_on=self.goes_on,
        )
        for problem in (*unspeakable(plan, defaults), *refused_destinations(plan, defaults)):
            raise _invalid(problem, keys)
        return plan

    def dressed(self, plan: CallPlan, values: Mapping[str, str | None]) -> CallPlan:
        """Return the plan that another door made, with what the dialplan says of it."""
        return replace(plan, goes_on=self.goes_on, metadata=self.merged(plan.metadata, values))

    def merged(self, metadata: Mapping[str, Any], values: Mapping[str, str | None]) -> dict[str, Any]:
        """Return metadata with the headers behind it: those that have a value, each on one line and cut to size.

        What the application said of its call is not for the caller to change, nor to crowd out: a name that is there
        already stays as it is, and a header with which it would be more than ``POST /v1/calls`` takes is left out; the
        next one may fit.
        """
        merged = dict(metadata)
        for name in self._headers:
            line = one_line(values.get(_read(name)), LONGEST_HEADER)
            if line is not None and name not in merged and fields.is_metadata(merged | {name: line}):
                merged[name] = line
        return merged

    def _tapping(self, action: CoreAction) -> CoreAction:
        """Return an action; of a tap with its tracks by the names that they have there, both where none is named."""
        if not self.taps or not isinstance(action, Stream):
            return action
        if not TAPPED.keys() >= set(action.tracks):
            raise Invalid("rule", "tracks must be near, far or both where nothing is done but to listen")
        named = action.tracks if "tracks" in self._given else TAPPED
        return replace(action, tracks=tuple(TAPPED[track] for track in named))

    def _document(self, values: Mapping[str, str | None]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the arguments as a request over HTTP would have them, and by path what each field is called here."""
        given: dict[str, Any] = {key: read_value(key, text) for key, text in self._given.items()}
        if "code_var" in given:
            given["code_var"] = values.get(self._given["code_var"]) or ""
            if not given["code_var"]:
                raise Invalid("no_value", "code_var names a variable that has no value")
        if "tracks" in given:
            given["tracks"] = [_PARTIES.get(track, track) for track in given["tracks"]]
        actions: dict[str, dict[str, Any]] = {}
        keys: dict[str, str] = {f"$.{key}": key for key in _OF_THE_CALL}
        for kind, names in _FIELDS.items():
            if any(key in given for key in names if key in ACTS):
                path = f"$.actions[{len(actions)}]"
                actions[kind] = {"type": kind} | {name: given[key] for key, name in names.items() if key in given}
                keys |= {f"{path}.{name}": key for key, name in names.items() if key in given or key not in ACTS}
        for key, kinds in _SPOKEN.items():
            if key in given:
                owner = next(kind for kind in kinds if kind in actions)
                actions[owner][key] = given[key]
                keys[f"$.actions[{[*actions].index(owner)}].{key}"] = key
        for key in _KEYS_OF_CODE & given.keys():
            actions["say_code"][key] = {"key": given[key]}
            keys[f"$.actions[{[*actions].index('say_code')}].{key}.key"] = key
        if "://" in str(given.get("play", "")):
            actions["play"]["url"] = actions["play"].pop("prompt")
            keys[f"$.actions[{[*actions].index('play')}].url"] = "play"
        document = {key: given[key] for key in _OF_THE_CALL if key in given}
        return document | {"actions": list(actions.values())}, keys


def parse_arguments(args: Sequence[str]) -> Arguments:
    """Return what the arguments after the application's name ask for, as Asterisk hands them over.

    Raises ``Invalid`` for the first thing that is wrong with the keys.
    """
    given = _pairs(args)
    check_companions(given)
    then = given.pop("then", "continue")
    if then not in {"continue", "hangup"}:
        raise Invalid("choice", "then must be continue or hangup")
    door = given.pop("door", OUR_DOOR)
    call = given.pop("call", None)
    if call is not None and not _CALL_ID.fullmatch(call):
        raise Invalid("format", "call must be the id of a call, as the answer over HTTP had it")
    variable = given.get("code_var")
    if variable is not None and not _VARIABLE.fullmatch(variable):
        raise Invalid("format", "code_var must be the plain name of a variable: letters, digits and underscores")
    headers = _headers(given.pop("header", None))
    variables = (*([variable] if variable is not None else []), *map(_read, headers))
    arguments = Arguments(call, then == "continue", variables, given, headers, door)
    if arguments.taps and not arguments.goes_on:
        raise Invalid(
            "rule", "then must be continue where nothing is done but to listen: a hang-up would leave nothing"
        )
    return arguments


def _pairs(args: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for place, argument in enumerate(args, start=1):
        name, equals, value = argument.partition("=")
        key = name.strip(" ")
        if not equals:
            raise Invalid("not_a_pair", f'argument {place} is not key=value; a comma needs quotes: "say=One, two"')
        if key not in KEYS:
            raise Invalid("unknown_key", f"argument {place} has a key that is not known")
        if key in given:
            raise Invalid("repeated_key", f"{key} is given twice")
        if not value and not KEYS[key].may_be_empty:
            raise Invalid("no_value", f"{key} has no value")
        if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
            raise Invalid("format", f"{key} must have no control characters")
        given[key] = value
    return given


def _headers(value: str | None) -> tuple[str, ...]:
    if value is None:
        return ()
    names = tuple(name.strip(" ") for name in value.split(","))
    if len(names) > MOST_HEADERS:
        raise Invalid("too_many", f"header must be at most {MOST_HEADERS} names")
    # Names of headers know no case (RFC 3261 section 7.3.1).
    if not all(map(_HEADER.fullmatch, names)) or len({name.lower() for name in names}) < len(names):
        raise Invalid("format", "header must be different names of X- and 1 to 60 letters, digits and hyphens")
    return names


def _read(header: str) -> str:
    return f"PJSIP_HEADER(read,{header})"


def _invalid(problem: Problem, keys: Mapping[str, str]) -> Invalid:
    """Return a problem of the models in the dialplan's words."""
    key = keys.get(problem.path) or keys.get(_ENTRY.sub("", problem.path))
    if key is None or problem.code not in REASONS:
        # The tables above are not whole; to say less is better than to say what can't be understood.
        return Invalid("rule", "the arguments can't be taken together")
    return Invalid(problem.code, f"{key} {problem.message}")
