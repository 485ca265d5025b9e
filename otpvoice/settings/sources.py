"""Where settings come from: variables, files that hold secrets, and one TOML file.

It looks at names only; what a value means is decided elsewhere. A variable wins over the file; an empty one counts as
not set, since that is what ``${NAME:-}`` in a compose file leaves.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from otpvoice.settings.errors import SettingsProblem

PREFIX: Final = "OTPVOICE_"
LARGEST_FILE: Final = 1_048_576

# Read by the commands that talk to a running otpvoice, and by this project's own tests.
_OTHERS: Final = frozenset({"url", "key", "key_file", "code", "rig", "rig_private", "asterisk", "python", "images"})
# What Kubernetes adds on its own where there is a Service named otpvoice (its documentation, "Environment variables").
_SERVICE_LINK: Final = re.compile(r"SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?")


@dataclass(slots=True)
class Given:
    """What was set. ``names``: how each key is called where it was set. ``from_file``: keys that the TOML file gave.

    ``places``: the name of what a table holds by another one: a secret that lies in a file of its own.
    """

    values: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    from_file: set[str] = field(default_factory=set)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    places: dict[tuple[str | int, ...], str] = field(default_factory=dict)
    file: str = ""
    problems: list[SettingsProblem] = field(default_factory=list)

    def take(self, key: str, value: Any, name: str) -> None:
        """Set a key."""
        self.values[key], self.names[key] = value, name

    def name(self, key: str) -> str:
        """Return how a key is called, set or not."""
        return self.names.get(key, variable(key))


def variable(key: str) -> str:
    """Return the variable of a key."""
    return PREFIX + key.upper()


def read(
    environ: Mapping[str, str],
    keys: frozenset[str],
    secrets: frozenset[str],
    tables: Mapping[str, frozenset[tuple[str, ...]]],
) -> Given:
    """Return what is set. ``keys``: all that there are; ``secrets``: those that may lie in a file of their own.

    ``tables``: the tables of the file, each with the way to its secrets, through the tables within it.
    """
    given = Given()
    known = keys | {f"{key}_file" for key in secrets}
    path = environ.get(variable("config"), "")
    if path:
        _read_toml(path, given, known, frozenset(tables))
    for name, value in sorted(environ.items()):
        key = name.removeprefix(PREFIX).lower()
        if not name.startswith(PREFIX) or key in _OTHERS | {"config"} or _SERVICE_LINK.fullmatch(name[len(PREFIX) :]):
            continue
        if key not in known or name != variable(key):
            given.problems.append(
                SettingsProblem(name, "is not a setting" + _meant(key, known, variable), kind="unknown")
            )
        elif value.strip():
            # The twin that the file gave is overridden, too.
            twin = key.removesuffix("_file") if key.endswith("_file") else f"{key}_file"
            if twin in given.from_file:
                given.values.pop(twin, None)
            given.from_file.discard(key)
            given.take(key, value, name)
    _read_secrets(given, secrets)
    for key, entries in tables.items():
        for index, table in enumerate(given.tables.get(key, ())):
            _read_secrets_of(table, given, (key, index), entries)
    return given


def _read_toml(path: str, given: Given, known: frozenset[str], tables: frozenset[str]) -> None:
    given.file = path
    try:
        with Path(path).open("rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        given.problems.append(
            SettingsProblem(variable("config"), f"names a file that can't be read: {error.strerror}", kind="unreadable")
        )
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "not UTF-8 text"
        given.problems.append(SettingsProblem(path, f"is not TOML: {reason}", kind="no_toml"))
        return
    for key, value in document.items():
        if key in tables:
            if isinstance(value, list) and all(isinstance(table, dict) for table in value):
                given.tables[key] = value
            else:
                given.problems.append(SettingsProblem(f"{path}: {key}", f"must be tables, each opened by [[{key}]]"))
        elif key in known:
            given.take(key, value, f"{path}: {key}")
            given.from_file.add(key)
        else:
            given.problems.append(
                SettingsProblem(f"{path}: {key}", "is not a setting" + _meant(key, known | tables, str), kind="unknown")
            )


def _read_secrets(given: Given, secrets: frozenset[str]) -> None:
    """Put the content of NAME_FILE in the place of NAME."""
    for key in sorted(secrets):
        path = given.values.pop(f"{key}_file", None)
        if path is None:
            continue
        name = given.names[f"{key}_file"]
        if key in given.values:
            given.problems.append(
                SettingsProblem(name, f"is set as well as {given.name(key)}: one of them is enough", kind="twice")
            )
            continue
        given.take(key, _read_secret(str(path), given, name), name)


def _read_secrets_of(
    table: dict[str, Any], given: Given, where: tuple[str, int], secrets: frozenset[tuple[str, ...]]
) -> None:
    """Put the content of entry_file in the place of entry."""
    for way in sorted(secrets):
        *outer, entry = way
        inner = _inner(table, outer)
        path = inner.pop(f"{entry}_file", None)
        if path is None:
            continue
        place = "".join([f"{given.file}: {where[0]}[{where[1]}]", *(f".{step}" for step in way)])
        name = f"{place}_file"
        if entry in inner:
            given.problems.append(
                SettingsProblem(name, f"is set as well as {place}: one of them is enough", kind="twice")
            )
            continue
        inner[entry] = _read_secret(str(path), given, name)
        given.places[*where, *way] = name


def _inner(table: dict[str, Any], way: list[str]) -> dict[str, Any]:
    """Return the table that lies within another one; an empty one where there is none."""
    for step in way:
        inner = table.get(step)
        if not isinstance(inner, dict):
            return {}
        table = inner
    return table


def _read_secret(path: str, given: Given, name: str) -> str | None:
    """Return what a file holds. None stands, too: the key is set, only nobody can say to what."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_FILE).decode().strip()
    except OSError as error:
        given.problems.append(
            SettingsProblem(name, f"names a file that can't be read: {error.strerror}", kind="unreadable")
        )
    except (UnicodeDecodeError, ValueError):
        given.problems.append(SettingsProblem(name, "names a file that holds no text", kind="unreadable"))
    else:
        if content:
            return content
        given.problems.append(SettingsProblem(name, "names a file that is empty", kind="unreadable"))
    return None


def _meant(key: str, known: frozenset[str], spelled: Any) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {spelled(close[0])}?" if close else ""
