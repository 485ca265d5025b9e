"""Plans of all kinds: what may be in one is read off the annotations of its classes, so nothing new is forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from otpvoice.core.digits import KEYPAD, DigitRules
from otpvoice.core.plan import CallPlan
from otpvoice.core.secret import Keys, OtpCode, Secret

JSON: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # What looks as if it were a word of ours is none where anything may be.
    | st.text(max_size=5)
    | st.just({"is": "Say", "text": "no action"}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("is"), inner, max_size=3),
    max_leaves=6,
)
DIGIT_RULES: Final = st.builds(
    DigitRules,
    min_digits=st.integers(0, 4),
    max_digits=st.none() | st.integers(4, 64),
    terminators=st.sampled_from(["#", "*#", "A"]),
    valid_digits=st.text(st.sampled_from(sorted(KEYPAD)), max_size=4).map("0123456789".__add__),
    first_digit_timeout=st.floats(0.1, 99),
    inter_digit_timeout=st.integers(1, 99),
    overall_timeout=st.floats(0.1, 99),
)
_SCALARS: Final[dict[Any, st.SearchStrategy[Any]]] = {
    Any: JSON,
    str: st.text(max_size=8),
    int: st.integers(-9, 999),
    bool: st.booleans(),
    NoneType: st.none(),
    # A whole number is one of seconds, too, and stays what it is.
    float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 99),
    DigitRules: DIGIT_RULES,
    Secret: st.builds(Secret, st.text(max_size=8)),
    OtpCode: st.builds(OtpCode, st.from_regex(r"\A[0-9A-Za-z]{3,12}\Z")),
    Keys: st.builds(Keys, st.text(st.sampled_from(sorted(KEYPAD)), max_size=8)),
}


@cache
def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return what makes values of an annotated type."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        made: dict[str, Any] = {field.name: any_of(hints[field.name]) for field in fields(kind)}
        return st.builds(kind, **made)  # type: ignore[arg-type]  # a class is what it takes
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        return st.one_of(*map(any_of, arguments))
    if origin is tuple:
        assert arguments[1:] == (...,), kind
        return st.lists(any_of(arguments[0]), max_size=2).map(tuple)
    assert origin is not None, kind
    assert issubclass(origin, Mapping), kind
    assert arguments[0] is str
    return st.dictionaries(st.text(max_size=5), any_of(arguments[1]), max_size=3)


PLANS: Final[st.SearchStrategy[CallPlan]] = any_of(CallPlan)


def classes_in(kind: Any) -> Iterator[type]:
    """Yield the classes that an annotated type can have in it, and those in these; some more than once."""
    todo, done = [kind], set()
    while todo:
        if (one := todo.pop()) in done:
            continue
        done.add(one)
        todo += get_args(one)
        if is_dataclass(one):
            assert isinstance(one, type)
            yield one
            todo += get_type_hints(one).values()
