"""The settings, each with its rule, its default and an example.

It asks nobody and connects to nothing. What it makes up (keys, in development) lives as long as the process.
"""

from __future__ import annotations

import base64
import re
import secrets
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, PlainValidator, ValidationError, ValidationInfo, field_validator

from otpvoice.core.secret import Secret
from otpvoice.settings import addresses, credentials, scenarios, values
from otpvoice.settings.addresses import Bind
from otpvoice.settings.assembly import SECRETS, TABLES, TOLD, Assembled, assemble
from otpvoice.settings.base import Around, SettingsModel, around
from otpvoice.settings.errors import ProblemKind, SettingsError, SettingsProblem, SettingsWarning
from otpvoice.settings.findings import contradictions, warnings
from otpvoice.settings.sources import read, variable
from otpvoice.settings.speech import SpeechSettings
from otpvoice.settings.streams import StreamAuthSettings, StreamSettings
from otpvoice.settings.tables import AccountSettings, LimitSettings, Name, Prefixes, TrunkSettings, seconds
from otpvoice.settings.values import Legs


class Settings(SpeechSettings):
    """All of them. The first of ``trunks`` is the default one; there is at least one trunk and one account."""

    # Secrets are excluded from dumps: a dump knows nothing of Secret's bullets.
    dev: Annotated[bool, PlainValidator(values.flag)] = Field(
        False,
        description="1: weak passwords, no Redis, no API key (one is made and shown), any destination. Not for"
        " production",
        examples=["1"],
    )

    ari_url: Annotated[str, PlainValidator(addresses.ari_url)] = Field(
        "http://127.0.0.1:8088", description="Asterisk's HTTP server", examples=["http://10.0.0.5:8088"]
    )
    ari_user: str = Field("otpvoice", description="the user in `ari.conf`", examples=["otpvoice"])
    ari_password: Secret = Field(
        Secret(""),
        validate_default=True,
        exclude=True,
        description="and the password; a weak one is refused, since who has it has Asterisk",
        examples=["the output of: openssl rand -hex 32"],
    )
    ari_app: Name = Field(
        "otpvoice",
        description="name of the Stasis application that dialplans use. Two processes on one Asterisk must not share"
        " one",
        examples=["otpvoice"],
    )
    instance: Annotated[str, PlainValidator(values.instance)] = Field(
        description="name of this process; calls that it places enter `<app>-<instance>`. Two processes must not"
        " share one",
        examples=["otp-1"],
    )

    trunks: tuple[TrunkSettings, ...]
    accounts: tuple[AccountSettings, ...]
    dev_key: Secret | None = Field(None, exclude=True)
    secret_key: Secret | None = Field(
        None,
        validate_default=True,
        exclude=True,
        description="32 random bytes, base64, the same for all instances and lives: what is to be said in calls that"
        " nobody was dialled for yet is kept in Redis sealed with it (AES-256-GCM), and the ids of calls are derived"
        " with it from idempotency keys. Without it, or with another one after a restart, calls that waited end"
        " `failed`, `lost_before_dialing`. Without it `Idempotency-Key` is refused, and with another one keys that were"
        " used are forgotten",
        examples=["the output of: openssl rand -base64 32"],
    )
    redis_url: Secret | None = Field(
        None,
        validate_default=True,
        exclude=True,
        description="where records are kept; `rediss://…` and `unix://…`, too",
        examples=["redis://127.0.0.1:6379/0"],
    )

    http_bind: Annotated[Bind, PlainValidator(addresses.bind)] = Field(
        Bind("127.0.0.1", 8080), description="where applications connect", examples=["0.0.0.0:8080"]
    )
    admin_bind: Annotated[Bind | None, PlainValidator(addresses.bind)] = Field(
        None,
        description="`/healthz`, `/readyz` and `/metrics` on a port of their own; the same as `OTPVOICE_HTTP_BIND`:"
        " on the hook's",
        examples=["127.0.0.1:9090"],
    )

    allow_destinations: Prefixes = Field(
        (),
        description="who may be called: prefixes of numbers and regions, see [destinations](#destinations)",
        examples=["+44 +353"],
    )
    deny_destinations: Prefixes = Field((), description="and who may not", examples=["+447700900"])
    local_numbers: Annotated[re.Pattern[str] | None, PlainValidator(values.local_numbers)] = Field(
        None, description="a pattern of extensions that may be called", examples=["1[0-9]{3}"]
    )

    url_allow: Annotated[tuple[str, ...], PlainValidator(addresses.url_allow)] = Field(
        (),
        description="what URLs in requests may lead to besides public addresses: hosts (`hooks.corp.example`,"
        " `*.corp.example`), networks, addresses. Loopback, link-local and metadata addresses only one by one",
        examples=["hooks.corp.example 10.20.0.0/16"],
    )

    scenarios_dir: Annotated[Path | None, PlainValidator(scenarios.scenarios_dir)] = Field(
        None,
        description="folder of prepared callflows, `<name>.json`, that the action `scenario` names; read at the start",
        examples=["/etc/otpvoice/scenarios"],
    )

    media_legs: Annotated[Legs, PlainValidator(values.legs)] = Field(
        Legs(8, 400), description="`min:max` [media legs](#media-legs)", examples=["8:400"]
    )
    summary_ttl: Annotated[float, seconds(60, 31_536_000)] = Field(
        604_800.0, description="how long records are kept", examples=["604800"]
    )
    drain_timeout: Annotated[float, seconds(0, 3600)] = Field(
        60.0, description="how long calls may finish after SIGTERM", examples=["60"]
    )
    log: Annotated[Literal["json", "console"] | None, PlainValidator(values.OneOf(("json", "console")))] = Field(
        None, description="how lines look", examples=["json"]
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        PlainValidator(values.OneOf(("debug", "info", "warning", "error"))),
    ] = Field("info", description="which lines there are", examples=["debug"])

    later: tuple[str, ...] = ()
    """What is set and belongs to a later version."""

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Return the settings. Raises ``SettingsError`` with all that is wrong."""
        given = read(environ, KEYS, SECRETS, TABLES)
        dev = _is_dev(given.values.get("dev"))
        assembled = assemble(given, dev=dev)
        assembled.document.setdefault("instance", socket.gethostname())
        names = [trunk.get("name") for trunk in assembled.document["trunks"]]
        around = Around(dev, tuple(name for name in names if isinstance(name, str)))
        problems = [*given.problems, *assembled.problems]
        try:
            settings = cls.model_validate(assembled.document, context=around)
        except ValidationError as error:
            problems += _problems(error, assembled)
        else:
            problems += contradictions(settings, assembled)
            if not problems:
                return settings
        unreadable = {problem.name for problem in given.problems}
        raise SettingsError(dict.fromkeys(p for p in problems if p in given.problems or p.name not in unreadable))

    def caller_ids_for(self, account: AccountSettings, trunk: TrunkSettings) -> tuple[str, ...]:
        """Return the caller IDs that an account may show on a trunk; the first is the default."""
        if account.caller_ids and trunk.caller_ids:
            return tuple(number for number in account.caller_ids if number in trunk.caller_ids)
        return account.caller_ids or trunk.caller_ids

    @property
    def warnings(self) -> tuple[SettingsWarning, ...]:
        """What should be known, and keeps nothing from starting."""
        return tuple(warnings(self))

    @field_validator("ari_user", mode="plain")
    @classmethod
    def _ari_user(cls, value: Any) -> str:
        if ":" in values.text(value):
            raise ValueError("must have no colon")  # RFC 7617 section 2
        return str(value)

    @field_validator("ari_password", mode="plain")
    @classmethod
    def _ari_password(cls, value: Any, info: ValidationInfo) -> Secret:
        password = value.reveal() if isinstance(value, Secret) else value
        if not isinstance(password, str) or not password.isprintable():
            raise ValueError("must be a text on one line")
        weak = password.lower() in {*values.WEAK_PASSWORDS, str(info.data.get("ari_user")).lower()}
        if (weak or len(password) < values.SHORTEST_PASSWORD) and not around(info).dev:
            # Whoever has it has Asterisk: ARI knows no lesser rights than all.
            raise ValueError(
                f"must have at least {values.SHORTEST_PASSWORD} characters, and not be the user's name or a default"
                if password
                else "is required"
            )
        return Secret(password)

    @field_validator("admin_bind", mode="after")
    @classmethod
    def _admin_bind(cls, value: Bind | None, info: ValidationInfo) -> Bind | None:
        # Named like the hook's, it is the hook's. Port 0 twice is two ports.
        return None if value is not None and value.port and value == info.data.get("http_bind") else value

    @field_validator("secret_key", mode="plain")
    @classmethod
    def _secret_key(cls, value: Any, info: ValidationInfo) -> Secret | None:
        if value is None:
            return Secret(base64.b64encode(secrets.token_bytes(32)).decode()) if around(info).dev else None
        return credentials.secret_key(value)

    @field_validator("redis_url", mode="plain")
    @classmethod
    def _redis_url(cls, value: Any, info: ValidationInfo) -> Secret | None:
        if value is None:
            if not around(info).dev:
                raise ValueError("is required: without it calls are lost with this process")
            return None
        return addresses.redis_url(value)

    @field_validator("dev_key", mode="plain")
    @classmethod
    def _dev_key(cls, value: Any) -> Secret | None:
        return None if value is None else Secret(value)


KEYS: Final = frozenset(
    (Settings.model_fields.keys() - {"trunks", "accounts", "dev_key", "later"})
    | {"trunk", "caller_ids", "api_keys", *TOLD}
)
"""All variables, in lower case and without prefix."""


def _is_dev(value: Any) -> bool:
    try:
        return value is not None and values.flag(value)
    except ValueError:
        return False


def _problems(error: ValidationError, assembled: Assembled) -> Iterator[SettingsProblem]:
    for finding in error.errors(include_url=False, include_input=False):
        loc = finding["loc"]
        kind: ProblemKind = "value"
        match finding["type"]:
            case "value_error":
                rule = str(finding["ctx"]["error"])
            case "extra_forbidden":
                rule, kind = "is not a setting", "unknown"
            case _:
                rule = "is required"
        name = assembled.name(loc)
        yield SettingsProblem(name, rule, _example(loc, name), kind)


_TABLES: Final[Mapping[str, type[SettingsModel]]] = {
    "trunks": TrunkSettings,
    "stream": StreamSettings,
    "auth": StreamAuthSettings,
    "accounts": AccountSettings,
    "limits": LimitSettings,
}


def _example(loc: tuple[int | str, ...], name: str) -> str | None:
    # The innermost table in which it lies.
    table = next((_TABLES[step] for step in reversed(loc[:-1]) if isinstance(step, str) and step in _TABLES), Settings)
    fields = table.model_fields
    field = fields.get("api_keys" if name == variable("api_keys") else str(loc[-1]))
    return str(field.examples[0]) if field is not None and field.examples else None
