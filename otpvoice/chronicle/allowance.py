"""How much an account may call, and how long one of its calls can last: what the store is asked to hold to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from otpvoice.adapters.store import Limit, Terms
from otpvoice.core.record import CallRecord
from otpvoice.dialects.destinations import telephone
from otpvoice.stasis import WAIT

LOCK_SLACK: Final = 120.0
"""Seconds beyond all that a call may take: then its destination is free again, also where its end was never written."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much an account may call: calls in some seconds, all and to one destination, and calls at once.

    ``rates``, ``destination_rates``: pairs of a number of calls and seconds. ``waits``: the most that a call may stand
    in line, in seconds.
    """

    rates: tuple[tuple[int, float], ...] = ()
    destination_rates: tuple[tuple[int, float], ...] = ()
    calls_in_progress: int | None = None
    waits: float = 0.0

    def longest(self, record: CallRecord) -> float:
        """Return the seconds from its acceptance on after which a call is over, whatever happens."""
        plan, waits = record.plan, self.waits
        if plan.inbound:
            # It waits for its channel.
            waits = WAIT if plan.valid_until is None else max(0.0, plan.valid_until - record.created_at)
        return waits + plan.ring_timeout + plan.max_duration + LOCK_SLACK

    def terms(self, record: CallRecord, token: str | None) -> Terms:
        """Return on which terms a call is taken."""
        plan = record.plan
        # Two calls at once to one telephone are one too many. Calls that ring nobody are in nobody's way.
        unheard = plan.inbound or plan.to is None or record.refused is not None
        to = None if unheard or plan.to is None else telephone(plan.to)
        to = f"test:{to}" if record.test and to is not None else to
        # A test run must not use up what real calls may.
        whose = "test" if record.test else "all"
        limits = [Limit("account_rate", f"{whose}:{seconds:g}", most, seconds) for most, seconds in self.rates]
        if to is not None:
            limits += [
                Limit("destination_rate", f"{to}:{seconds:g}", most, seconds)
                for most, seconds in self.destination_rates
            ]
        return Terms(
            destination=to,
            lock_seconds=self.longest(record),
            limits=tuple(limits),
            most_in_progress=None if record.test or record.refused is not None else self.calls_in_progress,
            token=token,
        )
