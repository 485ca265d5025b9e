"""A call that a dialplan hands over to this door: the account's webhook of type VCA says what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping

from otpvoice.core.plan import CallPlan, Hook
from otpvoice.dialects.callflow.hooks import ACTION
from otpvoice.dialects.callflow.reading import LONGEST_CALL, webhook_of
from otpvoice.dialects.inbound import plan_of
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.stasis_keys import Invalid


def inbound_plan(
    number: str | None, caller: str | None, hooks: Mapping[str, Hook], defaults: CallDefaults, /
) -> CallPlan:
    """Return the plan. ``number`` was dialled by ``caller``; ``hooks``: what the account has registered, by type.

    Raises ``Invalid``.
    """
    if ACTION not in hooks:
        raise Invalid("nobody_to_ask", f"door needs a webhook of type {ACTION}, which is not registered or enabled")
    return plan_of(number, caller, webhook_of(hooks), LONGEST_CALL, defaults)
