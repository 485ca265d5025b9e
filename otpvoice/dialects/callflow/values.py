"""The kinds of values in a callflow, each with its one rule and the word for breaking it.

Words, voices, languages and URLs are held to the rules of our own requests (``dialects.fields``). Numbers may be
written as ``2`` or ``2.0``; a text is no number.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
)
from pydantic.functional_validators import WrapValidator

from otpvoice.dialects import fields
from otpvoice.dialects.complaints import complaint, complaints
from otpvoice.dialects.context import context
from otpvoice.dialects.numbers import read_number

MOST_DIGITS: Final = 64
"""Of one capture, where a hash can end it; where none can, 8x8's own limit holds, which is 25."""
LONGEST_TIMEOUT: Final = 600_000
"""Milliseconds."""

_SEPARATORS: Final = re.compile(r"[,;]")


def _whole(value: object) -> object:
    # JSON has one kind of number (RFC 8259 section 6).
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _words(value: object, handler: ValidatorFunctionWrapHandler) -> str:
    try:
        text: str = handler(value)
    except ValidationError as error:
        if any(one.code == "format" for one in complaints(error)):
            raise complaint("special_characters", "must have no characters that can't be spoken") from None
        raise
    return text


def _of_a_voice(value: object, handler: ValidatorFunctionWrapHandler) -> str:
    try:
        name: str = handler(value)
    except ValidationError:
        if isinstance(value, str):
            raise complaint("voice", "must be one that there is") from None
        raise
    return name


def _one_number(value: object) -> object:
    """Several numbers are no number, however they are put together."""
    several = value if isinstance(value, list) else _SEPARATORS.split(value) if isinstance(value, str) else ()
    if sum(bool(one.strip()) if isinstance(one, str) else True for one in several) > 1:
        raise complaint("destinations", "must be one number")
    return value


def _destination(number: str, info: ValidationInfo) -> str:
    """Return a number as a plan has it: E.164 with plus, or a local number that may be called."""
    read = read_number(number, context(info).defaults)
    if read is None:
        raise complaint("destination", "must be a number in E.164")
    return read


Words: TypeAlias = Annotated[fields.Text, WrapValidator(_words)]
"""What is spoken: 1 to 3000 characters."""
Voice: TypeAlias = Annotated[fields.VoiceName, WrapValidator(_of_a_voice)]
Language: TypeAlias = Annotated[fields.Language, WrapValidator(_of_a_voice)]
Destination: TypeAlias = Annotated[str, AfterValidator(_destination), BeforeValidator(_one_number)]
Repetition: TypeAlias = Annotated[int, Field(ge=1, le=3), BeforeValidator(_whole)]
"""How often something is said or played, all in all."""
Speed: TypeAlias = fields.Speed
Whole: TypeAlias = Annotated[int, BeforeValidator(_whole)]
Milliseconds: TypeAlias = Annotated[int, Field(ge=1, le=LONGEST_TIMEOUT), BeforeValidator(_whole)]
