"""The kinds of values in our own requests, each with its one rule and the sentence for breaking it.

A rule sees one value. What depends on the account, the moment or another field is checked in ``native``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

import orjson
from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema

from otpvoice.core.locale import is_tag
from otpvoice.core.secret import OtpCode
from otpvoice.dialects.complaints import complaint
from otpvoice.dialects.context import context
from otpvoice.dialects.hosted_voices import engine_voice
from otpvoice.dialects.spoken_text import spoken

LARGEST_METADATA: Final = 8192
"""Bytes of ``metadata`` as JSON in UTF-8 without blanks."""
MOST_METADATA: Final = 50
"""Keys of ``metadata``."""
LARGEST_HEADER: Final = 200
"""Bytes of one SIP header's value in UTF-8."""

_PROMPT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_HEADER: Final = re.compile(r"X-[A-Za-z0-9-]{1,60}", re.ASCII)
_KEY: Final = re.compile(r"[0-9*#]", re.ASCII)
_GATE_KEY: Final = re.compile(r"[0-9*#]|any|random", re.ASCII)
_SENT: Final = re.compile(r"[0-9A-D*#w]{1,64}", re.ASCII)
_VOICE: Final = re.compile(r"[a-z0-9_-]{1,32}(:[A-Za-z0-9_+.-]{1,64})?", re.ASCII)
# RFC 3339 section 5.6, with a zone always.
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _code(value: object) -> OtpCode:
    if not isinstance(value, str):
        raise complaint("type", "must be a string")
    try:
        return OtpCode(value)
    except ValueError:
        raise complaint("format", "must be 3 to 12 characters of 0-9, A-Z, a-z") from None


def printable(text: str) -> str:
    """Return a text that can be shown on one line, or complain."""
    if not text.isprintable():
        raise complaint("format", "must have no control characters")
    return text


def _text(text: str) -> str:
    try:
        text = spoken(text)
    except ValueError as error:
        raise complaint("format", str(error)) from None
    # Judged as it is spoken: marks of direction, joiners and blanks alone would ring somebody to say nothing.
    if all(unicodedata.category(one)[0] in "CZ" for one in text):
        raise complaint("length", "must not be empty")
    return text


def _language(tag: str) -> str:
    if not is_tag(tag):
        raise complaint("format", "must be a BCP 47 language tag, as in pt-BR")
    return tag


def _voice(voice: str, info: ValidationInfo) -> str:
    if _VOICE.fullmatch(voice) or engine_voice(voice) is not None:
        return voice
    rule = "must be the name of an engine, engine:voice, or the name of a hosted product's voice"
    check = context(info).defaults.check_voice
    try:
        if check is not None:
            check(context(info).defaults.language, voice)
    except ValueError as error:
        rule = f"{rule}: {error}"
    raise complaint("format", rule)


def _prompt_name(name: str) -> str:
    if not _PROMPT.fullmatch(name):
        raise complaint("format", "must be a name of 1 to 64 letters, digits, hyphens and underscores")
    return name


def _signed(url: str, info: ValidationInfo) -> str:
    if not context(info).defaults.signs:
        raise complaint("webhook", "can't be used: the account has no secrets to sign with")
    return url


def _key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise complaint("format", "must be one key of 0-9, * and #")
    return key


def _gate_key(key: str) -> str:
    if not _GATE_KEY.fullmatch(key):
        raise complaint("format", "must be one key of 0-9, * and #, or any, or random")
    return key


def _sent_digits(digits: str) -> str:
    if not _SENT.fullmatch(digits):
        raise complaint("format", "must be 1 to 64 of 0-9, A-D, *, # and w")
    return digits


def _pattern(pattern: re.Pattern[str]) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^(?:{pattern.pattern})$"}


def _url(url: str, info: ValidationInfo) -> str:
    refusal = context(info).defaults.check_url(url)
    if refusal is not None:
        raise complaint("url", refusal)
    return url


def header_name(name: str) -> str:
    """Return the name of a SIP header that requests may name, or complain."""
    if not _HEADER.fullmatch(name):
        raise complaint("format", "must have names of X- and 1 to 60 letters, digits and hyphens")
    return name


def _header_value(value: str) -> str:
    if not value or not value.isprintable() or len(value.encode()) > LARGEST_HEADER:
        raise complaint("format", f"must be 1 to {LARGEST_HEADER} bytes without control characters")
    return value


def is_metadata(metadata: Mapping[str, Any]) -> bool:
    """Is it small enough to go with a call?"""
    return len(metadata) <= MOST_METADATA and len(orjson.dumps(metadata)) <= LARGEST_METADATA


def _metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    if not is_metadata(metadata):  # its keys were counted before
        raise complaint("length", f"must have at most {LARGEST_METADATA} bytes as JSON")
    return metadata


def _instant(value: object) -> float:
    if not isinstance(value, str):
        raise complaint("type", "must be a string")
    try:
        if not _INSTANT.fullmatch(value):
            raise ValueError
        return datetime.fromisoformat(value.upper()).timestamp()
    except (ValueError, OverflowError):
        raise complaint("format", "must be an RFC 3339 instant with a zone, as in 2030-01-31T12:00:00Z") from None


Code: TypeAlias = Annotated[OtpCode, PlainValidator(_code, json_schema_input_type=str)]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=3000), AfterValidator(_text)]
"""Words, and never markup."""
Language: TypeAlias = Annotated[str, Field(max_length=35), AfterValidator(_language)]
VoiceName: TypeAlias = Annotated[str, AfterValidator(_voice)]
Url: TypeAlias = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_url)]
"""http or https; what may not be reached for certain is refused here, what a name leads to when it is asked."""
WebhookUrl: TypeAlias = Annotated[Url, AfterValidator(_signed)]
PromptName: TypeAlias = Annotated[str, AfterValidator(_prompt_name)]
"""A recording of the prompts folder: the file's name without ``.wav``."""
Brand: TypeAlias = Annotated[str, Field(min_length=1, max_length=30), AfterValidator(_text)]
Template: TypeAlias = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_text)]
Label: TypeAlias = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)]
Times: TypeAlias = Annotated[int, Field(ge=1, le=5)]
Speed: TypeAlias = Annotated[float, Field(ge=0.5, le=2)]
Gap: TypeAlias = Annotated[float, Field(ge=0, le=10)]
"""Seconds between readings, groups or characters."""
RingTimeout: TypeAlias = Annotated[float, Field(ge=5, le=120)]
KeySet: TypeAlias = Annotated[str, Field(max_length=16)]
Key: TypeAlias = Annotated[str, AfterValidator(_key), WithJsonSchema(_pattern(_KEY))]
"""A key that every telephone has."""
GateKey: TypeAlias = Annotated[str, AfterValidator(_gate_key), WithJsonSchema(_pattern(_GATE_KEY))]
SentDigits: TypeAlias = Annotated[str, AfterValidator(_sent_digits), WithJsonSchema(_pattern(_SENT))]
"""``w`` waits for half a second."""
KeyTimeout: TypeAlias = Annotated[float, Field(ge=0.1, le=60)]
Instant: TypeAlias = Annotated[float, PlainValidator(_instant, json_schema_input_type=str)]
"""RFC 3339 outside, Unix seconds inside."""
SipHeaders: TypeAlias = Annotated[
    dict[Annotated[str, AfterValidator(header_name)], Annotated[str, AfterValidator(_header_value)]],
    Field(max_length=10),
]
Metadata: TypeAlias = Annotated[dict[str, Any], Field(max_length=MOST_METADATA), AfterValidator(_metadata)]
