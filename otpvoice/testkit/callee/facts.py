"""What is known of a call, as data: who was called, when what happened, how it ended.

Nothing here acts on the call.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from otpvoice.testkit.callee.sip import Request


class CallOver(Exception):
    """The call ended before what was awaited came."""


class Refused(Exception):
    """The other side refused a re-INVITE; ``status`` is its final response."""

    def __init__(self, status: int) -> None:
        super().__init__(f"re-INVITE refused with {status}")
        self.status = status


class Ending(StrEnum):
    """Who ended the call, or how: the caller is the side that sent the INVITE, whichever of the two is ours."""

    CALLER_HUNG_UP = "caller_hung_up"
    CALLEE_HUNG_UP = "callee_hung_up"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    NO_ACK = "no_ack"
    NO_RESPONSE = "no_response"
    AGENT_CLOSED = "agent_closed"


@dataclass(frozen=True, slots=True)
class Invite:
    """Who is called by whom: the user parts of Request-URI and From, and the whole INVITE."""

    number: str
    caller: str
    request: Request

    def header(self, name: str) -> str:
        """The first value of a header, ``""`` when it is absent."""
        return self.request.header(name)


@dataclass(slots=True)
class Times:
    """Seconds on the loop's clock; None: did not happen.

    ``ringing`` is of the first 18x, ``bye`` of either side. ``ok_sent`` is of our first 200 OK to a call that came;
    ``early_media`` (the first description before the answer), ``cancel`` and ``final`` are of a call that we placed.
    """

    invite: float
    ringing: float | None = None
    ok_sent: float | None = None
    ack: float | None = None
    first_rtp: float | None = None
    first_sound: float | None = None
    bye: float | None = None
    ended: float | None = None
    early_media: float | None = None
    cancel: float | None = None
    final: float | None = None
