"""How a session and its legs ended, in the words and with the codes of 8x8's "Session Summary" and "Voice Error Codes".

What a network said (busy, declined, no route) is a status; what was wrong with the call, with us or with the trunk is
an error with a code. One table, and it is total: what it does not know is -9999.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from otpvoice.core.outcome import OutcomeClass
from otpvoice.core.speech import OF_URLS, WORDS
from otpvoice.dialects.callflow.codes import Error
from otpvoice.dialects.seen import Seen


class Word(StrEnum):
    """``sessionStatus``, and ``callStatus`` of a leg in a summary."""

    COMPLETED = "COMPLETED"
    BUSY = "BUSY"
    NO_ANSWER = "NO_ANSWER"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Status:
    """``error`` is there with ``ERROR``, and with nothing else."""

    word: Word
    error: Error | None = None


ERRORS: Final[Mapping[str, Error]] = {
    # --- we, and what is ours
    "app_lost": Error.INTERNAL,
    "lost_before_dialing": Error.INTERNAL,
    "internal_error": Error.INTERNAL,
    "media_unavailable": Error.INTERNAL,
    "media_lost": Error.INTERNAL,
    "answer_late": Error.INTERNAL,  # the answer came, and what it needs was not made in time
    "nobody_to_ask": Error.INTERNAL,
    # --- what we are connected with: Asterisk, the trunk, the endpoint that is asked
    "asterisk_lost": Error.CONNECTIVITY,
    "events_lost": Error.CONNECTIVITY,
    "originate_refused": Error.CONNECTIVITY,
    "originate_unknown": Error.CONNECTIVITY,
    "trunk_missing": Error.CONNECTIVITY,
    "trunk_unreachable": Error.CONNECTIVITY,
    "auth": Error.CONNECTIVITY,
    "payment_required": Error.CONNECTIVITY,
    "not_answered": Error.CONNECTIVITY,
    # --- what was asked for
    "answer_invalid": Error.CALLFLOW_INVALID,
    "unsupported_state": Error.CALLFLOW_INVALID,
    "dialed_too_often": Error.CALLFLOW_INVALID,
    "destination_not_allowed": Error.NO_COVERAGE,
    "caller_id_not_allowed": Error.SOURCE_NOT_ALLOWED,
    "scenario_invalid": Error.SCENARIO_INVALID,
    # --- sound
    "speech_unavailable": Error.SPEECH,
    **{word: Error.DOWNLOAD if word in OF_URLS else Error.SPEECH for word in WORDS},
    # --- no room: with us, or with the carrier (503; Q.850 34, 42, 44, 47)
    "trunk_busy": Error.TRUNK_CAPACITY,
    "congestion": Error.TRUNK_CAPACITY,
    "unknown": Error.UNKNOWN,
}
"""The reasons of outcomes, and the codes of a record's errors, that are errors of a session."""

_WORDS: Final[Mapping[str, Status]] = {
    OutcomeClass.COMPLETED: Status(Word.COMPLETED),
    OutcomeClass.EXPIRED: Status(Word.ERROR, Error.EXPIRED),
    OutcomeClass.CANCELED: Status(Word.CANCELED),
    OutcomeClass.BUSY: Status(Word.BUSY),
    OutcomeClass.NO_ANSWER: Status(Word.NO_ANSWER),
    OutcomeClass.UNREACHABLE: Status(Word.FAILED),
    OutcomeClass.INVALID_NUMBER: Status(Word.FAILED),
    OutcomeClass.REJECTED: Status(Word.FAILED),
    OutcomeClass.FAILED: Status(Word.FAILED),
    OutcomeClass.INDETERMINATE: Status(Word.ERROR, Error.CONNECTIVITY),
}
"""What the classes are, but for those reasons."""

_SIP: Final[Mapping[str, int]] = {
    OutcomeClass.CANCELED: 487,
    OutcomeClass.BUSY: 486,
    OutcomeClass.NO_ANSWER: 480,
    OutcomeClass.UNREACHABLE: 480,
    OutcomeClass.INVALID_NUMBER: 404,
    OutcomeClass.REJECTED: 403,
}
"""What stands for a final response that nobody sent (RFC 3398, section 8.2.6.1); for all others 500."""
OK: Final = 200


def status_of(outcome: Seen, complaints: Iterable[str | None] = ()) -> Status:
    """Return what an outcome of a record is. ``complaints``: the codes of the record's errors, in order.

    A call that was completed is an error all the same where its callflow could not be gone on with.
    """
    class_, reason = outcome.text("class"), outcome.text("reason")
    known = (ERRORS[code] for code in complaints if code is not None and code in ERRORS)
    error = None
    if class_ == OutcomeClass.COMPLETED:
        error = next(known, None)
    elif reason == "speech_unavailable":
        error = next(known, Error.SPEECH)  # what was complained of says what of it
    elif reason is not None:
        error = ERRORS.get(reason)
    if error is not None:
        return Status(Word.ERROR, error)
    return _WORDS.get(class_ or "", Status(Word.ERROR, Error.UNKNOWN))


def leg_word(outcome: Seen, *, connected: bool) -> Word:
    """Return how a leg ended: one that was talked on is completed, whatever became of the session."""
    word = status_of(outcome).word
    if connected:
        return Word.COMPLETED if word is Word.ERROR else word
    # The call was over, and this leg with it.
    return Word.CANCELED if word is Word.COMPLETED else word


def sip_code(outcome: Seen, *, connected: bool) -> int:
    """Return the final SIP status of a leg that is over."""
    if connected:
        return OK
    said = outcome.number("sip_status")
    return int(said) if said is not None and 300 <= said < 700 else _SIP.get(outcome.text("class") or "", 500)
