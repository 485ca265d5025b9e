"""What Asterisk writes down: never keys that callees press, nor codes that dialplans hand to us."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from otpvoice.doctor.asterisk.files import Files
from otpvoice.doctor.finding import Check, Finding

LOGGER = Check("asterisk.logger", "Does Asterisk's log keep keys and codes to itself?")
KEYS = LOGGER.fails(
    "dtmf",
    "{where} has the level DTMF: every key that a callee presses is written down",
    "In logger.conf, take dtmf (or *) out of {where}; then asterisk -rx 'logger reload', and delete the logs that have"
    " keys in them.",
)
DEBUG = LOGGER.fails(
    "debug",
    "{where} has the level DEBUG, and asterisk.conf sets debug = {level}: keys and SIP headers are written down",
    "asterisk -rx 'core set debug 0', debug = 0 in asterisk.conf [options], and take debug out of {where} in"
    " logger.conf; then asterisk -rx 'logger reload'.",
)
DEBUG_READY = LOGGER.warns(
    "debug_ready",
    "{where} has the level DEBUG: as soon as somebody types core set debug 1, keys are written down",
    "In logger.conf, take debug (or *) out of {where}; then asterisk -rx 'logger reload'.",
)
VERBOSE = LOGGER.warns(
    "verbose",
    "{where} has the level VERBOSE at {level}: codes that a dialplan sets or passes to Stasis() are written down",
    "In logger.conf, take the number out of verbose({level}), if there is one: it holds whatever asterisk.conf says;"
    " then asterisk -rx 'logger reload'. And verbose = 0 in asterisk.conf [options], asterisk -rx 'core set verbose 0'."
    " Or hand codes over by Stasis(otpvoice,call=ID), which leaks nothing (docs/dialplan.md).",
)
VERBOSE_UNSEEN = LOGGER.unsure(
    "verbose_unseen",
    "{where} has the level VERBOSE, and how verbose it is can't be seen from here: from 3 on, codes that a dialplan"
    " sets or passes to Stasis() are written down",
    "Look by hand: verbose(N) of {where} in logger.conf, else verbose in asterisk.conf [options]; both should be below"
    " 3. asterisk -rx 'logger show channels' names all logs.",
)
TELLS_ARGUMENTS: Final = 3
"""From this verbosity on arguments of applications are logged (main/pbx.c)."""
_OWN_LEVEL: Final = re.compile(r"verbose\(\s*(?P<level>[0-9]+)", re.IGNORECASE)
_PREFIX: Final = re.compile(r"\s*\[[^\]]*\]")
"""The format of a log, before its levels: ``[json]``."""


def judge(logs: Iterable[Mapping[str, Any]], files: Files) -> list[Finding]:
    """``logs``: what ``GET asterisk/logging`` says. Levels are known where the files could be read."""
    channels = [(_name(log), _levels(log)) for log in logs if log.get("status") != "Disabled"]
    debug = _level(files, "debug")
    found: list[Finding] = []
    if dtmf := _which(channels, "DTMF"):
        found.append(KEYS(where=dtmf))
    if debugs := _which(channels, "DEBUG"):
        found.append(DEBUG(where=debugs, level=debug) if debug else DEBUG_READY(where=debugs))
    verboses = {name: _verbosity(name, files) for name, levels in channels if "VERBOSE" in levels}
    if telling := {name: level for name, level in verboses.items() if level is not None and level >= TELLS_ARGUMENTS}:
        found.append(VERBOSE(where=", ".join(telling), level=max(telling.values())))
    if unseen := [name for name, level in verboses.items() if level is None]:
        found.append(VERBOSE_UNSEEN(where=", ".join(unseen)))
    names = ", ".join(dict.fromkeys(name for name, _ in channels))
    return found or [LOGGER.ok(f"no keys and no codes in {names or 'any log'}")]


def _which(channels: Iterable[tuple[str, frozenset[str]]], level: str) -> str:
    return ", ".join(dict.fromkeys(name for name, levels in channels if level in levels))


def _name(log: Mapping[str, Any]) -> str:
    return str(log.get("channel") or "") or str(log.get("type", "?")).lower()


def _levels(log: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(log.get("configuration", "")).upper().split())


def names_of(log: str) -> Sequence[str]:
    """Return what a log may be called in ``logger.conf``: there a path may be left out, or begin at ``astlogdir``."""
    parts = log.split("/")
    return [log, *("/".join(parts[at:]) for at in range(len(parts) - 1, 0, -1) if parts[at])] if log else []


def verbose_logs(logs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all the names by which ``logger.conf`` may say how verbose they are."""
    names = [name for log in logs if "VERBOSE" in _levels(log) for name in names_of(_name(log))]
    # A comma would end the argument of AST_CONFIG().
    return [name for name in dict.fromkeys(names) if not set(name) & set(",()")]


def _verbosity(log: str, files: Files) -> int | None:
    """Return how verbose a log is; None: nobody knows. A level of its own is its own: not asterisk.conf's.

    main/logger.c ``make_components``.
    """
    lines = next((lines for name in names_of(log) if (lines := files.logs.get(name))), None)
    if lines is None:
        return None  # not read, or made at the console
    owns = [_OWN_LEVEL.search(_PREFIX.sub("", line, count=1)) for line in lines]
    return max(int(own["level"]) if own is not None else _level(files, "verbose") for own in owns)


def _level(files: Files, name: str) -> int:
    try:
        return int(files.single.get(("asterisk.conf", "options", name)) or 0)
    except ValueError:
        # "yes" is 1 there.
        return 1
