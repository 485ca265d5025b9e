"""``otpvoice calls ID``: show one call."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from otpvoice.cli import address
from otpvoice.cli.client import Client, Refused, Unanswered, objects


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
    """Print a record, whole as one line of JSON or the most of it for people."""
    lines = [json.dumps(record, ensure_ascii=False)] if as_json else list(_lines(record))
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    outcome, played = record.get("outcome") or {}, record.get("played") or {}
    rows = {
        "call": record.get("id"),
        "to": record.get("to"),
        "state": record.get("state"),
        "outcome": " / ".join(filter(None, (outcome.get("class"), outcome.get("reason")))),
        "ended by": outcome.get("ended_by"),
        "SIP status": outcome.get("sip_status"),
        "delivered": {True: "yes", False: "no"}.get(record.get("delivered"), ""),  # type: ignore[arg-type]
        "readings": played.get("readings"),
        "ring": _seconds(record.get("ring_ms")),
        "talk": _seconds(record.get("talk_ms")),
    }
    for name, value in rows.items():
        if value not in {None, ""}:
            yield f"{name:<11}{value}"
    for error in objects(record, "errors"):
        yield f"{'error':<11}{error.get('code')}: {error.get('message')}"


def _seconds(ms: int | None) -> str | None:
    return None if ms is None else f"{ms / 1000:.1f} s"
