"""A callflow's call, told as 8x8 tells it: each leg's status (VCS), the question at its end (VCA), the summary (VSS).

Keys are in the question alone. A status says that a key was pressed and not which; CALL_UPDATED is not sent, since
nothing happens to a leg that the other words have not. Pages: 8x8, "Call Status (Number Masking)", "Voice Call Action
(VCA) webhook", "Session Summary (IVR)".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from otpvoice.core.events import (
    ActionCompleted,
    Asked,
    CallAnswered,
    CallDialed,
    DigitsCollected,
    Event,
    KeyPressed,
    OfSecond,
    OnSecond,
    SecondEnded,
)
from otpvoice.core.instants import rfc3339
from otpvoice.core.secret import Keys
from otpvoice.dialects.callflow.hooks import STATUS, SUMMARY
from otpvoice.dialects.callflow.legs import INBOUND, Leg, legs_of
from otpvoice.dialects.callflow.status import OK
from otpvoice.dialects.callflow.summary import ACTIONS, MAKE_CALL, summary
from otpvoice.dialects.seen import Seen
from otpvoice.dialects.session_ids import uuid_of
from otpvoice.dialects.spelling import Question, Told

QUESTION: Final = "CALL_ACTION"
MOST_KEYS: Final = 200
"""Keys of one call that are told: a telephone with a stuck key is to fill nobody's endpoint."""


class CallflowTeller:
    """``dialects.spelling.Teller``. Who is told twice is told so by the same ``eventId``."""

    def __init__(self) -> None:
        self._last: str | None = None
        self._bridged = False  # the last action was a second ``makeCall``
        self._captured: Keys | None = None
        self._begun: set[int] = set()  # second legs by their number, as ``OnSecond`` has it
        self._over: set[int] = set()
        self._keys = self._questions = 0
        self._watched = False  # what happened was told to this one, not to another before it

    # --- what happens -----------------------------------------------------------------------------------------------

    def told(self, call: Mapping[str, Any], event: Event, at: float, /) -> Sequence[Told]:
        """Return the changes of a leg's status."""
        self._watched = True
        return tuple(self._told(Seen(call), event.report if isinstance(event, Asked) else event, at))

    def _told(self, call: Seen, event: Event, at: float) -> Iterator[Told]:
        match event:
            case ActionCompleted(type=type_):
                self._complete(type_)
            case DigitsCollected(collected=collected):
                self._last, self._captured = ACTIONS["gather"], collected.keys
            case CallDialed(at=when):
                yield _status(call, legs_of(call)[0], "CALL_INITIATED", when)
            case CallAnswered(at=when):
                first = legs_of(call)[0]
                if first.direction == INBOUND:
                    yield _received(call, first, when)
                yield _status(call, first, "CALL_CONNECTED", when)
            case KeyPressed(at=when, second=second):
                yield from self._pressed(call, legs_of(call)[-1 if second else 0], when)
            case OnSecond(number=number, event=of_second):
                yield from self._of_second(call, number, of_second)
            case SecondEnded(number=number):
                yield from self._second_ended(call, number, at)
            case _:
                pass

    def _complete(self, type_: str) -> None:
        """Remember what was done last; a session that ends with its second leg was not hung up by an action."""
        action = ACTIONS.get(type_)
        if action is not None and not (type_ == "hangup" and self._bridged):
            self._last = action
        self._bridged = type_ == "dial"

    def _pressed(self, call: Seen, leg: Leg, at: float) -> Iterator[Told]:
        self._keys += 1
        if self._keys <= MOST_KEYS:
            yield _status(call, leg, "DTMF_RECEIVED", at, which=self._keys)

    def _of_second(self, call: Seen, number: int, event: OfSecond) -> Iterator[Told]:
        leg = _second(call, number)
        if leg is None or number in self._over:
            return
        match event:
            case CallDialed(at=when):
                self._begun.add(number)
                self._last, self._bridged = MAKE_CALL, True
                yield _status(call, leg, "CALL_INITIATED", when)
            case CallAnswered(at=when):
                yield _status(call, leg, "CALL_CONNECTED", when)
            case _:
                pass  # its end is told when it is known how it ended

    def _second_ended(self, call: Seen, number: int, at: float) -> Iterator[Told]:
        leg = _second(call, number)
        if leg is not None and number in self._begun and number not in self._over:
            yield _disconnected(call, leg, at)
        self._over.add(number)

    # --- the question -----------------------------------------------------------------------------------------------

    def question(self, call: Mapping[str, Any], event: Event, at: float, /) -> Question:
        """Return what is asked, with the keys of the last capture since the last question."""
        seen, report = Seen(call), event.report if isinstance(event, Asked) else event
        leg = legs_of(seen)[0]
        keys, self._captured = self._captured, None
        action = None
        match report:
            case DigitsCollected(collected=collected, tag=tag):
                keys, action = collected.keys, tag
            case ActionCompleted(id=id_):
                action = id_
            case _:
                pass
        self._questions += 1
        received = isinstance(report, CallAnswered) and leg.direction == INBOUND
        payload = {
            "eventId": uuid_of(leg.session, QUESTION, str(self._questions)),
            "callId": leg.id,
            "sessionId": leg.session,
            "subAccountId": seen.text("account"),
            "callStatus": "CALL_RECEIVED" if received else "ACTION_COMPLETED",
            **leg.parties(),
            "sourceRefId": None,
            "destinationRefId": None,
            "callDuration": leg.duration(at),
            "eventData": {"dtmf": keys.reveal() if keys else None},
            "sipCode": OK,
            "timestamp": rfc3339(at),
            **({} if action is None else {"clientActionId": action}),
        }
        return Question(QUESTION, _body(QUESTION, "Action request of a call", payload))

    # --- the end ----------------------------------------------------------------------------------------------------

    def ended(self, call: Mapping[str, Any], at: float, /) -> Sequence[Told]:
        """Return the end of each leg that was on, the second one's first, and the summary."""
        seen = Seen(call)
        return (*self._ends(seen, at), Told(SUMMARY, SUMMARY, orjson.dumps(summary(seen, self._last, at))))

    def _ends(self, call: Seen, at: float) -> Iterator[Told]:
        first, *others = legs_of(call)
        for number, leg in enumerate(others, 1):
            if self._still_on(number, leg, first):
                self._over.add(number)
                yield _disconnected(call, leg, at)
        if first.direction == INBOUND:
            if first.connected is None:
                yield _received(call, first, at)
        elif first.connected is None and call.instant("dialed_at") is None:
            return  # nobody was dialled
        yield _disconnected(call, first, at)

    def _still_on(self, number: int, leg: Leg, first: Leg) -> bool:
        """Is the end of a second leg still to be told?"""
        if self._watched:
            return number in self._begun and number not in self._over
        # One that was on when we died ended, for all that is known, with the call.
        return leg.disconnected is None or leg.disconnected == first.disconnected


def _second(call: Seen, number: int) -> Leg | None:
    legs = legs_of(call)
    return legs[number] if 0 < number < len(legs) else None


def _received(call: Seen, first: Leg, at: float) -> Told:
    return _status(call, first, "CALL_RECEIVED", at if first.initiated is None else first.initiated)


def _disconnected(call: Seen, leg: Leg, at: float) -> Told:
    at = at if leg.disconnected is None else leg.disconnected
    seconds = leg.duration(at) if leg.seconds is None else leg.seconds
    return _status(call, leg, "CALL_DISCONNECTED", at, seconds=seconds, sip=leg.sip_code())


def _status(
    call: Seen, leg: Leg, status: str, at: float, *, which: int = 1, seconds: int | None = None, sip: int = OK
) -> Told:
    """Return a change of status. ``sip``: 200 until there is a final one, as in their sample of a call received."""
    payload = {
        "eventId": uuid_of(leg.session, leg.id, status, str(which)),
        "callId": leg.id,
        "sessionId": leg.session,
        "subAccountId": call.text("account"),
        "callStatus": status,
        **leg.parties(),
        "callDuration": leg.duration(at) if seconds is None else seconds,
        "sipCode": sip,
        "timestamp": rfc3339(at),
    }
    return Told(STATUS, STATUS, _body("CALL_STATUS", "Status update of a call", payload))


def _body(type_: str, description: str, payload: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"namespace": "VOICE", "eventType": type_, "description": description, "payload": payload})
