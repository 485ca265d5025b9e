"""How a call ended: one closed class, at most one word of reason, and who ended it. ``TABLE`` is all of it.

``classify`` is total: whatever was seen, it has an answer. It does not say whether the code was heard (that is
``delivered``), and it does not find out what was seen: that is its argument.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class OutcomeClass(StrEnum):
    """The closed set that programs branch on."""

    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    INVALID_NUMBER = "invalid_number"
    REJECTED = "rejected"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"


class EndedParty(StrEnum):
    """Who ended it. The callee includes the networks before it; us is this program, of its own accord."""

    CALLEE = "callee"
    PLAN = "plan"
    API = "api"
    TIMEOUT = "timeout"
    ASTERISK = "asterisk"
    US = "us"


class OwnAction(StrEnum):
    """What we did first to end the call. A hang-up that only follows from a ``Fault`` is none of these."""

    HANG_UP_BY_PLAN = "hang_up_by_plan"
    HANG_UP_BY_API = "hang_up_by_api"
    RING_TIMEOUT = "ring_timeout"
    MAX_DURATION = "max_duration"
    EXPIRED = "expired"
    NO_TURN = "no_turn"
    SHUTDOWN = "shutdown"


class Fault(StrEnum):
    """What broke; ``TABLE`` says it in words. Its own word is the outcome's reason."""

    TRUNK_MISSING = "trunk_missing"
    TRUNK_UNREACHABLE = "trunk_unreachable"
    ORIGINATE_REFUSED = "originate_refused"
    ORIGINATE_UNKNOWN = "originate_unknown"
    ASTERISK_LOST = "asterisk_lost"
    EVENTS_LOST = "events_lost"
    APP_LOST = "app_lost"
    LOST_BEFORE_DIALING = "lost_before_dialing"
    SPEECH_UNAVAILABLE = "speech_unavailable"
    MEDIA_UNAVAILABLE = "media_unavailable"
    MEDIA_LOST = "media_lost"
    INTERNAL_ERROR = "internal_error"
    # What is known of a call before it is taken, and told by the record of one that was taken all the same.
    NOT_ALLOWED = "destination_not_allowed"
    SCENARIO_INVALID = "scenario_invalid"


FAULTS_OF_ASTERISK: Final = frozenset(
    {Fault.TRUNK_MISSING, Fault.TRUNK_UNREACHABLE, Fault.ORIGINATE_REFUSED, Fault.ASTERISK_LOST, Fault.EVENTS_LOST}
)
"""With these Asterisk ended the call, or never began it; with any other it was us who gave up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What was seen of a call's end.

    ``progressed``: any 18x came. ``replied``: the trunk sent any SIP response at all; None: not known. ``by_callee``:
    a hang-up request came that was not ours. ``sip_status``: the one it carried. ``cause``: Q.850. ``inbound``: the
    call was handed to us, and it was on us to answer.
    """

    answered: bool
    inbound: bool = False
    progressed: bool = False
    replied: bool | None = None
    own: OwnAction | None = None
    fault: Fault | None = None
    by_callee: bool = False
    sip_status: int | None = None
    cause: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict. ``reason`` is one of ``REASONS``, or None where the class says it all."""

    class_: OutcomeClass
    reason: str | None
    cause: int | None
    sip_status: int | None
    ended_by: EndedParty


class Reached(StrEnum):
    """How far a call got that nobody took: which of the rows for it is meant."""

    PHONE = "phone"  # an 18x came; or the answer, while our hang-up was on its way
    TRUNK = "trunk"  # some response came, or it is not known that none did
    NOBODY = "nobody"  # no response came


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: what was seen, in words and as data, and what that is called.

    What decides is our own action, else the fault, else what the network said: its final SIP status, else the cause;
    ``anything``: whatever it said. ``answered``, ``inbound`` and ``reached`` narrow a row down; None: either, any.
    """

    seen: str
    class_: OutcomeClass
    reason: str | None = None
    source: str = ""
    own: Collection[OwnAction] = ()
    fault: Fault | None = None
    sip: Collection[int] = ()
    causes: Collection[int] = ()
    anything: bool = False
    answered: bool | None = None
    inbound: bool | None = None
    reached: Reached | None = None

    def covers(self, ending: Ending) -> bool:
        """Say whether such an ending is meant. Of several rows the first one counts."""
        if self.answered not in (None, ending.answered) or self.inbound not in (None, ending.inbound):
            return False
        if self.reached not in (None, _reached(ending)):
            return False
        if ending.own is not None:
            return ending.own in self.own
        if ending.fault is not None:
            return ending.fault is self.fault
        if self.anything:
            return True
        if ending.sip_status is not None and ending.sip_status in FINAL:
            return ending.sip_status in self.sip
        return ending.cause in self.causes


FINAL: Final = range(300, 700)
"""SIP statuses that end a call nobody took."""
_BY_HAND: Final = (OwnAction.HANG_UP_BY_PLAN, OwnAction.HANG_UP_BY_API)
_IN_VAIN: Final = (OwnAction.RING_TIMEOUT, OwnAction.MAX_DURATION)
_COMPLETED: Final = OutcomeClass.COMPLETED
_CANCELED: Final = OutcomeClass.CANCELED
_FAILED: Final = OutcomeClass.FAILED
_INVALID: Final = OutcomeClass.INVALID_NUMBER
_REJECTED: Final = OutcomeClass.REJECTED


def _ours(seen: str, class_: OutcomeClass, reason: str | None, answered: bool | None, *own: OwnAction) -> Row:
    return Row(seen=seen, class_=class_, reason=reason, answered=answered, own=own)


def _broke(fault: Fault, seen: str, class_: OutcomeClass = _FAILED, *, answered: bool | None = None) -> Row:
    return Row(seen=seen, class_=class_, reason=fault.value, fault=fault, answered=answered)


def _said(
    seen: str,
    class_: OutcomeClass,
    reason: str | None,
    source: str,
    sip: Collection[int] = (),
    *,
    causes: Collection[int] = (),
) -> Row:
    return Row(seen=seen, class_=class_, reason=reason, source=source, sip=sip, causes=causes)


def _nobody(seen: str, class_: OutcomeClass, reason: str | None, reached: Reached, *, anything: bool = False) -> Row:
    """Return a row for "nobody took it": what it means depends on how far it got."""
    row = _said(seen, class_, reason, "21.4.9, 21.4.18", (408, 480), causes=(18, 19, 20, 31))
    if anything:
        row = _said(seen, class_, reason, "8.1.3.1, 17.1.1.2")
    return replace(row, own=_IN_VAIN, reached=reached, anything=anything)


# Sources: sections are those of RFC 3261, causes those of Q.850. Beside a SIP status no cause is read: there it is the
# one that RFC 3398 or Asterisk's res_pjsip.c (ast_sip_hangup_sip2cause) has for the status, and 127 tells nothing.
TABLE: Final = (
    # --- our own action. Causes that we set come back as if the network had set them, so it is read first.
    _ours("hung up by the plan or by request, after the answer", _COMPLETED, None, True, *_BY_HAND),
    _ours("hung up by the plan or by request, before the answer", _CANCELED, None, False, *_BY_HAND),
    # A hang-up as any other: ``delivered`` says what was played. ``app_lost`` is for a process that died.
    _ours("hung up at our shutdown, after the answer", _COMPLETED, "shutdown", True, OwnAction.SHUTDOWN),
    _ours("hung up at our shutdown, before the answer", _CANCELED, "shutdown", False, OwnAction.SHUTDOWN),
    _ours("longest duration reached", _COMPLETED, "max_duration", True, OwnAction.MAX_DURATION),
    _ours("stale when queued, before dialling or at the answer", OutcomeClass.EXPIRED, None, None, OwnAction.EXPIRED),
    _ours("its turn on the trunk did not come in time", OutcomeClass.EXPIRED, "trunk_busy", None, OwnAction.NO_TURN),
    # --- faults. What was heard until then is told by ``delivered``.
    _broke(Fault.TRUNK_MISSING, "Asterisk has no such endpoint"),
    _broke(Fault.TRUNK_UNREACHABLE, "the trunk is known to be away"),
    _broke(Fault.ORIGINATE_REFUSED, "Asterisk did not take the order, for another reason"),
    # The one class where a phone may have rung without our knowing; such a call is never dialled again.
    _broke(Fault.ORIGINATE_UNKNOWN, "originate sent, answer lost, channel not found", OutcomeClass.INDETERMINATE),
    _broke(
        Fault.EVENTS_LOST, "it ended while Asterisk could not tell us how", OutcomeClass.INDETERMINATE, answered=False
    ),
    _broke(Fault.EVENTS_LOST, "answered, and ended while Asterisk could not tell us how", _COMPLETED, answered=True),
    _broke(Fault.ASTERISK_LOST, "Asterisk died, or was away for too long"),
    _broke(Fault.APP_LOST, "we died during the call; whoever found it says so"),
    _broke(Fault.LOST_BEFORE_DIALING, "we died before it was dialled"),
    _broke(Fault.SPEECH_UNAVAILABLE, "what is to be said could not be spoken"),
    _broke(Fault.MEDIA_UNAVAILABLE, "no media leg to be had"),
    _broke(Fault.MEDIA_LOST, "the media leg broke off"),
    _broke(Fault.INTERNAL_ERROR, "a fault of ours; the log has it"),
    _broke(Fault.NOT_ALLOWED, "taken, though its destination may not be called: nobody was"),
    _broke(Fault.SCENARIO_INVALID, "taken, though what its prepared plan needs was not given: nobody was called"),
    # --- the network
    Row(seen="answered, and none of the rows above", class_=_COMPLETED, anything=True, answered=True),
    Row(seen="a caller who hung up before we answered", class_=_CANCELED, anything=True, answered=False, inbound=True),
    _said("busy", OutcomeClass.BUSY, None, "21.4.24, 21.6.1", (486, 600), causes=(17,)),
    _said(
        "no such number", _INVALID, None, "21.4.5, 21.4.10, 21.4.22, 21.6.3", (404, 410, 484, 604), causes=(1, 22, 28)
    ),
    _said("not allowed", _REJECTED, "forbidden", "21.4.4", (403,)),
    _said("unwanted, says the callee", _REJECTED, "unwanted", "RFC 8197", (607,)),
    _said("blocked by an analytics engine, not by a person", _REJECTED, "blocked", "RFC 8688", (608,)),
    _said("declined", _REJECTED, "declined", "21.6", range(600, 700), causes=(21,)),
    # A failure that nobody sent is one that PJSIP made up: 408 when timer B fires, 503 when the transport fails
    # (pjsip/sip_msg.h, PJSIP_SC_TSX_TIMEOUT and PJSIP_SC_TSX_TRANSPORT_ERROR).
    _nobody(
        "our ring timeout, or any end, without a SIP reply", _FAILED, "trunk_unreachable", Reached.NOBODY, anything=True
    ),
    _nobody("our ring timeout, 480 or 408, after 180 or 183", OutcomeClass.NO_ANSWER, None, Reached.PHONE),
    _nobody("our ring timeout, 480 or 408, with a reply but no 18x", OutcomeClass.UNREACHABLE, None, Reached.TRUNK),
    # Never followed: it could lead to any price.
    _said("redirected", _FAILED, "redirected", "21.3", range(300, 400), causes=(23,)),
    _said("the trunk wants other credentials", _FAILED, "auth", "21.4.2, 21.4.8", (401, 407)),
    _said("a prepaid trunk without credit", _FAILED, "payment_required", "21.4.3", (402,)),
    _said("caller ID's signature refused", _FAILED, "identity", "RFC 8224, 6.2.2", (428, 436, 437, 438)),
    _said("loop, or too many hops", _FAILED, "loop", "21.4.20, 21.4.21", (482, 483)),
    # "Normal clearing" of a call that nobody took.
    _said("canceled, and not by us", _FAILED, "terminated", "21.4.25", (487,), causes=(16,)),
    _said("no common codec", _FAILED, "codec", "21.4.26", (488,), causes=(58, 65, 88)),
    _said(
        "method or extension unknown",
        _FAILED,
        "not_supported",
        "21.4, 21.5",
        (405, 415, 420, 421, 501, 505),
        causes=(29, 79),
    ),
    _said("congestion", _FAILED, "congestion", "21.5.4", (503,), causes=(34, 42, 44, 47)),
    _said("no route", _FAILED, "no_route", "", causes=(2, 3)),
    _said("request failure", _FAILED, "request_failure", "21.4", range(400, 500)),
    _said("carrier's failure", _FAILED, "carrier_error", "21.5", range(500, 600), causes=(27, 38, 41, 102)),
    Row(seen="no word of why", class_=_FAILED, reason="unknown", anything=True),
)
"""The closed table. The first row that covers an ending decides; the last one covers what is left."""

REASONS: Final = frozenset(row.reason for row in TABLE if row.reason is not None)
"""Every reason that there is."""

_ENDED_BY: Final = {
    OwnAction.HANG_UP_BY_PLAN: EndedParty.PLAN,
    OwnAction.HANG_UP_BY_API: EndedParty.API,
    OwnAction.RING_TIMEOUT: EndedParty.TIMEOUT,
    OwnAction.MAX_DURATION: EndedParty.TIMEOUT,
    OwnAction.EXPIRED: EndedParty.TIMEOUT,
    OwnAction.NO_TURN: EndedParty.TIMEOUT,
    OwnAction.SHUTDOWN: EndedParty.US,
}


def classify(ending: Ending) -> Outcome:
    """Return the outcome, by the first row of ``TABLE`` that covers it.

    Causes that we set come back as if the network had set them (a ``DELETE`` with reason busy is told as 17 and 486):
    they are reported in any case, and decide only where we did nothing.
    """
    row = next(row for row in TABLE if row.covers(ending))
    return Outcome(row.class_, row.reason, ending.cause, ending.sip_status, _ended_by(ending, row))


def _reached(ending: Ending) -> Reached:
    if ending.progressed or ending.answered:
        return Reached.PHONE
    return Reached.NOBODY if ending.replied is False else Reached.TRUNK


def _ended_by(ending: Ending, row: Row) -> EndedParty:
    if ending.own is not None:
        return _ENDED_BY[ending.own]
    if ending.fault is not None:
        return EndedParty.ASTERISK if ending.fault in FAULTS_OF_ASTERISK else EndedParty.US
    told = ending.by_callee or ending.sip_status
    return EndedParty.CALLEE if told and row.reached is not Reached.NOBODY else EndedParty.ASTERISK


# --- for people -------------------------------------------------------------------------------------------------------


def markdown() -> str:
    """Return the table in Markdown, a line for each row, for the documentation."""
    lines = ["| seen | SIP | cause | `class` | `reason` | source |", "|---|---|---|---|---|---|", *map(_line, TABLE)]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    rfc = f"RFC 3261, {row.source}" if row.source[:1].isdigit() else row.source
    source = "; ".join(filter(None, (rfc, "Q.850" if row.causes else "")))
    reason = f"`{row.reason}`" if row.reason else ""
    cells = (row.seen, _numbers(row.sip), _numbers(row.causes), f"`{row.class_}`", reason, source)
    return f"| {' | '.join(cells)} |"


def _numbers(numbers: Collection[int]) -> str:
    if isinstance(numbers, range):
        others = any(number in numbers for row in TABLE if row.sip is not numbers for number in row.sip)
        return f"{'other ' if others else ''}{numbers.start // 100}xx"
    return ", ".join(map(str, numbers))
