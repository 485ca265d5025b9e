"""What was asked for: whom to call, from which number, what to do then, and how long it may take.

A plan is complete before anything rings; it says nothing of how far it got.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from otpvoice.core.actions import Action


@dataclass(frozen=True, slots=True)
class CallPlan:
    """One call as asked for. ``to`` and ``caller_id`` are E.164 with plus, or local numbers; times in seconds.

    ``inbound``: Asterisk hands us a channel, which is answered; nobody is dialled, and ``to`` and ``caller_id`` are
    what that channel says of itself (``to`` None: not known yet). ``goes_on``: when the plan is over, the channel goes
    on in the dialplan that handed it to us; else it is hung up.
    """

    to: str | None
    caller_id: str | None
    trunk: str
    language: str
    actions: tuple[Action, ...]
    voice: str | None = None
    ring_timeout: float = 45.0
    max_duration: float = 180.0
    lead_in: float = 0.4
    tail: float = 0.6
    valid_until: float | None = None
    sip_headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    inbound: bool = False
    goes_on: bool = False
