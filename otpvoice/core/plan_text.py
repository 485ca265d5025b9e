"""A plan as text and back, complete: what a next life needs to place the very call that was asked for.

The text holds the code in clear, so it is for the sealer alone. It is JSON: an object names its class, from the closed
set of ``CLASSES``, and has all its fields; nothing is imported or executed by name. Reading believes nothing: what is
not exactly a plan of this format is ``UnreadablePlan``, whose message repeats no value.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from otpvoice.core.actions import (
    BasicAuth,
    BearerAuth,
    Dial,
    Gate,
    Gather,
    Hangup,
    LanguageKey,
    Pause,
    Play,
    Replay,
    Say,
    SayCode,
    SendDigits,
    SignatureAuth,
    StopStream,
    Stream,
)
from otpvoice.core.digits import DigitRules
from otpvoice.core.plan import CallPlan, Hook, Webhook
from otpvoice.core.secret import Keys, OtpCode, Secret

FORMAT: Final = 1
"""Another number is another meaning of the same words. A new field with a default is none: it may be missing."""
IS: Final = "is"
"""Under this name an object says what it is."""
CLASSES: Final[Mapping[str, type]] = {
    class_.__name__: class_
    for class_ in (
        CallPlan,
        Webhook,
        Hook,
        Say,
        SayCode,
        Replay,
        Gate,
        LanguageKey,
        Play,
        Gather,
        DigitRules,
        Pause,
        SendDigits,
        Dial,
        Stream,
        BasicAuth,
        BearerAuth,
        SignatureAuth,
        StopStream,
        Hangup,
        Secret,
        OtpCode,
        Keys,
    )
}
"""All that a plan is made of, by the name that it has in the text."""
_NAMES: Final = {class_: name for name, class_ in CLASSES.items()}


class UnreadablePlan(ValueError):
    """This is no plan of this format. The message says where and why, and repeats no value."""


def plan_to_text(plan: CallPlan) -> bytes:
    """Return a plan as JSON in UTF-8, its secrets in clear.

    Raises ``TypeError`` for what no plan is made of, and ``ValueError`` for numbers that JSON has not: both are
    mistakes of whoever made the plan.
    """
    document = {"format": FORMAT, "plan": _written(plan)}
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def plan_from_text(text: bytes) -> CallPlan:
    """Return the plan of a text. Raises ``UnreadablePlan``."""
    complaint = "not JSON"
    try:
        document = json.loads(
            text.decode("utf-8", "surrogatepass"), parse_float=_finite, parse_constant=_finite, object_pairs_hook=_once
        )
        plan = _plan_of(document)
    except UnreadablePlan as error:
        complaint = str(error)
    except (ValueError, RecursionError):
        pass
    else:
        return plan
    # Not inside: an error that is kept as a context holds the text.
    raise UnreadablePlan(complaint)


def _plan_of(document: Any) -> CallPlan:
    if not isinstance(document, dict) or document.keys() != {"format", "plan"}:
        raise UnreadablePlan("$: must be a format and a plan")
    if type(document["format"]) is not int or document["format"] != FORMAT:
        raise UnreadablePlan("$.format: is another one")
    plan: CallPlan = _read(CallPlan, document["plan"], "$.plan")
    return plan


# --- writing ----------------------------------------------------------------------------------------------------------


def _written(value: Any) -> Any:
    """Return a value as JSON has it."""
    class_: type = type(value)
    if is_dataclass(class_):
        name = _NAMES.get(class_)
        if name is None:
            raise TypeError(f"{class_.__name__} is in no plan")
        return {IS: name} | {field.name: _written(getattr(value, field.name)) for field in _fields(class_)}
    if isinstance(value, tuple):
        return [_written(item) for item in value]
    if isinstance(value, Mapping):
        return {_name(name): _plain(inner) for name, inner in value.items()}
    return _plain(value)


def _plain(value: Any) -> Any:
    """Return what is JSON already; a tuple or a key of another type would come back as something else."""
    if value is None or type(value) in {str, int, float, bool}:
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_name(name): _plain(inner) for name, inner in value.items()}
    raise TypeError(f"{type(value).__name__} is no JSON")


def _name(name: Any) -> str:
    if type(name) is not str:
        raise TypeError(f"{type(name).__name__} is no name in JSON")
    return name


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(kind: Any, value: Any, path: str) -> Any:
    """Return a value of this annotated type, or raise ``UnreadablePlan``."""
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _object(kind, value, path)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        for one in arguments:
            if _may_be(one, value):
                return _read(one, value, path)
        raise UnreadablePlan(f"{path}: is nothing that it can be")
    if origin is tuple:
        if not isinstance(value, list):
            raise UnreadablePlan(f"{path}: must be a list")
        return tuple(_read(arguments[0], item, f"{path}[{index}]") for index, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise UnreadablePlan(f"{path}: must be an object")
        return {name: _read(arguments[1], inner, f"{path}.*") for name, inner in value.items()}
    if not _may_be(kind, value):
        raise UnreadablePlan(f"{path}: must be {kind.__name__}")
    return value


def _may_be(kind: type, value: Any) -> bool:
    """Is this the one of several types that is meant?"""
    if kind in _NAMES:
        return _class_of(value, kind) is not None
    if kind is float:
        return type(value) is float or (type(value) is int and _fits_a_float(value))
    if kind is NoneType:
        return value is None
    return type(value) is kind  # True is no number


def _object(kind: Any, value: Any, path: str) -> Any:
    class_ = _class_of(value, kind)
    if class_ is None:
        raise UnreadablePlan(f"{path}: must be {_NAMES[kind]}")
    known = {field.name: field for field in _fields(class_)}
    if not value.keys() <= known.keys() | {IS}:
        raise UnreadablePlan(f"{path}: has a field that {_NAMES[class_]} has not")
    if any(_required(field) and name not in value for name, field in known.items()):
        raise UnreadablePlan(f"{path}: lacks a field of {_NAMES[class_]}")
    kinds = _kinds(class_)
    read = {name: _read(kinds[name], inner, f"{path}.{name}") for name, inner in value.items() if name != IS}
    try:
        return class_(**read)
    except ValueError:
        pass
    raise UnreadablePlan(f"{path}: is no valid {_NAMES[class_]}")


def _class_of(value: Any, kind: type) -> type | None:
    """Return the class that an object says it is, if that may stand where ``kind`` is wanted."""
    name = value.get(IS) if isinstance(value, dict) else None
    class_ = CLASSES.get(name) if isinstance(name, str) else None
    return class_ if class_ is not None and issubclass(class_, kind) else None


@cache
def _fields(class_: type) -> tuple[Field[Any], ...]:
    return fields(class_)


@cache
def _kinds(class_: type) -> dict[str, Any]:
    return get_type_hints(class_)


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise UnreadablePlan("a name is there twice")
    return value


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise UnreadablePlan("a number is not finite")
    return number


def _fits_a_float(value: int) -> bool:
    return abs(value).bit_length() <= 1023
