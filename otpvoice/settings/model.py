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
from otpvoice.settings import addresses, credentials, values
from otpvoice.settings.addresses import Bind
from otpvoice.settings.assembly import SECRETS, TABLES, Assembled, assemble
from otpvoice.settings.base import Around, SettingsModel, around
from otpvoice.settings.errors import SettingsError, SettingsProblem
from otpvoice.settings.sources import read, variable
from otpvoice.settings.streams import StreamAuthSettings, StreamSettings
from otpvoice.settings.tables import AccountSettings, LimitSettings, Name, Prefixes, TrunkSettings, seconds
from otpvoice.settings.values import Legs


class Settings(SettingsModel):
    """All of them. The first of ``trunks`` is the default one; there is at least one trunk and one account."""

    # Secrets are excluded from dumps: a dump knows nothing of Secret's bullets.
    dev: Annotated[bool, PlainValidator(values.flag)] = Field(False, examples=["1"])

    ari_url: Annotated[str, PlainValidator(addresses.ari_url)] = Field(
        "http://127.0.0.1:8088", examples=["http://10.0.0.5:8088"]
    )
    ari_user: str = Field("otpvoice", examples=["otpvoice"])
    ari_password: Secret = Field(
        Secret(""), validate_default=True, exclude=True, examples=["the output of: openssl rand -hex 32"]
    )
    ari_app: Name = Field("otpvoice", examples=["otpvoice"])
    instance: Annotated[str, PlainValidator(values.instance)] = Field(examples=["otp-1"])
    """Where nothing is set: the host's name."""

    trunks: tuple[TrunkSettings, ...]
    accounts: tuple[AccountSettings, ...]
    dev_key: Secret | None = Field(None, exclude=True)
    secret_key: Secret | None = Field(
        None, validate_default=True, exclude=True, examples=["the output of: openssl rand -base64 32"]
    )
    redis_url: Secret | None = Field(None, validate_default=True, exclude=True, examples=["redis://127.0.0.1:6379/0"])

    http_bind: Annotated[Bind, PlainValidator(addresses.bind)] = Field(
        Bind("127.0.0.1", 8080), examples=["0.0.0.0:8080"]
    )
    admin_bind: Annotated[Bind | None, PlainValidator(addresses.bind)] = Field(None, examples=["127.0.0.1:9090"])

    allow_destinations: Prefixes = Field((), examples=["+44 +353"])
    deny_destinations: Prefixes = Field((), examples=["+447700900"])
    local_numbers: Annotated[re.Pattern[str] | None, PlainValidator(values.local_numbers)] = Field(
        None, examples=["1[0-9]{3}"]
    )

    url_allow: Annotated[tuple[str, ...], PlainValidator(addresses.url_allow)] = Field(
        (), examples=["hooks.corp.example 10.20.0.0/16"]
    )
    """What addresses in requests may lead to besides the public Internet."""

    voice: Annotated[str, PlainValidator(values.voice)] = Field("espeak", examples=["espeak:en-gb"])
    language: Annotated[str, PlainValidator(values.language)] = Field("en-US", examples=["pt-BR"])
    lead_in: Annotated[float, seconds(0, 5)] = Field(0.4, examples=["0.4"])
    tail: Annotated[float, seconds(0, 10)] = Field(0.6, examples=["0.6"])
    prompts_dir: Annotated[Path | None, PlainValidator(values.folder)] = Field(None, examples=["/srv/otpvoice/prompts"])
    """Where the recordings are that ``play`` names."""

    media_legs: Annotated[Legs, PlainValidator(values.legs)] = Field(Legs(8, 400), examples=["8:400"])
    summary_ttl: Annotated[float, seconds(60, 31_536_000)] = Field(604_800.0, examples=["604800"])
    drain_timeout: Annotated[float, seconds(0, 3600)] = Field(60.0, examples=["60"])
    log: Annotated[Literal["json", "console"] | None, PlainValidator(values.one_of("json", "console"))] = Field(
        None, examples=["json"]
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], PlainValidator(values.one_of("debug", "info", "warning", "error"))
    ] = Field("info", examples=["debug"])

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
            problems += _contradictions(settings, assembled)
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
    def warnings(self) -> tuple[str, ...]:
        """What should be known, and keeps nothing from starting."""
        return tuple(_warnings(self))

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
    | {"trunk", "caller_ids", "api_keys", "webhook_url", "webhook_secrets"}
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
        match finding["type"]:
            case "value_error":
                rule = str(finding["ctx"]["error"])
            case "extra_forbidden":
                rule = "is not a setting"
            case _:
                rule = "is required"
        name = assembled.name(loc)
        yield SettingsProblem(name, rule, _example(loc, name))


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


def _contradictions(settings: Settings, assembled: Assembled) -> Iterator[SettingsProblem]:
    """What is right by itself and wrong together."""
    for field, words in (
        ("trunks", [(trunk.name,) for trunk in settings.trunks]),
        ("accounts", [(account.id,) for account in settings.accounts]),
        ("accounts", [account.key_digests for account in settings.accounts]),
    ):
        seen: set[object] = set()
        for index, ones in enumerate(words):
            if not seen.isdisjoint(ones):
                what = "a key" if isinstance(next(iter(ones)), bytes) else "the name"
                yield SettingsProblem(assembled.name((field, index)), f"has {what} of another one")
            seen.update(ones)
    first = settings.trunks[0]
    for index, trunk in enumerate(settings.trunks):
        if trunk.codec != first.codec:
            # A media leg has one codec, and there is one pool of them.
            rule = f"must be that of the trunk {first.name}: all have the same one in this version"
            yield SettingsProblem(assembled.name(("trunks", index, "codec")), rule, first.codec)
    trunks = {trunk.name: trunk for trunk in settings.trunks}
    for index, account in enumerate(settings.accounts):
        for name in account.trunks:
            trunk = trunks[name]
            if trunk.caller_ids and account.caller_ids and not settings.caller_ids_for(account, trunk):
                yield SettingsProblem(
                    assembled.name(("accounts", index, "caller_ids")),
                    f"must have one that may be used on each of the account's trunks; {name} has none of them",
                )


def _warnings(settings: Settings) -> Iterator[str]:
    for name in settings.later:
        yield f"{name} has no effect in this version"
    if settings.dev:
        yield "OTPVOICE_DEV is on: weak passwords and keys are allowed; not for production"
        if any(not account.allow_destinations for account in settings.accounts):
            yield "OTPVOICE_ALLOW_DESTINATIONS is empty: any number may be called that is not denied"
        if settings.redis_url is None:
            yield "OTPVOICE_REDIS_URL is not set: calls are known to this process only, and forgotten with it"
    for account in settings.accounts:
        if not account.limits.per_destination:
            yield (
                f"the account {account.id} has no limit per destination: a loop in an application can ring one phone"
                " again and again (for example: limits = { destination_calls_per_10_minutes = 5 })"
            )
