"""``otpvoice calls``: show one call, or list the latest."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from otpvoice.cli import address
from otpvoice.cli.client import Client, Refused, Unanswered, objects, printable

_HEADS: Final = ("id", "to", "state", "outcome", "delivered", "when")
LIMIT: Final = 20
"""Calls in a list, where it is not said how many."""


def calls(
    call_id: str | None = None,
    *,
    state: str | None = None,
    limit: int | None = None,
    url: str | None = None,
    key: str | None = None,
    as_json: bool = False,
) -> int:
    """Print one call; without ``call_id`` the latest, newest first: a table, or with ``as_json`` one record a line.

    Returns the exit code: 0; 1 where there is none to be had; 2: ``state`` and ``limit`` are for lists.
    """
    if call_id is not None and (state is not None or limit is not None):
        sys.stderr.write("--state and --limit are for the list: leave them out, or the ID\n")
        return 2
    try:
        client = Client(url or address.hook_url(os.environ), key or address.key(os.environ))
        if call_id is not None:
            show(client.show(call_id), as_json=as_json)
        else:
            _list(client.calls(LIMIT if limit is None else limit, state), as_json=as_json)
    except (Refused, Unanswered) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _list(records: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        for record in records:
            show(record, as_json=True)
        return
    rows = [_HEADS, *map(_row, records)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _row(record: Mapping[str, Any]) -> tuple[str, ...]:
    cells = (
        record.get("id"),
        record.get("to"),
        record.get("state"),
        _outcome(record),
        _yes_or_no(record.get("delivered")),
        record.get("created_at"),
    )
    return tuple(printable(cell) if isinstance(cell, str) and cell else "-" for cell in cells)


def show(record: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a record, whole as one line of JSON (ASCII) or the most of it for people."""
    lines = [json.dumps(record)] if as_json else list(_lines(record))
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    outcome, played = _part(record, "outcome"), _part(record, "played")
    rows = {
        "call": record.get("id"),
        "to": record.get("to"),
        "state": record.get("state"),
        "outcome": _outcome(record),
        "ended by": outcome.get("ended_by"),
        "SIP status": outcome.get("sip_status"),
        "delivered": _yes_or_no(record.get("delivered")),
        "readings": played.get("readings"),
        "ring": _seconds(record.get("ring_ms")),
        "talk": _seconds(record.get("talk_ms")),
    }
    for name, value in rows.items():
        if value is not None and value != "":
            yield printable(f"{name:<11}{value}")
    for error in objects(record, "errors"):
        yield printable(f"{'error':<11}{error.get('code')}: {error.get('message')}")


# It may be another server that answers: a field that is not what it should be is left out.


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _outcome(record: Mapping[str, Any]) -> str:
    outcome = _part(record, "outcome")
    return " / ".join(one for one in (outcome.get("class"), outcome.get("reason")) if isinstance(one, str))


def _yes_or_no(value: object) -> str | None:
    return ("yes" if value else "no") if isinstance(value, bool) else None


def _seconds(ms: object) -> str | None:
    return f"{ms / 1000:.1f} s" if isinstance(ms, int) else None
