"""Where call records are kept, and what was told of the calls: a record per call, a summary per call that ended.

It opens nothing. ``ports.py`` says what a store is, ``redis/`` and ``memory/`` are the two stores, ``writer.py`` is how
a call hands over what changed without waiting for either.
"""

from __future__ import annotations

from otpvoice.adapters.store.estates import Estate, Estates, Inherited, Owner
from otpvoice.adapters.store.ports import (
    Change,
    ClaimLost,
    Delivery,
    Depth,
    DestinationBusy,
    Erased,
    Events,
    Keys,
    Letter,
    Limit,
    Limited,
    Message,
    Outbox,
    Page,
    Store,
    StoredEvent,
    StoreUnavailable,
    Taken,
    Terms,
    Told,
    Verdict,
)
from otpvoice.adapters.store.record import CallRecord
from otpvoice.adapters.store.registrations import Registration, Registrations

__all__ = [
    "CallRecord",
    "Change",
    "ClaimLost",
    "Delivery",
    "Depth",
    "DestinationBusy",
    "Erased",
    "Estate",
    "Estates",
    "Events",
    "Inherited",
    "Keys",
    "Letter",
    "Limit",
    "Limited",
    "Message",
    "Outbox",
    "Owner",
    "Page",
    "Registration",
    "Registrations",
    "Store",
    "StoreUnavailable",
    "StoredEvent",
    "Taken",
    "Terms",
    "Told",
    "Verdict",
]
