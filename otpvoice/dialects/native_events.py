"""Our own spelling of what happened: the events that are kept, shown and posted, each an envelope of JSON.

It decides nothing of where they go. Codes are in none of them; keys that are sensitive only in what somebody is asked
by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias, get_args

import orjson

from otpvoice.core.events import (
    ActionCompleted,
    Asked,
    CallAnswered,
    CallDialed,
    CallProgressed,
    CodeDelivered,
    CodeReplayed,
    DigitsCollected,
    Event,
    StreamEnded,
    StreamStarted,
)
from otpvoice.core.instants import rfc3339
from otpvoice.core.record import collected_json

EventType: TypeAlias = Literal[
    "call.queued",
    "call.dialing",
    "call.ringing",
    "call.answered",
    "code.delivered",
    "code.replayed",
    "action.completed",
    "digits.collected",
    "media.started",
    "media.stopped",
    "call.ended",
]
TYPES: Final[tuple[str, ...]] = get_args(EventType)
"""All types that there are."""
ASKED: Final = "asked"
"""What is true in the data of an event by which somebody is asked: plain ones may be of the same type."""
LARGEST: Final = 20_000
"""Bytes of an envelope (Standard Webhooks: "keep the payload size small … less than 20kb")."""


_EVENT_ID: Final = re.compile(r"evt_[0-9A-Za-z_-]{1,64}_[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event as it is told: ``body`` is the same to the byte wherever it is told. ``number``: in its call, from 1."""

    id: str
    number: int
    type: str
    body: bytes = field(repr=False)  # a question holds the keys that were pressed


def event_id(call_id: str, number: int) -> str:
    """Return the id of a call's event: the same one however often it is written or sent."""
    return f"evt_{call_id.removeprefix('call_')}_{number}"


def message_id(call_id: str, number: int, message: int) -> str:
    """Return the id of what was told in another spelling: the event before it, and which message of its call it is."""
    return f"{event_id(call_id, number)}.{message}"


def is_event_id(text: str) -> bool:
    """Could an event, or a message, have this id?"""
    return _EVENT_ID.fullmatch(text) is not None


def told(event: Event, *, asks: bool = False) -> tuple[str, dict[str, Any]] | None:
    """Return what an event is called, and what is said of it besides the call; None: it is nothing for others.

    ``asks``: the event is for whoever is asked by it, and for nobody else.
    """
    match event:
        case Asked(report=report):
            return told(report, asks=asks)
        case CallDialed():
            return "call.dialing", {}
        case CallProgressed(ringing=True):
            return "call.ringing", {}
        case CallAnswered():
            return "call.answered", {}
        case CodeDelivered():
            return "code.delivered", {}
        case CodeReplayed(count=count):
            return "code.replayed", {"count": count}
        case ActionCompleted(index=index, type=type_, id=id_):
            return "action.completed", {"index": index, "type": type_, "id": id_}
        case DigitsCollected():
            shown = replace(event, sensitive=False) if asks else event
            return "digits.collected", {"collected": collected_json(shown)}
        case StreamStarted(report=report):
            return "media.started", {"media": report.to_json()}
        case StreamEnded(report=report):
            return "media.stopped", {"media": report.to_json()}
        case _:
            return None


def envelope(call: dict[str, Any], number: int, type_: str, data: Mapping[str, Any], at: float) -> Envelope:
    """Return an event of a call, which is ``CallRecord.to_json`` as it stands. ``at`` in Unix seconds.

    One that would be too large goes without what is long and can be asked for: ``call.truncated`` is then true.
    """
    made = _envelope(call, number, type_, data, at)
    if len(made.body) <= LARGEST:
        return made
    short = {**call, "metadata": {}, "errors": call["errors"][-5:], "collected": call["collected"][-5:]}
    short |= {"played": {**call["played"], "digits": []}, "legs": call["legs"][:2], "media": call["media"][-5:]}
    short |= {"truncated": True}
    return _envelope(short, number, type_, data, at)


def _envelope(call: dict[str, Any], number: int, type_: str, data: Mapping[str, Any], at: float) -> Envelope:
    identity = event_id(call["id"], number)
    body = {
        "id": identity,
        "type": type_,
        "timestamp": rfc3339(at),
        "account": call["account"],
        "data": {"call": call, **data},
    }
    return Envelope(identity, number, type_, orjson.dumps(body))
