"""What ``dial`` says of the leg that it begins, the first of a call or the second: whom, as whom, how long, which keys.

What is wrong is said by ``Wrong``; how that is called is for whoever reads the whole.
"""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter

from otpvoice.dialects import fields
from otpvoice.dialects.context import Context
from otpvoice.dialects.jsonrpc.lenient import Given, Wrong, checked
from otpvoice.dialects.numbers import read_number
from otpvoice.dialects.offers import CallDefaults

LONGEST: Final = 14_400
"""Seconds of a call: what it has where nothing is said, and the most it gets ("Voice - Actions", ``dial``)."""

_SENT: Final = TypeAdapter[str](fields.SentDigits)


def destination(params: Given, defaults: CallDefaults) -> str:
    """Return whom to call. Raises ``Wrong``, with the code ``required`` where nothing is said."""
    given = (params.text("to") or "").strip()
    if not given:
        raise Wrong(params.path("to"), "required", "is required")
    number = read_number(given, defaults)
    if number is None:
        raise Wrong(params.path("to"), "format", "must be digits with the country code, and nothing else")
    return number


def caller_id(params: Given) -> str | None:
    """Return the number that is to be shown, as it was written; None: nothing is said. Raises ``Wrong``."""
    return (params.text("caller_id_number") or "").strip() or None


def duration(params: Given) -> float | None:
    """Return ``max_call_duration`` in seconds, cut to ``LONGEST``; None: nothing is said. Raises ``Wrong``."""
    seconds = params.whole("max_call_duration")
    if seconds == 0:
        raise Wrong(params.path("max_call_duration"), "range", "must be at least 1")
    return None if seconds is None else float(min(seconds, LONGEST))


def keys_to_send(params: Given, name: str, context: Context) -> str | None:
    """Return keys that we press; None: nothing is said. Raises ``Wrong``."""
    given = (params.text(name) or "").strip()
    # Letters on keys are capitals; ``w`` is none of them.
    given = given.replace("W", "w").translate(str.maketrans("abcd", "ABCD"))
    return checked(_SENT, given, params.path(name), context) if given else None
