"""The way out: what a number becomes when it is dialled, for the first party of a call and for a second."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from otpvoice.ari.channel import Originate
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.party import OutboundParty
from otpvoice.core.actions import Stream
from otpvoice.core.events import CallDialed
from otpvoice.core.plan import CallPlan
from otpvoice.stasis.pacing import Pace, Slot


@dataclass(frozen=True, slots=True)
class Trunk:
    """A way out. ``dial`` holds ``{number}`` (E.164 without plus) or ``{e164}`` (with). ``pace``: of all its calls.

    ``streams``: what is streamed of each call on it.
    """

    name: str
    dial: str
    pace: Pace = field(default_factory=Pace, compare=False, repr=False)
    streams: tuple[Stream, ...] = ()

    def endpoint(self, to: str) -> str:
        """Return the dial string for a number that was checked before."""
        return self.dial.replace("{number}", to.removeprefix("+")).replace("{e164}", to)

    def carries(self, channel: str) -> bool:
        """Does a channel of this name (``PJSIP/trunk-0000002a``) come in by the endpoint that this trunk dials?"""
        dialled = _ENDPOINT.fullmatch(self.dial)
        if dialled is None:
            return False
        endpoint = dialled["behind"] or dialled["before"]
        return channel.rpartition("-")[0] == f"PJSIP/{endpoint}"


_ENDPOINT: Final = re.compile(r"PJSIP/(?:(?P<before>[^/@]+)/.*|[^/@]*@(?P<behind>[^/@;]+)(?:;.*)?)")
"""PJSIP/…{number}@endpoint or PJSIP/endpoint/sip:…"""


def order_of(plan: CallPlan, trunk: Trunk, node: AsteriskNode, call_id: str) -> Originate:
    """Return the order to call a plan's first party."""
    if plan.to is None:
        raise ValueError("nobody to dial: only a plan for a channel that is handed to us has no number")
    return Originate(
        endpoint=trunk.endpoint(plan.to),
        app=node.settings.own_app,
        caller_id=plan.caller_id,
        ring_timeout=plan.ring_timeout,
        max_duration=plan.max_duration,
        call_id=call_id,
        headers=plan.sip_headers,
    )


def seconds_of(
    plan: CallPlan,
    trunk: Trunk,
    node: AsteriskNode,
    call_id: str,
    slots: list[Slot],
    *,
    ahead: Callable[[int, CallDialed], Awaitable[bool]],
) -> Callable[[int, str, str | None, float], OutboundParty]:
    """Return what makes the second legs of a call: channels of their own, numbered on from the first.

    What each takes of the trunk goes into ``slots``. ``ahead``: see ``OutboundParty``, with the number.
    """

    def second(number: int, to: str, caller_id: str | None, ring_timeout: float) -> OutboundParty:
        slots.append(trunk.pace.second())
        order = Originate(
            endpoint=trunk.endpoint(to),
            app=node.settings.own_app,
            caller_id=caller_id,
            ring_timeout=ring_timeout,
            max_duration=plan.max_duration,
            call_id=call_id,
        )
        return OutboundParty(node, f"{call_id}-{number + 1}", order, ahead=partial(ahead, number))

    return second
