"""The switchboard: which calls there are, how they begin and end, and who waits to be called for."""

from otpvoice.stasis.app import StasisApp
from otpvoice.stasis.pacing import Pace
from otpvoice.stasis.ports import Door, Found, NextLife, NotTaken, Origin, Records, SystemClock, Takeover
from otpvoice.stasis.taking import new_call_id
from otpvoice.stasis.trunk import Trunk
from otpvoice.stasis.waiting import WAIT

__all__ = [
    "WAIT",
    "Door",
    "Found",
    "NextLife",
    "NotTaken",
    "Origin",
    "Pace",
    "Records",
    "StasisApp",
    "SystemClock",
    "Takeover",
    "Trunk",
    "new_call_id",
]
