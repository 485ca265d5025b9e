"""What may be written: a call's record, its events and messages, looked at before a store sees them.

It looks, and changes nothing.
"""

from __future__ import annotations

import re
from typing import Final

from otpvoice.adapters.store.ports import Change
from otpvoice.adapters.store.record import ENDED, CallKey, call_key, nameable

# What follows the call in the id of a message: the number of an event, and one of its own.
_NUMBERS: Final = re.compile(r"_[0-9]{1,9}\.[0-9]{1,9}", re.ASCII)


def going_on(change: Change) -> CallKey:
    """Whose change it is. ValueError if it is malformed, or the call ended."""
    key = _key(change)
    if change.record["state"] == ENDED:
        raise ValueError("a call that ended is written by finish")
    return key


def over(change: Change) -> CallKey:
    """Whose change it is. ValueError if it is malformed, or the call goes on."""
    key = _key(change)
    if change.record["state"] != ENDED:
        raise ValueError("a call that goes on is written by save")
    return key


def _key(change: Change) -> CallKey:
    key = call_key(change.record)
    number = 0
    for event in change.events:
        if event.number <= number:
            raise ValueError("events of a call record are numbered upwards from 1")
        if not nameable(event.id):
            raise ValueError("the id of an event of a call record: 1 to 128 visible characters, no braces")
        number = event.number
    if change.messages:
        _look_at_messages(change, key.id)
    return key


def _look_at_messages(change: Change, call_id: str) -> None:
    whose = "evt_" + call_id.removeprefix("call_")
    ids = [message.id for message in change.messages]
    for message_id in ids:
        belongs = message_id.startswith(whose) and _NUMBERS.fullmatch(message_id, len(whose)) is not None
        if not (belongs and nameable(message_id)):
            raise ValueError("the id of a message of a call record: that of an event of the call, a dot and a number")
    if len(set(ids)) < len(ids):
        raise ValueError("messages of a call record have each an id of its own")
    if not all(message.endpoint for message in change.messages):
        raise ValueError("a message of a call record goes to an endpoint")
