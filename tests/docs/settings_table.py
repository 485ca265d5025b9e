"""``python -m tests.docs.settings_table``: writes the tables of settings into their page, from the code.

Meaning, default, bounds and example of each are those of the models in ``otpvoice.settings``; what a model can't say of
a default is in ``DEFAULTS``, and tried out by the page's tests. It changes nothing outside of the markers, and refuses
a page without them, and a setting without a description or a place in ``GROUPS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, PlainValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from otpvoice.core.secret import Secret
from otpvoice.settings import (
    AccountSettings,
    Bind,
    Legs,
    LimitSettings,
    Settings,
    StreamAuthSettings,
    StreamSettings,
    TrunkSettings,
)
from otpvoice.settings.assembly import SECRETS, TABLES
from otpvoice.settings.model import KEYS
from otpvoice.settings.values import OneOf, Whole, WholeWithin, Within

PAGE: Final = Path(__file__).parents[2] / "docs" / "settings.md"
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Asterisk": ("ari_url", "ari_user", "ari_password", "ari_app", "instance", "media_legs"),
    "Who is called, and how": (
        "trunk",
        "caller_ids",
        "allow_destinations",
        "deny_destinations",
        "local_numbers",
    ),
    "Who may ask": ("http_bind", "api_keys", "secret_key", "url_allow"),
    "What becomes of calls": ("redis_url", "summary_ttl", "webhook_url", "webhook_secrets"),
    "Who comes from a hosted product": ("event_url", "terminator_included", "stops_at_first_key", "scenarios_dir"),
    "How it speaks": (
        "voice",
        "fallback_voices",
        "language",
        "locales_dir",
        "lead_in",
        "tail",
        "prompts_dir",
    ),
    "Where speech comes from, and stays": (
        "recordings_dir",
        "asterisk_sounds",
        "piper_dir",
        "piper",
        "gtts",
        "speech_cache",
        "speech_cache_size",
        "warm_up",
        "brands",
        "speech_workers",
    ),
    "How it runs": ("admin_bind", "drain_timeout", "log", "log_level", "dev"),
}
MOVED: Final[Mapping[str, tuple[type[BaseModel], str]]] = {
    "trunk": (TrunkSettings, "dial"),
    "caller_ids": (TrunkSettings, "caller_ids"),
    "api_keys": (AccountSettings, "api_keys"),
    "webhook_url": (AccountSettings, "webhook_url"),
    "webhook_secrets": (AccountSettings, "webhook_secrets"),
    "event_url": (AccountSettings, "event_url"),
    "terminator_included": (AccountSettings, "terminator_included"),
    "stops_at_first_key": (AccountSettings, "stops_at_first_key"),
}
"""Variables that describe the trunk and the account ``default``."""
NOT_IN_TABLES: Final = {(AccountSettings, "api_keys")}
DEFAULTS: Final[Mapping[tuple[type[BaseModel], str], str]] = {
    (Settings, "ari_password"): "required",
    (Settings, "instance"): "the host's name",
    (Settings, "redis_url"): "required",
    (Settings, "secret_key"): "none: set it",
    (Settings, "admin_bind"): "the hook's",
    (Settings, "allow_destinations"): "required",
    (Settings, "warm_up"): "`OTPVOICE_LANGUAGE`",
    (Settings, "speech_cache"): "none: in memory only",
    (Settings, "speech_workers"): "half of the cores, 1 to 4",
    (Settings, "log"): "`console` on a terminal, else `json`",
    (TrunkSettings, "calls_per_second"): "no limit",
    (TrunkSettings, "max_calls"): "no limit",
    (AccountSettings, "api_keys"): "required",
    (AccountSettings, "keys"): "required",
    (AccountSettings, "caller_ids"): "the trunk's",
    (AccountSettings, "trunks"): "all",
    (AccountSettings, "allow_destinations"): "the variable's",
    (AccountSettings, "webhook_secrets"): "required with `webhook_url`",
    (AccountSettings, "limits"): "no limits",
    (LimitSettings, "calls_per_minute"): "no limit",
    (LimitSettings, "calls_in_progress"): "no limit",
    (LimitSettings, "destination_calls_per_10_minutes"): "no limit",
    (LimitSettings, "destination_calls_per_day"): "no limit",
    (StreamSettings, "sample_rate"): "its first",
    (StreamAuthSettings, "username"): "required with `basic`",
    (StreamAuthSettings, "password"): "required with `basic`",
    (StreamAuthSettings, "token"): "required with `bearer`",
    (StreamAuthSettings, "secret"): "required with `signature`",
}
_WORDS: Final[Mapping[tuple[type[BaseModel], str], str]] = {
    (AccountSettings, "webhook_secrets"): "required with `OTPVOICE_WEBHOOK_URL`"
}
"""Of the variable, where it differs."""
_HEAD: Final = "| meaning | default | for example |\n|---|---|---|---|"


def variables() -> str:
    """Return the tables of variables, one for each group, in the order of ``GROUPS``."""
    listed = [key for group in GROUPS.values() for key in group]
    if sorted(listed) != sorted(KEYS):
        raise ValueError(f"no place in GROUPS, or two of them: {sorted(set(listed) ^ KEYS)}")
    tables = []
    for heading, keys in GROUPS.items():
        rows = []
        for key in keys:
            model, name = MOVED.get(key, (Settings, key))
            names = [f"OTPVOICE_{key.upper()}", *([f"OTPVOICE_{key.upper()}_FILE"] if key in SECRETS else [])]
            rows.append(_row(model, name, names, _WORDS.get((model, name))))
        tables.append("\n".join([f"### {heading}\n", f"| variable {_HEAD}", *rows]))
    return "\n\n".join(tables)


def keys_of(model: type[BaseModel], called: str) -> str:
    """Return the table of one table's keys."""
    secrets = {way[-1] for ways in TABLES.values() for way in ways}
    rows = [
        _row(model, name, [name, *([f"{name}_file"] if name in secrets else [])])
        for name in model.model_fields
        if (model, name) not in NOT_IN_TABLES
    ]
    return "\n".join([f"| key of `{called}` {_HEAD}", *rows])


def _row(model: type[BaseModel], name: str, names: list[str], default: str | None = None) -> str:
    field = model.model_fields[name]
    if not field.description:
        raise ValueError(f"{model.__name__}.{name} has no description")
    meaning = "; ".join([field.description, *_bounds(field)])
    default = default or DEFAULTS.get((model, name)) or _default(field)
    return f"| {', '.join(f'`{one}`' for one in names)} | {meaning} | {default} | {_example(field)} |"


def _bounds(field: FieldInfo) -> Iterator[str]:
    for rule in (entry.func for entry in field.metadata if isinstance(entry, PlainValidator)):
        match rule:
            case Within(low, high, unit):
                yield f"{low:g} to {high:.10g} {unit}".rstrip()
            case WholeWithin(low, high):
                yield f"{low} to {high}"
            case Whole(low, high, unit):
                yield f"{low} to {high} {unit}".rstrip()
            case OneOf(words):
                yield ", ".join(f"`{word}`" for word in words)


def _default(field: FieldInfo) -> str:
    value: Any = None if field.default_factory is not None else field.default
    match value:
        case _ if value is PydanticUndefined:
            return "required"
        case None | ():
            return "none"
        case Bind(host, port):
            return f"`{host}:{port}`"
        case Legs(least, most):
            return f"`{least}:{most}`"
        case bool():
            return f"`{int(value)}`"
        case float() | int():
            return f"`{value:.10g}`"
        case tuple():
            return f"`{' '.join(value)}`"
        case str():
            return f"`{value}`"
        case Secret():
            raise ValueError("a secret that is a default")
        case _:
            raise TypeError(f"a default that has no words: {type(value)}")


def _example(field: FieldInfo) -> str:
    (example,) = field.examples or [None]
    if example is None:
        raise ValueError(f"no example: {field.description}")
    told = str(example).replace("|", r"\|")
    if told.startswith("the output of: "):
        return f"the output of `{told.removeprefix('the output of: ')}`"
    return f"`{told}`"


TABLES_OF_THE_PAGE: Final[Mapping[str, Callable[[], str]]] = {
    "variables": variables,
    "trunk": lambda: keys_of(TrunkSettings, "[[trunk]]"),
    "stream": lambda: keys_of(StreamSettings, "[trunk.stream]"),
    "auth": lambda: keys_of(StreamAuthSettings, "auth"),
    "account": lambda: keys_of(AccountSettings, "[[account]]"),
    "limits": lambda: keys_of(LimitSettings, "limits"),
}


def with_tables(page: str) -> str:
    """Return the page with the tables as they are now. Raises ``ValueError`` where a marker is missing."""
    for name, table in TABLES_OF_THE_PAGE.items():
        before, rest = page.split(f"<!-- {name}: begin -->\n")
        _, after = rest.split(f"<!-- {name}: end -->\n")
        page = f"{before}<!-- {name}: begin -->\n\n{table()}\n\n<!-- {name}: end -->\n{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
