"""The tables of settings: the ways out, and who may use them."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from otpvoice.core.secret import Secret
from otpvoice.settings import addresses, credentials, values
from otpvoice.settings.base import SettingsModel, around
from otpvoice.settings.streams import StreamSettings

Name: TypeAlias = Annotated[str, PlainValidator(values.name)]
Prefixes: TypeAlias = Annotated[tuple[str, ...], PlainValidator(values.prefixes)]
CallerIds: TypeAlias = Annotated[tuple[str, ...], PlainValidator(values.caller_ids)]
Digests: TypeAlias = tuple[bytes, ...]
Count: TypeAlias = Annotated[int | None, PlainValidator(values.WholeWithin(1, 1_000_000))]


def seconds(low: float, high: float) -> PlainValidator:
    """Return what reads a time."""
    return PlainValidator(values.Within(low, high, "s"))


class TrunkSettings(SettingsModel):
    """A way out. ``dial`` holds ``{number}`` (E.164 without plus) or ``{e164}`` (with).

    ``queue_seconds``: how long a call that was taken may wait for its turn. None: as many as there are, at once.
    ``stream``: where the audio of each call on it goes.
    """

    name: Name = Field(description="what requests and metrics call it", examples=["carrier-a"])
    dial: str = Field(
        description="dial string; `{number}` is E.164 without plus, `{e164}` with", examples=["PJSIP/{number}@trunk"]
    )
    caller_ids: CallerIds = Field(
        (), description="numbers that may be shown; the first is the default", examples=["+442079460000 +442079460001"]
    )
    codec: Annotated[Literal["ulaw", "alaw"], PlainValidator(values.OneOf(("ulaw", "alaw")))] = Field(
        "ulaw", description="what is pushed into its calls; the same for all in this version", examples=["alaw"]
    )
    ring_timeout: Annotated[float, seconds(5, 120)] = Field(
        45.0, description="how long it rings where a request does not say", examples=["30"]
    )
    calls_per_second: Annotated[float | None, PlainValidator(values.Within(0.1, 1000))] = Field(
        None, description="how fast calls may begin", examples=["5"]
    )
    max_calls: Annotated[int | None, PlainValidator(values.WholeWithin(1, 100_000))] = Field(
        None, description="how many there may be at a time, ringing or answered", examples=["60"]
    )
    queue_seconds: Annotated[float, seconds(0, 600)] = Field(
        30.0, description="how long a call that was taken may wait for its turn", examples=["30"]
    )
    stream: StreamSettings | None = Field(
        None,
        description="a table: where the audio of each call goes, see [below](#streams-of-a-trunk)",
        examples=['{ url = "wss://audio.example/calls" }'],
    )

    @field_validator("dial", mode="plain")
    @classmethod
    def _dial(cls, value: Any, info: ValidationInfo) -> str:
        return values.dial(value, dialplan=around(info).dev)

    @field_validator("stream", mode="before")
    @classmethod
    def _stream(cls, value: Any) -> Any:
        if not isinstance(value, dict | StreamSettings):
            raise ValueError("must be a table")
        return value


class LimitSettings(SettingsModel):
    """What an account may ask for at most. None: no limit. Two are for each number by itself."""

    calls_per_minute: Count = Field(
        default=None, description="calls that the account may ask for in a minute", examples=["60"]
    )
    calls_in_progress: Count = Field(
        default=None, description="calls of the account at a time, those that wait included", examples=["30"]
    )
    destination_calls_per_10_minutes: Count = Field(
        default=None, description="calls to one number in ten minutes", examples=["5"]
    )
    destination_calls_per_day: Count = Field(default=None, description="calls to one number in a day", examples=["20"])

    @property
    def per_destination(self) -> bool:
        """Is there one for each number?"""
        return self.destination_calls_per_10_minutes is not None or self.destination_calls_per_day is not None


class AccountSettings(SettingsModel):
    """Who may ask for calls. ``trunks``: all where none is named. ``allow_destinations``: its own, or those of all.

    ``webhook_secrets`` sign all reports, also those that go where a call wants them; each is written as ``whsec_…``.
    """

    id: Name = Field(description="its name in records, metrics and keys of Redis", examples=["shop"])
    api_keys: Digests = Field(
        (),
        repr=False,
        exclude=True,
        description="bearer keys of the account `default`, 20 to 200 characters; two at a time, and two that begin with"
        " `otp_test_` and never dial",
        examples=["the output of: openssl rand -hex 32"],
    )
    keys: Digests = Field(
        (),
        repr=False,
        exclude=True,
        validate_default=True,
        description="SHA-256 of its bearer keys, in hexadecimal: two keys and two test keys at most",
        examples=["the output of: printf %s KEY | sha256sum"],
    )
    caller_ids: CallerIds = Field(
        (),
        description="numbers that it may show; where the trunk has a list, too, those in both",
        examples=["+442079460000"],
    )
    trunks: tuple[str, ...] = Field(
        (), validate_default=True, description="the trunks that it may use", examples=["default"]
    )
    allow_destinations: Prefixes = Field(
        (),
        description="as `OTPVOICE_ALLOW_DESTINATIONS`, in its place; `OTPVOICE_DENY_DESTINATIONS` holds for all",
        examples=["+44 +353"],
    )
    # Addresses may hold what only the receiver should know, in path or query.
    webhook_url: Annotated[str | None, PlainValidator(addresses.webhook_url)] = Field(
        None,
        repr=False,
        exclude=True,
        description="where events go of calls that name no webhook of their own; `http` or `https`, any host",
        examples=["https://otp.example/hooks/otpvoice"],
    )
    webhook_secrets: tuple[Secret, ...] = Field(
        (),
        repr=False,
        exclude=True,
        validate_default=True,
        description="what signs events, also those that go where a call wants them: `whsec_` and 24 to 64 bytes in"
        " base64; separated by blanks, all sign, the first is the new one",
        examples=["whsec_$(openssl rand -base64 32)"],
    )
    event_url: Annotated[str | None, PlainValidator(addresses.webhook_url)] = Field(
        None,
        repr=False,
        exclude=True,
        description="where calls of `POST /v2/voice` are told, and asked what comes next; `http` or `https`, any host",
        examples=["https://otp.example/events"],
    )
    terminator_included: Annotated[bool, PlainValidator(values.flag)] = Field(
        False,
        description="1: of such a call the key that ended a collection is told with those before it",
        examples=["1"],
    )
    stops_at_first_key: Annotated[bool, PlainValidator(values.flag)] = Field(
        True,
        description="0: in such a call what is being played or spoken goes on when a key is pressed; the key counts",
        examples=["0"],
    )
    limits: LimitSettings = Field(
        default_factory=LimitSettings,
        description="a table: how much it may ask for, see below",
        examples=["{ destination_calls_per_10_minutes = 5 }"],
    )

    @property
    def key_digests(self) -> Digests:
        """SHA-256 of its bearer keys."""
        return (*self.keys, *self.api_keys)

    @field_validator("api_keys", mode="plain")
    @classmethod
    def _api_keys(cls, value: Any, info: ValidationInfo) -> Digests:
        shortest = 1 if around(info).dev else credentials.SHORTEST_API_KEY
        return tuple(hashlib.sha256(key.encode()).digest() for key in credentials.api_keys(value, shortest=shortest))

    @field_validator("keys", mode="plain")
    @classmethod
    def _keys(cls, value: Any, info: ValidationInfo) -> Digests:
        digests = credentials.key_digests(value)
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

    @field_validator("webhook_secrets", mode="plain")
    @classmethod
    def _webhook_secrets(cls, value: Any, info: ValidationInfo) -> tuple[Secret, ...]:
        secrets = credentials.webhook_secrets(value)
        if not secrets and info.data.get("webhook_url") is not None:
            raise ValueError("is required where there is a webhook_url: every report is signed")
        return secrets

    @field_validator("limits", mode="before")
    @classmethod
    def _limits(cls, value: Any) -> Any:
        if not isinstance(value, dict | LimitSettings):
            raise ValueError("must be a table")
        return value
