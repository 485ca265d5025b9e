"""The settings: all that is wrong with them, and what should be known of those that are right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from otpvoice.doctor.finding import Check, Finding
from otpvoice.settings import Settings, SettingsProblem
from otpvoice.settings.errors import ProblemKind

SETTINGS = Check("settings", "Are all settings there and right?")
WRONG = SETTINGS.fails(
    "wrong",
    "{name} {rule}",
    "{remedy}, and start otpvoice anew: like this it does not start. docs/settings.md has all settings.",
)
NOTED = SETTINGS.warns("noted", "{warning}", "docs/admin.md says more, and docs/settings.md has all settings.")

DESTINATIONS = Check("destinations", "Who may be called?")
WIDE = DESTINATIONS.warns(
    "wide_open",
    "the account {account} may call {prefixes}: whole zones of the world, and all that is dear to call in them",
    "Name the countries that you have customers in, as in OTPVOICE_ALLOW_DESTINATIONS=+44 +353 (allow_destinations of"
    " the account in the file). Whoever finds your form earns by every call abroad.",
)
ANY = DESTINATIONS.warns(
    "any",
    "the account {account} may call any number that is not denied: its list is empty, and OTPVOICE_DEV is on",
    "Set OTPVOICE_ALLOW_DESTINATIONS, as in +44 +353, and OTPVOICE_DEV=0 before this Asterisk has a trunk.",
)
UNLIMITED = DESTINATIONS.warns(
    "no_limit",
    "the account {account} has no limit per destination: a loop in an application can ring one phone again and again",
    "Give it one in the TOML file: [[account]] … limits = {{ destination_calls_per_10_minutes = 5 }}.",
)

_REMEDIES: Final[Mapping[ProblemKind, str]] = {
    "value": "Set it",
    "unknown": "Take it out, or write it as it is meant: a setting that is misspelled would be none",
    "unreadable": "Make the file that it names one that can be read (ls -l, and is it mounted?)",
    "no_toml": "Mend the file there; in TOML a text stands in quotes",
    "twice": "Take one of them out",
}
_OF_DESTINATIONS: Final = frozenset({"any_destination", "no_limit"})
"""Warnings that the check of destinations has better words for."""
_ZONES = frozenset(f"+{zone}" for zone in (2, 3, 4, 5, 6, 8, 9))
"""World zones of E.164 with many countries in each. +1 and +7 are worth their main regions here (docs/admin.md)."""


def judge(settings: Settings | None, problems: Iterable[SettingsProblem]) -> list[Finding]:
    """Return what is to be said of the settings."""
    found = [
        WRONG(name=problem.name, rule=problem.rule, example=problem.example or "", remedy=_remedy(problem))
        for problem in problems
    ]
    if settings is not None:
        found += [NOTED(warning=str(one)) for one in settings.warnings if one.word not in _OF_DESTINATIONS]
    return found or [SETTINGS.ok("all settings are right")]


def _remedy(problem: SettingsProblem) -> str:
    example = f" (for example: {problem.example})" if problem.example else ""
    return _REMEDIES[problem.kind] + example


def judge_destinations(settings: Settings) -> list[Finding]:
    """Return what is to be said of who may be called."""
    found: list[Finding] = []
    for account in settings.accounts:
        wide = _wide(account.allow_destinations)
        if not account.allow_destinations:
            found.append(ANY(account=account.id))
        elif wide:
            found.append(WIDE(account=account.id, prefixes=" ".join(wide)))
        if not account.limits.per_destination:
            found.append(UNLIMITED(account=account.id))
    if found:
        return found
    lists = {account.id: list(account.allow_destinations) for account in settings.accounts}
    said = "; ".join(f"{name}: {' '.join(prefixes)}" for name, prefixes in lists.items())
    return [DESTINATIONS.ok(f"named, and limited for each number ({said})", accounts=lists)]


def _wide(prefixes: Sequence[str]) -> list[str]:
    return [prefix for prefix in prefixes if prefix in _ZONES]
