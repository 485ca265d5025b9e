"""The switchboard: which calls there are, how they begin and end, and who waits to be called for."""

from otpvoice.stasis.app import StasisApp, new_call_id
from otpvoice.stasis.pacing import Pace
from otpvoice.stasis.ports import Door, NotTaken, Origin, Records, SystemClock
from otpvoice.stasis.trunk import Trunk
from otpvoice.stasis.waiting import WAIT

__all__ = ["WAIT", "Door", "NotTaken", "Origin", "Pace", "Records", "StasisApp", "SystemClock", "Trunk", "new_call_id"]
