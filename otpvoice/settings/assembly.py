"""What was given becomes one document: the variables describe the account and the trunk ``default``.

It moves values about and remembers where each came from. Whether one is right is not asked here.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from otpvoice.settings.errors import SettingsProblem
from otpvoice.settings.sources import Given, variable

DEFAULT: Final = "default"

SECRETS: Final = frozenset({"ari_password", "api_keys", "secret_key", "redis_url", "webhook_secrets"})

TRUNK: Final = frozenset(
    {"name", "dial", "caller_ids", "codec", "ring_timeout", "calls_per_second", "max_calls", "queue_seconds", "stream"}
)
TOLD: Final = ("webhook_url", "webhook_secrets", "event_url", "terminator_included", "stops_at_first_key")
"""Variables of the account ``default``: where its calls are told, and how."""
ACCOUNT: Final = frozenset({"id", "keys", "caller_ids", "trunks", "allow_destinations", "limits", *TOLD})
TABLES: Final[Mapping[str, frozenset[tuple[str, ...]]]] = {
    "trunk": frozenset(("stream", "auth", secret) for secret in ("password", "token", "secret")),
    "account": frozenset({("webhook_secrets",)}),
    "asterisk": frozenset(),
}
"""Each with the way to its secrets."""

Loc: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Assembled:
    """``document``: by field of ``Settings``. ``names``: how a place in it is called where it was set."""

    document: dict[str, Any]
    names: Mapping[Loc, str]
    problems: tuple[SettingsProblem, ...]

    def name(self, loc: Loc) -> str:
        """Return how a place is called, by the nearest one around it that has a name."""
        for length in range(len(loc), 0, -1):
            known = self.names.get(loc[:length])
            if known is not None:
                rest = loc[length:]
                return known + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in rest)
        return variable(str(loc[0]))


class _Assembly:
    def __init__(self, given: Given, *, dev: bool) -> None:
        self._given, self._dev = given, dev
        self.values = dict(given.values)
        self.names: dict[Loc, str] = {(key,): name for key, name in given.names.items()}
        self.problems: list[SettingsProblem] = []
        self.later: list[str] = []

    def assemble(self) -> Assembled:
        trunks = self._tables("trunk", "trunks", TRUNK)
        accounts = self._tables("account", "accounts", ACCOUNT)
        if "asterisk" in self._given.tables:
            self.later.append(f"{self._given.file}: asterisk")
        self._default_trunk(trunks)
        made = self._default_account(accounts)
        self._caller_ids(trunks, accounts)
        self._fill(accounts)
        tables = {"trunks": trunks, "accounts": accounts, "dev_key": made, "later": tuple(self.later)}
        document = self.values | tables
        return Assembled(document, self.names, tuple(self.problems))

    def _tables(self, key: str, field: str, known: frozenset[str]) -> list[dict[str, Any]]:
        tables: list[dict[str, Any]] = []
        for index, table in enumerate(self._given.tables.get(key, ())):
            name = f"{self._given.file}: {key}[{index}]"
            self.names[field, index] = name
            self.names |= {
                (field, index, *way): called
                for (kind, at, *way), called in self._given.places.items()
                if (kind, at) == (key, index)
            }
            self.problems += [
                SettingsProblem(f"{name}.{entry}", "is not a setting", kind="unknown")
                for entry in sorted(table.keys() - known)
            ]
            tables.append({entry: value for entry, value in table.items() if entry in known})
        return tables

    def _default(self, field: str, tables: list[dict[str, Any]], key: str) -> int | None:
        return next((index for index, table in enumerate(tables) if table.get(key) == DEFAULT), None)

    def _default_trunk(self, trunks: list[dict[str, Any]]) -> None:
        index = self._default("trunks", trunks, "name")
        if index is None and ("trunk" in self.values or not trunks):
            index = 0
            self._insert_first("trunks", trunks, {"name": DEFAULT}, variable("trunk"))
            self.names["trunks", 0, "dial"] = self._given.name("trunk")
        if index is not None:
            self._put("trunk", trunks[index], ("trunks", index, "dial"))

    def _default_account(self, accounts: list[dict[str, Any]]) -> str | None:
        made = None
        index = self._default("accounts", accounts, "id")
        if index is None and ("api_keys" in self.values or not accounts):
            index = 0
            self._insert_first("accounts", accounts, {"id": DEFAULT}, variable("api_keys"))
            self.names["accounts", 0, "keys"] = self._given.name("api_keys")
            if self._dev and "api_keys" not in self.values:
                made = "otp_dev_" + secrets.token_urlsafe(24)
                self.values["api_keys"] = made
        if index is not None:
            if "keys" in accounts[index] and "api_keys" in self.values:
                self._either("api_keys", ("accounts", index, "keys"))
                del accounts[index]["keys"]
            self._put("api_keys", accounts[index], ("accounts", index, "api_keys"))
        self._told(accounts, index)
        return made

    def _told(self, accounts: list[dict[str, Any]], index: int | None) -> None:
        """Where reports go, what signs them and how keys are told are the account ``default``'s."""
        if index is None:
            for key in TOLD:
                self._belongs_nowhere(key, "account")
            return
        if "webhook_url" in self.values and "webhook_secrets" not in accounts[index]:
            # Should they be missing, then where the address was set.
            self.names["accounts", index, "webhook_secrets"] = self._given.name("webhook_secrets")
        for key in TOLD:
            self._put(key, accounts[index], ("accounts", index, key))

    def _caller_ids(self, trunks: list[dict[str, Any]], accounts: list[dict[str, Any]]) -> None:
        """They are those of the trunk ``default``; where there is none, of the account ``default``."""
        for field, tables, key in (("trunks", trunks, "name"), ("accounts", accounts, "id")):
            index = self._default(field, tables, key)
            if index is not None and "caller_ids" in self.values:
                self._put("caller_ids", tables[index], (field, index, "caller_ids"))
        self._belongs_nowhere("caller_ids", "trunk or account")

    def _belongs_nowhere(self, key: str, what: str) -> None:
        """Say so where a value is left over."""
        if key in self.values:
            del self.values[key]
            self.problems.append(
                SettingsProblem(self._given.name(key), f"belongs to the {what} default: there is none")
            )

    def _fill(self, accounts: list[dict[str, Any]]) -> None:
        """Give the list of all to those accounts that have no list of their own."""
        for index, account in enumerate(accounts):
            if "allow_destinations" not in account:
                account["allow_destinations"] = self.values.get("allow_destinations", ())
                self.names["accounts", index, "allow_destinations"] = self._given.name("allow_destinations")

    def _put(self, key: str, table: dict[str, Any], loc: Loc) -> None:
        """Move a value into a table. A variable wins over what stands there; a key of the same file may not."""
        if key not in self.values:
            return
        entry = str(loc[-1])
        if entry in table:
            self._either(key, loc)
        table[entry] = self.values.pop(key)
        self.names[loc] = self._given.name(key)

    def _either(self, key: str, loc: Loc) -> None:
        if key in self._given.from_file:
            other = Assembled({}, self.names, ()).name(loc)
            self.problems.append(
                SettingsProblem(
                    self._given.name(key), f"is set as well as {other}: one of them is enough", kind="twice"
                )
            )

    def _insert_first(self, field: str, tables: list[dict[str, Any]], table: dict[str, Any], name: str) -> None:
        tables.insert(0, table)
        moved = {loc: known for loc, known in self.names.items() if loc[0] == field and len(loc) > 1}
        for loc in moved:
            del self.names[loc]
        self.names |= {(loc[0], int(loc[1]) + 1, *loc[2:]): known for loc, known in moved.items()}
        self.names[field, 0] = name


def assemble(given: Given, *, dev: bool) -> Assembled:
    """Return the document. ``dev``: a key is made where there is none."""
    return _Assembly(given, dev=dev).assemble()
