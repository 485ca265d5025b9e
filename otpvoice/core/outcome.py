"""How a call ended: one closed class, at most one word of reason, and who ended it.

``classify`` is total: whatever was seen, it has an answer. It does not say whether the code was heard (that is
``delivered``), and it does not find out what was seen: that is its argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias, assert_never


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
    SHUTDOWN = "shutdown"


class Fault(StrEnum):
    """What broke. Its word is the outcome's reason."""

    TRUNK_MISSING = "trunk_missing"  # Asterisk has no such endpoint
    TRUNK_UNREACHABLE = "trunk_unreachable"
    ORIGINATE_REFUSED = "originate_refused"  # by Asterisk, for another reason
    ORIGINATE_UNKNOWN = "originate_unknown"  # sent, answer lost, channel not found
    ASTERISK_LOST = "asterisk_lost"
    EVENTS_LOST = "events_lost"  # the channel ended while Asterisk could not tell us how
    APP_LOST = "app_lost"  # we died during the call; whoever found it says so
    LOST_BEFORE_DIALING = "lost_before_dialing"
    SPEECH_UNAVAILABLE = "speech_unavailable"
    MEDIA_UNAVAILABLE = "media_unavailable"  # no media leg to be had
    MEDIA_LOST = "media_lost"
    INTERNAL_ERROR = "internal_error"


FAULTS_OF_ASTERISK: Final = frozenset(
    {Fault.TRUNK_MISSING, Fault.TRUNK_UNREACHABLE, Fault.ORIGINATE_REFUSED, Fault.ASTERISK_LOST, Fault.EVENTS_LOST}
)
"""With these Asterisk ended the call, or never began it; with any other it was us who gave up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What was seen of a call's end.

    ``progressed``: any 18x came. ``replied``: the trunk sent any SIP response at all; None: not known. ``by_callee``:
    a hang-up request came that was not ours. ``sip_status``: the one it carried. ``cause``: Q.850.
    """

    answered: bool
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


Verdict: TypeAlias = tuple[OutcomeClass, str | None]


def _table(*rows: tuple[Iterable[int], OutcomeClass, str | None]) -> Mapping[int, Verdict]:
    return {number: (class_, reason) for numbers, class_, reason in rows for number in numbers}


# In both tables ``no_answer`` stands for "nobody picked up"; ``_unanswered`` has the last word on it.
BY_SIP_STATUS: Final = _table(
    (range(300, 400), OutcomeClass.FAILED, "redirected"),  # never followed: it could lead to any price
    (range(400, 500), OutcomeClass.FAILED, "request_failure"),  # RFC 3261, 21.4; the rows below are more exact
    (range(500, 600), OutcomeClass.FAILED, "carrier_error"),
    (range(600, 700), OutcomeClass.REJECTED, "declined"),
    ((486, 600), OutcomeClass.BUSY, None),
    ((408, 480), OutcomeClass.NO_ANSWER, None),
    ((404, 410, 484, 604), OutcomeClass.INVALID_NUMBER, None),
    ((403,), OutcomeClass.REJECTED, "forbidden"),
    ((607,), OutcomeClass.REJECTED, "unwanted"),  # RFC 8197
    ((608,), OutcomeClass.REJECTED, "blocked"),  # RFC 8688: by an analytics engine, not by a person
    ((401, 407), OutcomeClass.FAILED, "auth"),
    ((402,), OutcomeClass.FAILED, "payment_required"),  # a prepaid trunk without credit
    ((405, 415, 420, 421, 501, 505), OutcomeClass.FAILED, "not_supported"),
    ((428, 436, 437, 438), OutcomeClass.FAILED, "identity"),  # RFC 8224: our caller ID's signature
    ((482, 483), OutcomeClass.FAILED, "loop"),
    ((487,), OutcomeClass.FAILED, "terminated"),  # somebody canceled it, and it was not us
    ((488,), OutcomeClass.FAILED, "codec"),
    ((503,), OutcomeClass.FAILED, "congestion"),
)
# Read where no SIP status was seen. Beside a status stands the cause that RFC 3398 or Asterisk's res_pjsip.c
# (ast_sip_hangup_sip2cause) has for it; 127, which Asterisk has for whatever it does not know, tells nothing.
BY_CAUSE: Final = _table(
    ((1, 22, 28), OutcomeClass.INVALID_NUMBER, None),
    ((17,), OutcomeClass.BUSY, None),
    ((18, 19, 20, 31), OutcomeClass.NO_ANSWER, None),  # 408 and 480
    ((21,), OutcomeClass.REJECTED, "declined"),
    ((2, 3), OutcomeClass.FAILED, "no_route"),
    ((16,), OutcomeClass.FAILED, "terminated"),  # "normal clearing" of a call that nobody had answered
    ((23,), OutcomeClass.FAILED, "redirected"),
    ((29, 79), OutcomeClass.FAILED, "not_supported"),
    ((34, 42, 44, 47), OutcomeClass.FAILED, "congestion"),
    ((27, 38, 41, 102), OutcomeClass.FAILED, "carrier_error"),
    ((58, 65, 88), OutcomeClass.FAILED, "codec"),
)
UNEXPLAINED: Final[Verdict] = (OutcomeClass.FAILED, "unknown")

REASONS: Final = frozenset(
    {reason for _, reason in (*BY_SIP_STATUS.values(), *BY_CAUSE.values(), UNEXPLAINED) if reason is not None}
    | {fault.value for fault in Fault}
    | {"max_duration", "shutdown"}
)
"""Every reason that there is."""


def classify(ending: Ending) -> Outcome:
    """Return the outcome. Our own action decides; else a fault; else the answer, the SIP status, the cause, in turn.

    Causes that we set come back as if the network had set them (a ``DELETE`` with reason busy is told as 17 and 486):
    they are reported in any case, and decide only where we did nothing.
    """
    if ending.own is not None:
        (class_, reason), party = _by_us(ending, ending.own)
    elif ending.fault is not None:
        (class_, reason), party = _by_fault(ending.fault, ending.answered)
    else:
        (class_, reason), party = _by_network(ending)
    return Outcome(class_, reason, ending.cause, ending.sip_status, party)


def _by_us(ending: Ending, own: OwnAction) -> tuple[Verdict, EndedParty]:
    over = OutcomeClass.COMPLETED if ending.answered else OutcomeClass.CANCELED
    match own:
        case OwnAction.HANG_UP_BY_PLAN:
            return (over, None), EndedParty.PLAN
        case OwnAction.HANG_UP_BY_API:
            return (over, None), EndedParty.API
        case OwnAction.SHUTDOWN:
            # A hang-up as any other: the callee was reached (or not yet), and ``delivered`` says what was played.
            # ``app_lost`` is for a process that died and can't tell.
            return (over, "shutdown"), EndedParty.US
        case OwnAction.EXPIRED:
            return (OutcomeClass.EXPIRED, None), EndedParty.TIMEOUT
        case OwnAction.MAX_DURATION if ending.answered:
            return (over, "max_duration"), EndedParty.TIMEOUT
        case OwnAction.RING_TIMEOUT | OwnAction.MAX_DURATION:
            return _unanswered(ending), EndedParty.TIMEOUT
        case _:
            assert_never(own)


def _by_fault(fault: Fault, answered: bool) -> tuple[Verdict, EndedParty]:
    class_ = OutcomeClass.FAILED
    if fault is Fault.ORIGINATE_UNKNOWN or (fault is Fault.EVENTS_LOST and not answered):
        # The one class where a phone may have rung without our knowing; such a call is never dialled again.
        class_ = OutcomeClass.INDETERMINATE
    elif fault is Fault.EVENTS_LOST:
        class_ = OutcomeClass.COMPLETED  # answered; what was played until then is proven as ever
    return (class_, fault.value), EndedParty.ASTERISK if fault in FAULTS_OF_ASTERISK else EndedParty.US


def _by_network(ending: Ending) -> tuple[Verdict, EndedParty]:
    party = EndedParty.CALLEE if ending.by_callee or ending.sip_status else EndedParty.ASTERISK
    if ending.answered:
        return (OutcomeClass.COMPLETED, None), party
    verdict = BY_SIP_STATUS.get(ending.sip_status or 0) or BY_CAUSE.get(ending.cause or 0) or UNEXPLAINED
    # Where nobody replied, PJSIP made the status up: 408 when timer B fires, 503 when the transport fails
    # (pjsip/sip_msg.h, PJSIP_SC_TSX_TIMEOUT and PJSIP_SC_TSX_TRANSPORT_ERROR).
    silent = ending.replied is False and not ending.progressed
    if verdict[0] is OutcomeClass.NO_ANSWER or (silent and verdict[0] is OutcomeClass.FAILED):
        verdict = _unanswered(ending)
    return verdict, EndedParty.ASTERISK if silent else party


def _unanswered(ending: Ending) -> Verdict:
    """Nobody picked up: did it ring, is the phone off, or is there no trunk?"""
    if ending.progressed or ending.answered:  # answered: while our hang-up was on its way
        return OutcomeClass.NO_ANSWER, None
    if ending.replied is False:
        return OutcomeClass.FAILED, Fault.TRUNK_UNREACHABLE.value
    return OutcomeClass.UNREACHABLE, None
