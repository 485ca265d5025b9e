"""The names under which everything lies in Redis. Others read them: they are a contract.

The braces are written as they stand: Redis Cluster puts all keys of one account into one slot ("Hash tags" in its
specification), which a script over two keys needs.
"""

from __future__ import annotations

from typing import Final

# Written by Store.ping alone, and gone after a second.
WRITABLE: Final = "otpvoice:writable"


def call(account: str, call_id: str) -> str:
    """The record of one call: a string, JSON."""
    return f"otpvoice:{{{account}}}:call:{call_id}"


def summaries(account: str) -> str:
    """The stream of an account's ended calls: entries of ``id`` and ``summary`` (JSON), trimmed by age."""
    return f"otpvoice:{{{account}}}:summaries"
