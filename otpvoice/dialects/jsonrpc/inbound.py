"""A call that a dialplan hands over to this door: the account's event URL says what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping

from otpvoice.core.plan import CallPlan, Hook
from otpvoice.dialects.inbound import plan_of
from otpvoice.dialects.jsonrpc.dialing import webhook_at
from otpvoice.dialects.jsonrpc.legs import LONGEST
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.stasis_keys import Invalid


def inbound_plan(
    number: str | None, caller: str | None, _hooks: Mapping[str, Hook], defaults: CallDefaults, /
) -> CallPlan:
    """Return the plan. ``number`` was dialled by ``caller``; no hooks are registered for these calls.

    Raises ``Invalid``.
    """
    if defaults.event_url is None:
        raise Invalid("nobody_to_ask", "door needs an event_url of the account (OTPVOICE_EVENT_URL), which is not set")
    return plan_of(number, caller, webhook_at(defaults.event_url), float(LONGEST), defaults)
