"""What a dialplan sees of a call: its ``OTPVOICE_*`` variables from start to end, and where it is no call. Pure.

All of them are set each time, so that nothing of an earlier ``Stasis()`` on the channel is taken for this one's.
"""

from __future__ import annotations

from typing import Final

from otpvoice.core.outcome import OutcomeClass
from otpvoice.core.result import Result

HANGUP: Final = "hangup"
"""``OTPVOICE_STATUS`` for as long as we have the channel."""
_NOTHING: Final = {
    "OTPVOICE_REASON": "",
    "OTPVOICE_ERROR": "",
    "OTPVOICE_DELIVERED": "0",
    "OTPVOICE_DIGITS": "",
    "OTPVOICE_DIGITS_ENDED_BY": "",
}


def on_arrival() -> dict[str, str]:
    """Return what is set first of all: should the channel end now, somebody has hung up."""
    return {"OTPVOICE_STATUS": HANGUP} | _NOTHING | {"OTPVOICE_CALL": ""}


def at_the_start(call_id: str) -> dict[str, str]:
    """Return what is added once it is a call."""
    return {"OTPVOICE_CALL": call_id}


def known(result: Result) -> dict[str, str]:
    """Return what is known of a call that goes on: should it end now, this was heard and pressed all the same."""
    variables = {"OTPVOICE_DELIVERED": "1" if result.delivered else "0"}
    collected = result.collected
    if collected is not None:
        # In clear: who asked for the keys is who is answered.
        variables["OTPVOICE_DIGITS"] = collected.keys.reveal()
        variables["OTPVOICE_DIGITS_ENDED_BY"] = collected.ended_by.value
    return variables


def variables_of(result: Result) -> dict[str, str]:
    """Return the variables of a call that is over; which one it was is set already. The status comes last."""
    ended = {"OTPVOICE_REASON": result.outcome.reason or "", "OTPVOICE_STATUS": result.outcome.class_.value}
    return _NOTHING | known(result) | ended


def lost(reason: str) -> dict[str, str]:
    """Return the variables of a call that broke off. What was heard and pressed until then stays as it was told."""
    return {"OTPVOICE_REASON": reason, "OTPVOICE_ERROR": "", "OTPVOICE_STATUS": OutcomeClass.FAILED.value}


def found(status: str | None, reason: str) -> dict[str, str]:
    """Return the variables of a channel that nobody knows; by its ``OTPVOICE_STATUS`` it was a call of ours or none."""
    return lost(reason) if status == HANGUP else no_call(OutcomeClass.FAILED.value, reason)


def no_call(status: str, reason: str, error: str = "") -> dict[str, str]:
    """Return the variables of what never became a call. ``error``: a sentence for people."""
    return _NOTHING | {
        "OTPVOICE_CALL": "",
        "OTPVOICE_STATUS": status,
        "OTPVOICE_REASON": reason,
        "OTPVOICE_ERROR": error,
    }
