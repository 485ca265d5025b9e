"""What is streamed of every call on a trunk: the table ``stream`` of a ``[[trunk]]``.

The rules are those of requests (``dialects.stream_rules``), but for where it may go: the administrator's URLs may lead
anywhere. Nothing here is shown: there are tokens in URLs and parameters.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from otpvoice.core import actions as core
from otpvoice.core.secret import Secret
from otpvoice.dialects import stream_rules
from otpvoice.media.streams.wanted_rate import PARAMETER, rate_in
from otpvoice.settings import values
from otpvoice.settings.base import SettingsModel
from otpvoice.trust.urls import read_url

LONGEST_URL: Final = 2000
_TRACKS: Final = tuple(stream_rules.TAPPED.values())
_KINDS: Final = ("basic", "bearer", "signature")
_PARTS: Final = {
    "username": ("basic", stream_rules.USERNAME),
    "password": ("basic", stream_rules.PASSWORD),
    "token": ("bearer", stream_rules.TOKEN),
    "secret": ("signature", stream_rules.SIGNING_SECRET),
}
"""Which kind each entry belongs to, and how it is written."""


class StreamAuthSettings(SettingsModel):
    """How we say who we are: a name and a password, a token, or a secret that signs each handshake."""

    type: Annotated[str, PlainValidator(values.OneOf(_KINDS))] = Field(
        description="how we say who we are", examples=["bearer"]
    )
    username: Secret | None = Field(
        None,
        repr=False,
        exclude=True,
        validate_default=True,
        description="of `basic`: up to 128 characters of printable ASCII, no colon",
        examples=["otpvoice"],
    )
    password: Secret | None = Field(
        None,
        repr=False,
        exclude=True,
        validate_default=True,
        description="of `basic`: up to 256 characters of printable ASCII",
        examples=["the output of: openssl rand -hex 32"],
    )
    token: Secret | None = Field(
        None,
        repr=False,
        exclude=True,
        validate_default=True,
        description="of `bearer`: up to 4096 characters of ASCII without blanks",
        examples=["the output of: openssl rand -hex 32"],
    )
    secret: Secret | None = Field(
        None,
        repr=False,
        exclude=True,
        validate_default=True,
        description="of `signature`: 16 to 256 characters of ASCII without blanks; it signs the moment and the URL of"
        " each connection",
        examples=["the output of: openssl rand -hex 32"],
    )

    @field_validator("username", "password", "token", "secret", mode="plain")
    @classmethod
    def _part(cls, value: Any, info: ValidationInfo) -> Secret | None:
        kind, written = _PARTS[str(info.field_name)]
        asked = info.data.get("type", kind)  # not there: it was wrong itself
        if value is None:
            if "type" in info.data and asked == kind:
                raise ValueError(f"is required where type is {kind}")
            return None
        if asked != kind:
            raise ValueError(f"goes with type {kind}, not with {asked}")
        if not isinstance(value, str) or not written.pattern.fullmatch(value):
            raise ValueError(written.rule)
        return Secret(value)

    @property
    def auth(self) -> core.StreamAuth:
        """The core's word for it."""
        # Which of them are there validation has seen to.
        username, password, token, secret = (getattr(self, name) or Secret("") for name in _PARTS)
        match self.type:
            case "basic":
                return core.BasicAuth(username.reveal(), password)
            case "bearer":
                return core.BearerAuth(token)
            case _:
                return core.SignatureAuth(secret)


class StreamSettings(SettingsModel):
    """Where the audio of every call goes. ``near`` is the channel's party, ``far`` what that hears."""

    format: Annotated[str, PlainValidator(values.OneOf(stream_rules.FORMAT_NAMES))] = Field(
        stream_rules.FORMAT_NAMES[0],
        description="what is spoken there, see [docs/streams.md](streams.md)",
        examples=[stream_rules.FORMAT_NAMES[0]],
    )
    # This and what follows after the format, which their rules look at.
    url: str = Field(
        repr=False,
        exclude=True,
        description="`wss://…` or `ws://…`, any host; up to 2000 characters. `wss://user:password@…` is sent as"
        " Basic. A `format` that asks for the URL has `https://…`, too",
        examples=["wss://audio.example/calls"],
    )
    tracks: tuple[str, ...] = Field(
        _TRACKS, description="`near` is what the telephone says, `far` what it hears", examples=["near far"]
    )
    sample_rate: int | None = Field(None, description="Hz, one of the format's", examples=["8000"])
    parameters: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        exclude=True,
        description="a table of texts that are told to whoever listens, up to 20; fewer in some formats",
        examples=['{ site = "london" }'],
    )
    auth: StreamAuthSettings | None = Field(
        None, description="a table, see below", examples=['{ type = "bearer", token_file = "/run/secrets/stream" }']
    )

    @field_validator("url", mode="plain")
    @classmethod
    def _url(cls, value: Any, info: ValidationInfo) -> str:
        spoken = stream_rules.format_of(info.data.get("format"))
        url = values.text(value)
        bare, _ = stream_rules.split_login(url)
        read_url(bare, stream_rules.schemes_of(spoken))
        if len(url) > LONGEST_URL:
            raise ValueError(f"must have at most {LONGEST_URL} characters")
        rate_in(bare, spoken)
        return url

    @field_validator("tracks", mode="plain")
    @classmethod
    def _tracks(cls, value: Any) -> tuple[str, ...]:
        tracks = values.words(value)
        if not tracks or not set(_TRACKS).issuperset(tracks) or len(set(tracks)) < len(tracks):
            raise ValueError(f"must be {' or '.join(_TRACKS)}, or both")
        return tracks

    @field_validator("sample_rate", mode="plain")
    @classmethod
    def _sample_rate(cls, value: Any, info: ValidationInfo) -> int:
        rate = values.WholeWithin(1, 1_000_000)(value)
        spoken = stream_rules.format_of(info.data.get("format"))
        stream_rules.check_rate(rate, spoken)
        if rate_in(info.data.get("url", ""), spoken) not in (None, rate):
            raise ValueError(f"must be the {PARAMETER} of the url, or be left out")
        return rate

    @field_validator("parameters", mode="plain")
    @classmethod
    def _parameters(cls, value: Any, info: ValidationInfo) -> dict[str, str]:
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise ValueError("must be a table of texts")
        stream_rules.check_parameters(value)
        stream_rules.check_parameters_of(stream_rules.format_of(info.data.get("format")), value)
        return value

    @field_validator("auth", mode="before")
    @classmethod
    def _auth(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict | StreamAuthSettings):
            raise ValueError("must be a table")
        if stream_rules.split_login(info.data.get("url", ""))[1] is not None:
            raise ValueError("must not be there beside a user name in the url")
        return value

    def to_core(self, name: str) -> core.Stream:
        """Return the core's word for it, by this name."""
        url, login = stream_rules.split_login(self.url)
        return core.Stream(
            url=url,
            name=name,
            format=self.format,
            tracks=self.tracks,
            sample_rate=self.sample_rate or rate_in(url, stream_rules.format_of(self.format)),
            parameters=self.parameters,
            auth=self.auth.auth if self.auth is not None else login,
            trusted=True,
        )
