"""``otpvoice calls ID``: show one call."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from otpvoice.cli import address
from otpvoice.cli.client import Client, Refused, Unanswered, objects, printable


def calls(call_id: str, *, url: str | None = None, key: str | None = None, as_json: bool = False) -> int:
    """Print the call. Returns the exit code: 0, or 1 where there is none to be had."""
    try:
        client = Client(url or address.hook_url(os.environ), key or address.key(os.environ))
        record = client.show(call_id)
    except (Refused, Unanswered) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    show(record, as_json=as_json)
    return 0


def show(record: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a record, whole as one line of JSON (ASCII) or the most of it for people."""
    lines = [json.dumps(record)] if as_json else list(_lines(record))
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    outcome, played = _part(record, "outcome"), _part(record, "played")
    reasons = [one for one in (outcome.get("class"), outcome.get("reason")) if isinstance(one, str)]
    rows = {
        "call": record.get("id"),
        "to": record.get("to"),
        "state": record.get("state"),
        "outcome": " / ".join(reasons),
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


def _yes_or_no(value: object) -> str | None:
    return ("yes" if value else "no") if isinstance(value, bool) else None


def _seconds(ms: object) -> str | None:
    return f"{ms / 1000:.1f} s" if isinstance(ms, int) else None
