"""One call from its plan to its end: where the pure flow meets the world."""

from otpvoice.session.driver import BACKLOG, CallSession
from otpvoice.session.ports import Asker, Clock, Line, NoAnswer, Voice
from otpvoice.session.sounds import LEAD_OUT, READY_WITHIN

__all__ = ["BACKLOG", "LEAD_OUT", "READY_WITHIN", "Asker", "CallSession", "Clock", "Line", "NoAnswer", "Voice"]
