"""Our own spelling of *stream* and *stop_stream*: where a call's audio goes, in which format, and who may have it.

The rules of a format are in ``stream_rules``, which of them run at once in ``stream_order``. It opens nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from otpvoice.core import actions as core
from otpvoice.core.secret import Secret
from otpvoice.dialects import fields, stream_rules
from otpvoice.dialects.complaints import complaint
from otpvoice.dialects.context import context
from otpvoice.dialects.models import Labelled, Model
from otpvoice.dialects.stream_rules import Written
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.wanted_rate import PARAMETER, rate_in


def _format(name: str) -> str:
    if name not in FORMATS:
        raise complaint("choice", f"must be {stream_rules.one_of(map(repr, stream_rules.FORMAT_NAMES))}")
    return name


def _username(text: str) -> str:
    if not stream_rules.USERNAME.pattern.fullmatch(text):
        raise complaint("format", stream_rules.USERNAME.rule)
    return text


def _secret(value: object, written: Written) -> Secret:
    if not isinstance(value, str):
        raise complaint("type", "must be a string")
    if not written.pattern.fullmatch(value):
        raise complaint("format", written.rule)
    return Secret(value)


def _password(value: object) -> Secret:
    return _secret(value, stream_rules.PASSWORD)


def _token(value: object) -> Secret:
    return _secret(value, stream_rules.TOKEN)


def _signing_secret(value: object) -> Secret:
    return _secret(value, stream_rules.SIGNING_SECRET)


def _schema(written: Written) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{written.pattern.pattern}$"})


StreamFormat: TypeAlias = Annotated[
    str, AfterValidator(_format), WithJsonSchema({"type": "string", "enum": [*stream_rules.FORMAT_NAMES]})
]
"""One of those that are spoken."""
Username: TypeAlias = Annotated[str, AfterValidator(_username), _schema(stream_rules.USERNAME)]
Password: TypeAlias = Annotated[Secret, PlainValidator(_password), _schema(stream_rules.PASSWORD)]
Token: TypeAlias = Annotated[Secret, PlainValidator(_token), _schema(stream_rules.TOKEN)]
SigningSecret: TypeAlias = Annotated[Secret, PlainValidator(_signing_secret), _schema(stream_rules.SIGNING_SECRET)]
Parameters: TypeAlias = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=stream_rules.LONGEST_NAME), AfterValidator(fields.printable)],
        Annotated[str, Field(max_length=stream_rules.LONGEST_VALUE), AfterValidator(fields.printable)],
    ],
    Field(max_length=stream_rules.MOST_PARAMETERS),
]
"""What is told to whoever listens, as it is."""


class BasicAuth(Model):
    """A name and a password (RFC 7617)."""

    type: Literal["basic"]
    username: Annotated[Username, Field(repr=False)]  # some put the key here
    password: Password

    def to_core(self) -> core.BasicAuth:
        """Return the core's word for it."""
        return core.BasicAuth(self.username, self.password)


class BearerAuth(Model):
    """A token (RFC 6750)."""

    type: Literal["bearer"]
    token: Token

    def to_core(self) -> core.BearerAuth:
        """Return the core's word for it."""
        return core.BearerAuth(self.token)


class SignatureAuth(Model):
    """A secret that signs the moment and the URL of each handshake."""

    type: Literal["signature"]
    secret: SigningSecret

    def to_core(self) -> core.SignatureAuth:
        """Return the core's word for it."""
        return core.SignatureAuth(self.secret)


Track: TypeAlias = Literal["inbound", "outbound", "second"]
ALONE: Final[tuple[Track, ...]] = ("inbound",)
"""The tracks of a stream that talks: who speaks to a telephone hears it, and not itself."""


class Stream(Labelled):
    """Send the call's audio to a WebSocket."""

    type: Literal["stream"]
    name: fields.Label = "stream"
    format: StreamFormat = stream_rules.FORMAT_NAMES[0]
    mode: Literal["listen", "talk"] = "listen"  # this and what follows after the format, which their rules look at
    url: Annotated[str, Field(min_length=1, max_length=2048, repr=False)]
    tracks: Annotated[list[Track], Field(min_length=1, max_length=3)] = Field(default=[*ALONE])
    sample_rate: int | None = None  # after the URL, which may ask for one
    parameters: Parameters = Field(default_factory=dict, repr=False)
    auth: Annotated[BasicAuth | BearerAuth | SignatureAuth, Field(discriminator="type")] | None = None  # after the URL

    @field_validator("mode")
    @classmethod
    def _mode(cls, mode: str, info: ValidationInfo) -> str:
        spoken = stream_rules.format_of(info.data.get("format"))
        if spoken is not None and mode not in spoken.modes:
            raise complaint("rule", f"must be {stream_rules.one_of(sorted(spoken.modes))} in this format")
        return mode

    @field_validator("url")
    @classmethod
    def _url(cls, url: str, info: ValidationInfo) -> str:
        spoken = stream_rules.format_of(info.data.get("format"))
        try:
            bare, _ = stream_rules.split_login(url)
            refusal = context(info).defaults.check_url(bare, schemes=stream_rules.schemes_of(spoken))
            if refusal is None:
                rate_in(bare, spoken)
        except ValueError as error:
            refusal = str(error)
        if refusal is not None:
            raise complaint("url", refusal)
        return url

    @field_validator("tracks")
    @classmethod
    def _tracks(cls, tracks: list[str], info: ValidationInfo) -> list[str]:
        if len(set(tracks)) < len(tracks):
            raise complaint("rule", "must name each track once")
        if info.data.get("mode") == "talk" and tuple(tracks) != ALONE:
            raise complaint("rule", "must be inbound alone where mode is talk")
        return tracks

    @field_validator("sample_rate")
    @classmethod
    def _sample_rate(cls, rate: int | None, info: ValidationInfo) -> int | None:
        spoken = stream_rules.format_of(info.data.get("format"))
        if rate is None:
            return None
        try:
            stream_rules.check_rate(rate, spoken)
        except ValueError as error:
            raise complaint("rule", str(error)) from None
        if rate_in(info.data.get("url", ""), spoken) not in (None, rate):
            raise complaint("conflict", f"must be the {PARAMETER} of the URL, or be left out")
        return rate

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, parameters: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        try:
            stream_rules.check_parameters_of(stream_rules.format_of(info.data.get("format")), parameters)
        except ValueError as error:
            raise complaint("length", str(error)) from None
        return parameters

    @field_validator("auth")
    @classmethod
    def _auth(cls, auth: Any, info: ValidationInfo) -> Any:
        if auth is not None and stream_rules.split_login(info.data.get("url", ""))[1] is not None:
            raise complaint("conflict", "must not be given together with a user name in the URL")
        return auth

    def to_core(self) -> core.Stream:
        """Return the core's word for it. A login in the URL is cut off: it goes into a header."""
        url, login = stream_rules.split_login(self.url)
        return core.Stream(
            url=url,
            name=self.name,
            format=self.format,
            mode=self.mode,
            tracks=tuple(self.tracks),
            sample_rate=self.sample_rate or rate_in(url, stream_rules.format_of(self.format)),
            parameters=self.parameters,
            auth=self.auth.to_core() if self.auth is not None else login,
            id=self.id,
            tag=self.tag,
        )


class StopStream(Labelled):
    """End a stream."""

    type: Literal["stop_stream"]
    name: fields.Label = "stream"

    def to_core(self) -> core.StopStream:
        """Return the core's word for it."""
        return core.StopStream(self.name, id=self.id, tag=self.tag)
