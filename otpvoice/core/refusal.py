"""Calls that are taken and end at once, because it is known before that they must not begin, or can't.

Some doors tell so afterwards, as of a call that failed. Which calls these are stands in the record from its first line:
whoever finds one that was not ended dials nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otpvoice.core.outcome import Fault

MESSAGES: Final[Mapping[Fault, str]] = {
    Fault.NOT_ALLOWED: "the destination may not be called",
    Fault.SCENARIO_INVALID: "what the prepared plan needs was not given, or does not fit",
}
"""The faults for which a call is refused, with what is said of each where there is nothing to add."""
_FAULTS: Final = {fault.value: fault for fault in MESSAGES}


def complaint(fault: Fault, why: str | None) -> dict[str, Any]:
    """Return what stands in the errors of the record. ``why``: for people; None: no more than the fault says.

    Raises ``KeyError`` for a fault by which no call is refused.
    """
    return {"code": fault.value, "message": why or MESSAGES[fault], "action": None}


def refusal(record: Mapping[str, Any]) -> Fault | None:
    """Return the fault for which a call was refused, as its record's JSON has it; None: it was not. Nothing raises."""
    errors = record.get("errors")
    if record.get("dialed_at") is not None or not isinstance(errors, list) or not errors:
        return None
    first = errors[0]
    code = first.get("code") if isinstance(first, Mapping) else None
    return _FAULTS.get(code) if isinstance(code, str) else None
