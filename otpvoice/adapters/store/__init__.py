"""Where call records are kept: one JSON object per call, and one summary per call that ended.

It names the port and its one fault. It opens nothing: ``redis.py`` and ``memory.py`` are the two stores,
``writer.py`` is how a call hands its record over without waiting for either.
"""

from __future__ import annotations

from typing import Any, Protocol

from otpvoice.adapters.store.record import CallRecord

__all__ = ["CallRecord", "Store", "StoreUnavailable"]


class StoreUnavailable(Exception):
    """The store did not do what was asked, or did it and the answer was lost: asking again is always safe.

    ``reason`` comes from a closed list, so it can go to a log, a metric or an answer; it never holds an address,
    a password or a part of a record:
    ``timeout``, ``unreachable``, ``connection_lost``, ``authentication``, ``no_permission``, ``out_of_memory``,
    ``disk_error``, ``read_only``, ``loading``, ``busy``, ``too_few_replicas``, ``unreadable_record``, ``server_error``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Store(Protocol):
    """Call records by account and id.

    A record holds at least ``id``, ``account`` and ``state``, and is not changed any more once it is handed over.
    One that is malformed raises ValueError, one that is not JSON (orjson's rules: integers of 64 bits, no lone
    surrogates) TypeError: both are the caller's mistake, and show at the first write of a call. A fault of the store
    is StoreUnavailable, and nothing else.
    """

    async def save(self, record: CallRecord, /) -> None:
        """Write a call that goes on (any state but ``ended``).

        A record that has come further stays as it is, one that has ended above all.
        """

    async def finish(self, record: CallRecord, /) -> bool:
        """Write a call that ended (state ``ended``), and its one entry in the account's stream of summaries.

        The first one stands. False: there is one already; perhaps this very call made it and lost the answer on
        the way, so what counts as the call's end is what ``get`` says.
        """

    async def get(self, account: str, call_id: str, /) -> dict[str, Any] | None:
        """The record; None if there is none, none any more, or can be none of that name."""

    async def ping(self) -> None:
        """Return if the store takes writes now."""

    async def close(self) -> None:
        """Let go of the connections. Not an end: the next operation opens new ones."""
