"""Webhooks by Standard Webhooks 1.0.0: what was told of calls is posted until it arrives or is given up.

It decides nothing about a call and makes no event: bytes come from the outbox, or from a plan that asks.
"""

from __future__ import annotations

from otpvoice.adapters.webhooks.asking import Answered, Asker, NotAnswered, Reply
from otpvoice.adapters.webhooks.dispatcher import Dispatcher
from otpvoice.adapters.webhooks.posting import AccountHooks, Unseal
from otpvoice.adapters.webhooks.rounds import Bounds

__all__ = [
    "AccountHooks",
    "Answered",
    "Asker",
    "Bounds",
    "Dispatcher",
    "NotAnswered",
    "Reply",
    "Unseal",
]
