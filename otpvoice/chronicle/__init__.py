"""The chronicle of all calls: what becomes known of a call is kept, and told to whoever wants to be told."""

from __future__ import annotations

from otpvoice.chronicle.allowance import Allowance
from otpvoice.chronicle.chronicle import REVIVED_WITHIN, Chronicle

__all__ = ["REVIVED_WITHIN", "Allowance", "Chronicle"]
