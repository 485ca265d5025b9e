"""The summary of a session (VSS) as 8x8's "Session Summary (IVR)" has it, from the record of its call.

``callA``, ``sourceRefId`` and the others are spelled as in the tables of that page; one sample of theirs has ``CallA``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otpvoice.dialects.callflow.codes import SESSION_ERRORS
from otpvoice.dialects.callflow.hooks import CLIENT_REQUEST_ID
from otpvoice.dialects.callflow.legs import INBOUND, Leg, legs_of
from otpvoice.dialects.callflow.status import Status, Word, leg_word, status_of
from otpvoice.dialects.seen import Seen, to_the_second
from otpvoice.dialects.session_ids import session_of

MAKE_CALL: Final = "MAKE_CALL"
HANGUP: Final = "HANGUP"
ACTIONS: Final = {
    "dial": MAKE_CALL,
    "say": "SAY",
    "play": "PLAY_FILE",
    "gather": "SAY_AND_CAPTURE",
    "hangup": HANGUP,
}
"""``lastAction``, by the types of our actions."""
VERSION: Final = 5


def summary(call: Seen, last: str | None, at: float) -> dict[str, Any]:
    """Return the whole of it. ``last``: the last action that was carried out; None: nobody remembers. ``at``: now."""
    legs = legs_of(call)
    last = last or _likely(legs)
    status = _status(call, legs, last)
    start, end = call.instant("created_at"), call.instant("ended_at")
    request = call.part("metadata").text(CLIENT_REQUEST_ID)
    return {
        "namespace": "VOICE",
        "eventType": "SESSION_SUMMARY",
        "description": "Summary of a completed call session",
        "version": VERSION,
        "payload": {
            "sessionId": session_of(call.text("id") or ""),
            "subAccountId": call.text("account"),
            "sessionStatus": status.word.value,
            "startTime": to_the_second(start if start is not None else at),
            "endTime": to_the_second(end if end is not None else at),
            "lastAction": last,
            "callCount": len(legs),
            **({} if request is None else {CLIENT_REQUEST_ID: request}),
            **_error(status),
            "details": {f"call{_letters(leg.number)}": leg.summary(end if end is not None else at) for leg in legs},
        },
    }


def _likely(legs: Sequence[Leg]) -> str:
    """Return what the last action was, as far as legs tell: a caller for whom nothing was done has hung up."""
    return HANGUP if len(legs) == 1 and legs[0].direction == INBOUND else MAKE_CALL


def _status(call: Seen, legs: Sequence[Leg], last: str) -> Status:
    """Return how the session ended; where it was to connect a second party last and could not, that decides."""
    status = status_of(call.part("outcome"), [error.text("code") for error in call.parts("errors")])
    if status.word is not Word.COMPLETED or last != MAKE_CALL:
        return status
    called = legs[-1]  # without a second one the first, which was completed
    word = leg_word(called.outcome, connected=called.connected is not None)
    if word is Word.COMPLETED:
        return status
    of_leg = status_of(called.outcome)
    return of_leg if of_leg.word is word else Status(word)


def _error(status: Status) -> dict[str, Any]:
    if status.error is None:
        return {}
    return {"errorDetails": {"errorMsg": SESSION_ERRORS[status.error], "errorCode": status.error.value}}


def _letters(number: int) -> str:
    """Return the letters of leg ``number``: A, B, … Z, AA, AB, …"""
    letters = ""
    while number > 0:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
