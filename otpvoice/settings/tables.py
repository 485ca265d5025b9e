"""The tables of settings: the ways out, and who may use them.

``Around`` is what their rules have to know besides the value; it is known also where something else is wrong.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo, field_validator

from otpvoice.settings import values

Name: TypeAlias = Annotated[str, PlainValidator(values.name)]
Prefixes: TypeAlias = Annotated[tuple[str, ...], PlainValidator(values.prefixes)]
CallerIds: TypeAlias = Annotated[tuple[str, ...], PlainValidator(values.caller_ids)]
Digests: TypeAlias = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """What a rule has to know besides its value: is this development, and which trunks are there?"""

    dev: bool
    trunks: tuple[str, ...]


def around(info: ValidationInfo) -> Around:
    """Return what ``Settings.load`` has put beside the value."""
    if not isinstance(info.context, Around):
        raise TypeError("settings are made by Settings.load alone")
    return info.context


def seconds(low: float, high: float) -> PlainValidator:
    """Return what reads a time."""
    return PlainValidator(values.number(low, high))


class SettingsModel(BaseModel):
    """Nothing unknown is passed over, and nothing is shown in exceptions."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


class TrunkSettings(SettingsModel):
    """A way out. ``dial`` holds ``{number}`` (E.164 without plus) or ``{e164}`` (with)."""

    name: Name = Field(examples=["carrier-a"])
    dial: str = Field(examples=["PJSIP/{number}@trunk"])
    caller_ids: CallerIds = Field((), examples=["+442079460000 +442079460001"])
    codec: Annotated[Literal["ulaw", "alaw"], PlainValidator(values.one_of("ulaw", "alaw"))] = Field(
        "ulaw", examples=["alaw"]
    )
    ring_timeout: Annotated[float, seconds(5, 120)] = Field(45.0, examples=["30"])

    @field_validator("dial", mode="plain")
    @classmethod
    def _dial(cls, value: Any, info: ValidationInfo) -> str:
        return values.dial(value, dialplan=around(info).dev)


class AccountSettings(SettingsModel):
    """Who may ask for calls. ``trunks``: all where none is named. ``allow_destinations``: its own, or those of all."""

    id: Name = Field(examples=["shop"])
    api_keys: Digests = Field((), repr=False, exclude=True, examples=["the output of: openssl rand -hex 32"])
    keys: Digests = Field(
        (), repr=False, exclude=True, validate_default=True, examples=["the output of: printf %s KEY | sha256sum"]
    )
    caller_ids: CallerIds = Field((), examples=["+442079460000"])
    trunks: tuple[str, ...] = Field((), validate_default=True, examples=["default"])
    allow_destinations: Prefixes = Field((), examples=["+44 +353"])

    @property
    def key_digests(self) -> Digests:
        """SHA-256 of its bearer keys."""
        return (*self.keys, *self.api_keys)

    @field_validator("api_keys", mode="plain")
    @classmethod
    def _api_keys(cls, value: Any, info: ValidationInfo) -> Digests:
        shortest = 1 if around(info).dev else values.SHORTEST_API_KEY
        return tuple(hashlib.sha256(key.encode()).digest() for key in values.api_keys(value, shortest=shortest))

    @field_validator("keys", mode="plain")
    @classmethod
    def _keys(cls, value: Any, info: ValidationInfo) -> Digests:
        digests = tuple(map(bytes.fromhex, values.digests(value)))
        if not digests and not info.data.get("api_keys", True):  # True: it was wrong itself
            raise ValueError("is required")
        return digests

    @field_validator("trunks", mode="plain")
    @classmethod
    def _trunks(cls, value: Any, info: ValidationInfo) -> tuple[str, ...]:
        names = values.names(value)
        if not set(around(info).trunks).issuperset(names):
            raise ValueError("must be names of trunks that there are")
        return names or around(info).trunks

    @field_validator("allow_destinations", mode="after")
    @classmethod
    def _allow(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not value and not around(info).dev:
            raise ValueError("is required: the prefixes of numbers that may be called")
        return value
