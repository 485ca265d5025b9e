"""What a store must know of a call record: whose it is, and how far its call has come.

It knows nothing of the other fields, and does not repair them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

CallRecord: TypeAlias = Mapping[str, Any]

ENDED: Final = "ended"

# A call moves to the right only. Before dialling there are two ways to wait, and a call may change between them.
_PROGRESS: Final[Mapping[str, int]] = {"waiting": 0, "queued": 0, "dialing": 1, "ringing": 2, "answered": 3, ENDED: 4}

_STANDING: Final[Mapping[str, tuple[str, ...]]] = {
    state: tuple(other for other, further in _PROGRESS.items() if further > progress or other == ENDED)
    for state, progress in _PROGRESS.items()
}

# A space is the only blank that is printable (str.isprintable).
_BREAKS_A_KEY: Final = frozenset(" {}")


class CallKey(NamedTuple):
    """One call, among all accounts."""

    account: str
    id: str


def call_key(record: CallRecord) -> CallKey:
    """Whose record it is. ValueError if it lacks account, id or a state of this list."""
    account, call_id, state = (record.get(field) for field in ("account", "id", "state"))
    if not (isinstance(account, str) and isinstance(call_id, str) and isinstance(state, str)):
        raise ValueError("a call record needs account, id and state, all strings")
    if not (nameable(account) and nameable(call_id)):
        raise ValueError("account and id of a call record: 1 to 128 visible characters, no braces")
    if state not in _PROGRESS:
        raise ValueError("the state of a call record is one of " + ", ".join(_PROGRESS))
    return CallKey(account, call_id)


def nameable(name: str) -> bool:
    """Whether an account or an id can be part of a key.

    No braces: the account is the hash tag of its keys (Redis Cluster specification, "Hash tags"), and ends at the
    first ``}``.
    """
    return 0 < len(name) <= 128 and name.isprintable() and _BREAKS_A_KEY.isdisjoint(name)


def standing_before(state: str) -> tuple[str, ...]:
    """The states that a write in ``state`` may not replace: those further on, and the end above all."""
    return _STANDING[state]


def encode(record: CallRecord) -> bytes:
    """JSON in UTF-8. TypeError for what JSON has no word for; orjson's message names a type, never a value."""
    return orjson.dumps(record if isinstance(record, dict) else dict(record))


def decode(stored: bytes | str) -> dict[str, Any] | None:
    """The record, or None for what no store of ours has written."""
    try:
        record = orjson.loads(stored)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None
