"""The keys of ``Stasis(otpvoice,key=value,…)``: what kind of value each has, and what it goes with.

The tables here are what the documents list. A value is read here, as a number, a switch or a list; whether it is
within its range is for the models that the HTTP API has, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Invalid(Exception):
    """The arguments can't be taken. ``reason``: one of ``REASONS``. ``message``: a sentence for people.

    It names keys and rules, and never repeats what was given: not a value, which may be a code, and not a key that is
    none of ours, which may be anything.
    """

    def __init__(self, reason: str, message: str) -> None:
        self.reason: Final = reason
        self.message: Final = message
        super().__init__(f"{reason}: {message}")


REASONS: Final[Mapping[str, str]] = {
    "not_a_pair": "an argument is not key=value; often a comma in a value that is not quoted",
    "unknown_key": "there is no such key",
    "repeated_key": "a key is given twice",
    "no_value": "a key has no value, or the variable that code_var names has none",
    "not_supported": "this value of the key is of a later version, or nothing that there is here",
    "nothing_to_do": "nothing is to be streamed, played, spoken, collected or dialled, and no prepared call is named",
    "conflict": "keys exclude each other, or one goes with another that is not given",
    "too_many": "more headers than there may be",
    "format": "the value is not written as it must be",
    "choice": "the value is none of the words that there are",
    "range": "the number is too small or too large",
    "length": "the text is too long",
    "rule": "values that are right by themselves are wrong together",
    "voice": "there is no such voice, or it does not speak this language",
    "prompt": "there is no such recording in the prompts folder",
    "url": "the URL is none, or one that may not be asked",
    "webhook": "the account has no secrets to sign webhooks with",
    "nobody_to_ask": "the door that is named asks what to do, and the account has nothing set or registered to ask",
    "not_allowed": "it is well written, and not among what the account may choose from",
    "destination_not_allowed": "this number may not be called",
    "unknown_call": "no call of this id waits: it was taken, has ended, or never was",
}
"""All words that ``OTPVOICE_REASON`` may have beside ``OTPVOICE_STATUS`` ``invalid``, and what each means."""


class Kind(StrEnum):
    """How a value is read."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    SWITCH = "switch"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Key:
    """``goes_with``: one of these has to be there, too; empty: it stands alone."""

    meaning: str
    kind: Kind = Kind.TEXT
    goes_with: tuple[str, ...] = ()
    may_be_empty: bool = False


_CODE: Final = ("code", "code_var")
_GATHER: Final = ("gather",)
_STREAM: Final = ("stream",)


def _gather(meaning: str, kind: Kind = Kind.TEXT, *, may_be_empty: bool = False) -> Key:
    return Key(meaning, kind, _GATHER, may_be_empty=may_be_empty)


KEYS: Final[Mapping[str, Key]] = {
    "call": Key("the id of a call that was prepared over HTTP; goes with header and then alone"),
    "stream": Key("where the audio goes: the URL of a WebSocket"),
    "format": Key("how it is spoken there", goes_with=_STREAM),
    "mode": Key("whether the other side only listens, or has the caller until it ends", goes_with=_STREAM),
    "tracks": Key("who is heard, one or several as a quoted list", Kind.WORDS, _STREAM),
    "play": Key("a recording of the prompts folder, by its name, or one that lies at a URL"),
    "say": Key("a text to speak"),
    "code": Key("the code to speak"),
    "code_var": Key("the name of the channel variable that holds the code"),
    "times": Key("how often the code is read; without a code the text, else the recording", Kind.INTEGER,
                 (*_CODE, "say", "play")),
    "speed": Key("how fast the code is read; without a code the text", Kind.NUMBER, (*_CODE, "say")),
    "brand": Key("who the code is from", goes_with=_CODE),
    "language": Key("BCP 47, of all that is spoken"),
    "voice": Key("engine or engine:voice, of all that is spoken"),
    "gather": Key("collect keys, at most so many", Kind.INTEGER),
    "min": _gather("the least number of keys", Kind.INTEGER),
    "terminators": _gather("keys that end it; nothing after the = for none", may_be_empty=True),
    "valid": _gather("keys that count"),
    "first_digit_timeout": _gather("seconds", Kind.NUMBER),
    "inter_digit_timeout": _gather("seconds", Kind.NUMBER),
    "overall_timeout": _gather("seconds", Kind.NUMBER),
    "tries": _gather("how often it is asked", Kind.INTEGER),
    "prompt": _gather("a text that asks"),
    "barge_in": _gather("whether a key cuts the question", Kind.SWITCH),
    "tag": _gather("a name for it in the summary"),
    "sensitive": _gather("whether the keys are kept out of the summary", Kind.SWITCH),
    "dial": Key("a number to call at the end, and to connect with"),
    "header": Key("X-Name, or several as a quoted list: read from the INVITE into metadata"),
    "door": Key("whose call it is: our own, or one that is told and asked as a hosted product would; goes with header"
                " and then alone"),
    "then": Key("continue or hangup: what becomes of the channel at the end"),
    "gate": Key("a key before the code is spoken: one of 0-9*#, any, or random", goes_with=_CODE),
    "replay": Key("the key by which the code is heard again", goes_with=_CODE),
    "webhook": Key("the URL that events go to"),
}  # fmt: skip
"""All keys, and nothing else is one."""

ACTS: Final = ("stream", "play", "say", *_CODE, "gather", "dial")
"""Keys that give something to do, in the order in which it is done."""
BESIDE_CALL: Final = frozenset({"call", "header", "then"})
"""Keys that a prepared call may have: the others were decided when it was prepared."""
BESIDE_DOOR: Final = frozenset({"door", "header", "then"})
"""Keys that a call of another door may have: what it does is asked for."""

OUR_DOOR: Final = "dialplan"
OTHER_DOORS: Final[Mapping[str, bool]] = {"8x8": True, "telesign": False}
"""Doors besides our own that ``door`` may name. Are their endpoints registered over HTTP, and to be looked up?"""

_INTEGER: Final = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_SWITCH: Final = {"yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False,
                  "off": False}  # fmt: skip


def check_companions(given: Mapping[str, str]) -> None:
    """Look at which keys are there together. Raises ``Invalid``."""
    if "call" in given:
        for key in given:
            if key not in BESIDE_CALL:
                raise Invalid("conflict", f"{key} does not go with call: the prepared call has it all")
        return
    door = given.get("door", OUR_DOOR)
    if door != OUR_DOOR and door not in OTHER_DOORS:
        raise Invalid("choice", f"door must be one of {', '.join((OUR_DOOR, *OTHER_DOORS))}")
    if door != OUR_DOOR:
        for key in given:
            if key not in BESIDE_DOOR:
                raise Invalid("conflict", f"{key} does not go with this door: what is to be done is asked for")
        return
    if "code" in given and "code_var" in given:
        raise Invalid("conflict", "code and code_var exclude each other")
    if not any(key in given for key in ACTS):
        raise Invalid("nothing_to_do", f"one of call, {', '.join(ACTS)} is required")
    for key in given:
        others = KEYS[key].goes_with
        if others and not any(other in given for other in others):
            raise Invalid("conflict", f"{key} goes with {' or '.join(others)}, which is not given")


def read_value(key: str, text: str) -> str | int | float | bool | list[str]:
    """Return the value of a key as its kind. Raises ``Invalid``."""
    match KEYS[key].kind:
        case Kind.TEXT:
            return text
        case Kind.INTEGER:
            if not _INTEGER.fullmatch(text):
                raise Invalid("format", f"{key} must be a whole number")
            return int(text)
        case Kind.NUMBER:
            if not _NUMBER.fullmatch(text):
                raise Invalid("format", f"{key} must be a number, as in 2 or 0.9")
            return float(text)
        case Kind.WORDS:
            return [word.strip(" ") for word in text.split(",")]
        case Kind.SWITCH:
            if text.lower() not in _SWITCH:
                raise Invalid("choice", f"{key} must be yes or no")
            return _SWITCH[text.lower()]
