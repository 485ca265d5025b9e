"""What was asked for: whom to call, from which number, what to do then, and how long it may take.

A plan is complete before anything rings; it says nothing of how far it got.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from otpvoice.core.actions import Action, Stream

OURS: Final = "native"
"""Our own spelling of what is told and asked."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One of several endpoints of a call, by the name that its spelling has for it.

    ``auth``: what is sent along in the header Authorization, sealed (``adapters.sealing``); None: nothing.
    """

    name: str
    url: str = field(repr=False)  # it may hold a token
    auth: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where what happens is told, and who may be asked for more.

    ``events``: types of events, or ``*`` for all. ``interactive``: when the plan has run out of actions, what comes
    next is asked for there, and waited for at most ``timeout`` seconds; without an answer that can be used,
    ``fallback`` is done, and then the call is over.

    ``spelling``: by which name whoever tells and asks knows how that is spelled; another than ``OURS`` tells its
    ``hooks``, while ``url`` and ``events`` are for ours. ``auth``: as in ``Hook``, of ``url``.
    """

    url: str = field(repr=False)  # it may hold a token
    events: tuple[str, ...] = ("*",)
    interactive: bool = False
    timeout: float = 5.0
    fallback: tuple[Action, ...] = ()
    spelling: str = OURS
    hooks: tuple[Hook, ...] = ()
    auth: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CallPlan:
    """One call as asked for. ``to`` and ``caller_id`` are E.164 with plus, or local numbers; times in seconds.

    ``inbound``: Asterisk hands us a channel, which is answered; nobody is dialled, and ``to`` and ``caller_id`` are
    what that channel says of itself (``to`` None: not known yet). ``goes_on``: when the plan is over, the channel goes
    on in the dialplan that handed it to us; else it is hung up. ``shown``: the caller ID that second legs show which do
    not say; of a channel that was handed to us ``caller_id`` is somebody else's. ``streams``: what the administrator
    has streamed of every call on this trunk, from the answer on.
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
    webhook: Webhook | None = None
    inbound: bool = False
    goes_on: bool = False
    shown: str | None = None
    streams: tuple[Stream, ...] = ()

    @property
    def asks_at_answer(self) -> bool:
        """Is there nothing to do yet when the call is answered, and somebody to ask?"""
        return not self.actions and self.webhook is not None and self.webhook.interactive
