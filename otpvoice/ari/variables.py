"""What a dialplan sees of a call: its ``OTPVOICE_*`` variables at the start, at the end, and where it is no call. Pure.

All of them are set each time, so that nothing of an earlier ``Stasis()`` on the channel is taken for this one's.
"""

from __future__ import annotations

from typing import Final

from otpvoice.core.outcome import OutcomeClass
from otpvoice.core.result import Result

_NOTHING: Final = {
    "OTPVOICE_REASON": "",
    "OTPVOICE_ERROR": "",
    "OTPVOICE_DELIVERED": "0",
    "OTPVOICE_DIGITS": "",
    "OTPVOICE_DIGITS_ENDED_BY": "",
}


def at_the_start(call_id: str) -> dict[str, str]:
    """Return the variables while we have the channel: should it end now, somebody has hung up."""
    return _NOTHING | {"OTPVOICE_CALL": call_id, "OTPVOICE_STATUS": "hangup"}


def variables_of(result: Result) -> dict[str, str]:
    """Return the variables of a call that is over; which one it was is set already."""
    collected = result.collected
    variables = _NOTHING | {
        "OTPVOICE_STATUS": result.outcome.class_.value,
        "OTPVOICE_REASON": result.outcome.reason or "",
        "OTPVOICE_DELIVERED": "1" if result.delivered else "0",
    }
    if collected is not None:
        # In clear: who asked for the keys is who is answered.
        variables["OTPVOICE_DIGITS"] = collected.keys.reveal()
        variables["OTPVOICE_DIGITS_ENDED_BY"] = collected.ended_by.value
    return variables


def lost(reason: str) -> dict[str, str]:
    """Return the variables of a call that broke off, and of which no more is known."""
    return _NOTHING | {"OTPVOICE_STATUS": OutcomeClass.FAILED.value, "OTPVOICE_REASON": reason}


def no_call(status: str, reason: str, error: str = "") -> dict[str, str]:
    """Return the variables of what never became a call. ``error``: a sentence for people."""
    return _NOTHING | {
        "OTPVOICE_CALL": "",
        "OTPVOICE_STATUS": status,
        "OTPVOICE_REASON": reason,
        "OTPVOICE_ERROR": error,
    }
