"""8x8's spelling: callflows in, and what their sessions are told and asked by.

Documents: 8x8, "Send Callflow", "Call Action Handling (IVR)", "Voice Status Codes and Status Messages" and "Voice Error
Codes". Where they differ from each other or say nothing, the module that reads the field says what was decided.
"""

from otpvoice.dialects.callflow.answering import read_answer
from otpvoice.dialects.callflow.codes import CREATED, MESSAGES, SESSION_ERRORS, UNKNOWN_ERROR, http_status
from otpvoice.dialects.callflow.reading import SPELLING, CallflowRequest, parse_callflow, webhook_of
from otpvoice.dialects.callflow.spelling import CallflowSpelling
from otpvoice.dialects.callflow.wrongs import Refused

__all__ = [
    "CREATED",
    "MESSAGES",
    "SESSION_ERRORS",
    "SPELLING",
    "UNKNOWN_ERROR",
    "CallflowRequest",
    "CallflowSpelling",
    "Refused",
    "http_status",
    "parse_callflow",
    "read_answer",
    "webhook_of",
]
