"""What Telesign's pages and its public demo say that is posted: the events' fields and their types.

``external_id`` is there where the request had one. Fields beside these are taken: the pages show no whole schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.scenarios.vendors.tables import faults, integer, milliseconds_bare, nullable, one_of, text

_PARTIES: Final = {"to": text, "from": nullable(text)}
"""The demo reads ``data.from`` at each event."""
DATA: Final[Mapping[str, Mapping[str, Any]]] = {
    "incoming_call": _PARTIES,
    "dial_completed": _PARTIES | {"status": text},
    "play_completed": _PARTIES | {"status": text, "collected_digits": nullable(lambda digits: isinstance(digits, str))},
    "speak_completed": _PARTIES
    | {"status": text, "collected_digits": nullable(lambda digits: isinstance(digits, str))},
    "call_leg_completed": _PARTIES,
    "call_completed": _PARTIES
    | {
        "duration": integer,
        "created_on_utc": milliseconds_bare,
        "answered_on_utc": nullable(milliseconds_bare),
        "ended_on_utc": milliseconds_bare,
        "status": text,
        "audio_recording_file_name": nullable(text),
        "direction": one_of("inbound", "outbound"),
    },
}


def missing(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an event lacks."""
    kind = event.get("event")
    table = {"event": one_of(*DATA), "reference_id": text, "data": DATA.get(str(kind), {})}
    yield from (fault for fault in faults(event, table) if not fault.endswith("is unknown"))
