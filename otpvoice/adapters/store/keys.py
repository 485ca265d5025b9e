"""The names under which everything lies in Redis. Others read them: they are a contract.

The braces are written as they stand: Redis Cluster puts all keys of one account into one slot ("Hash tags" in its
specification), which a script over several of them needs. The scripts make these same names from ``root``.

What comes from outside (destinations, URLs that may hold tokens) is in no name but as a digest: names show in MONITOR,
SLOWLOG and ``--bigkeys``, where nobody expects a secret.
"""

from __future__ import annotations

import hashlib
from typing import Final

# Written by Store.ping alone, and gone after a second.
WRITABLE: Final = "otpvoice:writable"


def root(account: str) -> str:
    """What all names of an account begin with."""
    return f"otpvoice:{{{account}}}"


def digest(text: str) -> str:
    """What stands in a name for a text from outside: SHA-1, which is the one that scripts have too."""
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


# --- calls --------------------------------------------------------------------------------------------------------


def call(account: str, call_id: str) -> str:
    """The record of one call: a string, JSON."""
    return f"{root(account)}:call:{call_id}"


def summaries(account: str) -> str:
    """The stream of an account's ended calls: entries of ``id`` and ``summary`` (JSON), trimmed by age."""
    return f"{root(account)}:summaries"


def calls(account: str) -> str:
    """A sorted set of ids of calls, by when they were first written, ms."""
    return f"{root(account)}:calls"


def live(account: str) -> str:
    """A sorted set of ids of calls in progress, by when they are over at the latest, ms."""
    return f"{root(account)}:live"


def trail(account: str, call_id: str) -> str:
    """Where a call left traces: a hash.

    ``<number>`` of an event: its entry in the stream and its id, with a space between; ``summary``: the entry of that;
    the id of a message: it was put into the outbox; ``lock``: the digest of its destination; ``owner``: whose it is,
    instance and life, with a space between; ``adopted``: it was taken over; ``over_by``: when it is over at the latest,
    ms; ``telling``: where what happens to it is told, JSON; ``erased``: there is nothing else.
    """
    return f"{root(account)}:trail:{call_id}"


def plan(account: str, call_id: str) -> str:
    """What a call is to do for which nobody was dialled yet, sealed: a string, gone when it is of no use."""
    return f"{root(account)}:plan:{call_id}"


# --- acceptance ---------------------------------------------------------------------------------------------------


def idempotency(account: str, call_id: str) -> str:
    """An idempotency key: a string of two words or three, fingerprint, token and answer ("-": erased)."""
    return f"{root(account)}:key:{call_id}"


def busy(account: str, destination: str) -> str:
    """The lock of a destination: a string, the id of the call in progress."""
    return f"{root(account)}:busy:{digest(destination)}"


def limit(account: str, name: str, key: str, seconds: float) -> str:
    """A window of a limit: a sorted set of ids of calls, by when they were accepted, ms."""
    return f"{root(account)}:limit:{window(name, key, seconds)}"


def window(name: str, key: str, seconds: float) -> str:
    """The last part of a window's name. Each length has its own: the shorter forgets what the longer counts."""
    return digest(f"{name} {seconds:g} {key}")


# --- what was told ------------------------------------------------------------------------------------------------


def events(account: str) -> str:
    """The stream of what was told: entries of ``id``, ``type`` and ``body``, trimmed by age."""
    return f"{root(account)}:events"


def event(account: str, event_id: str) -> str:
    """The entry of an event in the stream: a string."""
    return f"{root(account)}:event:{event_id}"


# --- the outbox ---------------------------------------------------------------------------------------------------


def due(account: str) -> str:
    """A sorted set of endpoints, by when their next delivery is due, ms."""
    return f"{root(account)}:due"


def outbox(account: str, endpoint: str) -> str:
    """A sorted set of ids of events and messages on their way to an endpoint, by when they are due, ms."""
    return f"{root(account)}:outbox:{digest(endpoint)}"


def delivery(account: str, event_id: str) -> str:
    """A delivery: a hash of ``type``, ``endpoint``, ``attempts``, ``created`` (ms), ``body``, ``reason`` and ``auth``.

    The last two only where there are any; ``auth`` is sealed.
    """
    return f"{root(account)}:delivery:{event_id}"


def dead(account: str) -> str:
    """A sorted set of ids of events and messages that were given up, by when, ms."""
    return f"{root(account)}:dead"


def disabled(account: str) -> str:
    """A sorted set of endpoints to which nothing is sent, by since when, ms."""
    return f"{root(account)}:disabled"


# --- what was registered ------------------------------------------------------------------------------------------


def hooks(account: str) -> str:
    """Registered endpoints: a hash, by name, each JSON of ``url``, ``enabled`` and, sealed, ``auth``; kept for ever."""
    return f"{root(account)}:hooks"
