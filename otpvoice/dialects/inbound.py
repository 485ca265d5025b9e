"""A call that a dialplan hands over to a door that asks: it is answered, and whoever is asked says what becomes of it.

It reads nothing: whom the caller dialled is all there is to say. Whether there is somebody to ask, each door knows.
"""

from __future__ import annotations

from typing import Final

from otpvoice.core.foreign import one_line
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.stasis_keys import Invalid

_LONGEST_NUMBER: Final = 64


def plan_of(
    number: str | None, caller: str | None, webhook: Webhook, longest: float, defaults: CallDefaults
) -> CallPlan:
    """Return the plan of a call to ``number`` by ``caller``, whom ``webhook`` is asked about. ``longest``: seconds.

    Raises ``Invalid``.
    """
    trunk = next(iter(defaults.trunks.values()), None)
    if trunk is None:
        raise Invalid("not_allowed", "the account has no trunk")
    return CallPlan(
        to=one_line(number, _LONGEST_NUMBER),
        caller_id=one_line(caller, _LONGEST_NUMBER),
        trunk=trunk.name,
        language=defaults.language,
        actions=(),
        ring_timeout=trunk.ring_timeout,
        max_duration=longest,
        lead_in=defaults.lead_in,
        tail=defaults.tail,
        webhook=webhook,
        shown=next(iter(trunk.caller_ids), None),
        inbound=True,
    )
