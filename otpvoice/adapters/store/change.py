"""What may be written: a call's record and its events, looked at before a store sees them.

It looks, and changes nothing.
"""

from __future__ import annotations

from otpvoice.adapters.store.ports import Change
from otpvoice.adapters.store.record import ENDED, CallKey, call_key, nameable


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
    return key
