"""What of settings that are wrong can still be looked at: the rest of them, each as it was set.

Nothing is guessed: a setting that is wrong is left out and named, and what rests on it is not looked at.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from otpvoice.settings import Settings, SettingsError, SettingsProblem
from otpvoice.settings.assembly import SECRETS, TABLES, assemble
from otpvoice.settings.base import Around
from otpvoice.settings.model import KEYS
from otpvoice.settings.sources import read


@dataclass(frozen=True, slots=True)
class Salvaged:
    """``settings`` None: there is nothing to be made of them. ``wrong``: the fields that were left out of them."""

    settings: Settings | None
    problems: tuple[SettingsProblem, ...] = ()
    wrong: frozenset[str] = frozenset()


def load(environ: Mapping[str, str]) -> Salvaged:
    """Return the settings, or what is left of them, with all that is wrong."""
    try:
        return Salvaged(Settings.load(environ))
    except SettingsError as error:
        settings, wrong = _rest(environ)
        return Salvaged(settings, error.problems, wrong)


def _rest(environ: Mapping[str, str]) -> tuple[Settings | None, frozenset[str]]:
    given = read(environ, KEYS, SECRETS, TABLES)
    # As in development: a weak password is wrong, and still the one to ask with.
    document = assemble(given, dev=True).document
    document.setdefault("instance", socket.gethostname())
    wrong: set[str] = set()
    while True:
        names = tuple(str(trunk.get("name")) for trunk in document.get("trunks", ()))
        try:
            return Settings.model_validate(document, context=Around(dev=True, trunks=names)), frozenset(wrong)
        except ValidationError as error:
            left = sum(_take_out(document, finding["loc"], wrong) for finding in error.errors(include_url=False))
            for field in wrong:
                if isinstance(rows := document.get(field), list):
                    document[field] = [row for row in rows if row is not None]
            if not left:
                return None, frozenset(wrong)


def _take_out(document: dict[str, Any], loc: tuple[int | str, ...], wrong: set[str]) -> bool:
    """Leave a wrong value out, or the table around it where it can't be without. Was there anything to leave out?"""
    field = str(loc[0])
    wrong.add(field)
    rows = document.get(field)
    if len(loc) > 1 and isinstance(loc[1], int) and isinstance(rows, list):
        row = rows[loc[1]] if loc[1] < len(rows) else None
        if isinstance(row, dict) and len(loc) > 2 and row.pop(loc[2], None) is not None:
            return True
        if row is None:
            return False
        # What it needs is missing. None and not removed: the others are known by their place, until all are looked at.
        rows[loc[1]] = None
        return True
    return document.pop(field, None) is not None
