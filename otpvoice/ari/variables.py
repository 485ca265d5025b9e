"""A call's result as channel variables, for the dialplan that it goes back to. Pure."""

from __future__ import annotations

from otpvoice.core.result import Result


def variables_of(result: Result) -> dict[str, str]:
    """Return the variables in the order in which to set them: the status, which a dialplan asks first, comes last."""
    collected = result.collected
    return {
        "OTPVOICE_REASON": result.outcome.reason or "",
        "OTPVOICE_DELIVERED": "1" if result.delivered else "0",
        # In clear: who asked for the keys is who is answered.
        "OTPVOICE_DIGITS": collected.keys.reveal() if collected is not None else "",
        "OTPVOICE_DIGITS_ENDED_BY": collected.ended_by.value if collected is not None else "",
        "OTPVOICE_STATUS": result.outcome.class_.value,
    }
