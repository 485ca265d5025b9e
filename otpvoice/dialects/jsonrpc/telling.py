"""Tells a call in this vendor's words ("Voice - Events"): a question at each event, and ``call_completed`` at the end.

Numbers are without plus, as in the vendor's examples. ``to`` and ``from`` are in ``data``, and at the top as well,
where his own demo ("voice_server_demo") reads them. A second party's answer is not told: the demo dials at each
``dial_completed``, and would for ever. A record may be any version's, erased, or short: what is not there is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from otpvoice.core.events import ActionCompleted, Asked, CallAnswered, DigitsCollected, Event
from otpvoice.core.instants import rfc3339
from otpvoice.core.outcome import OutcomeClass
from otpvoice.dialects.jsonrpc import events
from otpvoice.dialects.numbers import plain
from otpvoice.dialects.seen import Seen
from otpvoice.dialects.session_ids import reference_of
from otpvoice.dialects.spelling import Question, Told

INBOUND: Final = "inbound"
OUTBOUND: Final = "outbound"
ANSWERED: Final = "answered"
HUNG_UP: Final = "hangup"
"""How a leg ended that was answered, whatever ended it."""
STATUS: Final[Mapping[str, str]] = {
    # The call was over, and this leg with it.
    OutcomeClass.COMPLETED: "canceled",
    OutcomeClass.EXPIRED: "canceled",
    OutcomeClass.CANCELED: "canceled",
    OutcomeClass.BUSY: "busy",
    OutcomeClass.NO_ANSWER: "no_answer",
    OutcomeClass.UNREACHABLE: "no_answer",
    OutcomeClass.INVALID_NUMBER: "failed",
    OutcomeClass.REJECTED: "rejected",
    OutcomeClass.FAILED: "failed",
    OutcomeClass.INDETERMINATE: "failed",
}
"""How a leg ended that was not answered, by the class of its outcome; ``failed`` where that is none.

The vendor's pages have ``answered`` and ``hangup`` alone.
"""

_COMPLETED: Final[Mapping[str, tuple[str, str]]] = {
    "play": (events.PLAY_COMPLETED, "play_successful"),
    "say": (events.SPEAK_COMPLETED, "speak_successful"),
}
"""By the type of an action: what is told of it."""
_COLLECTED: Final = {events.PLAY: "play", events.SPEAK: "say"}
"""By the tag of a gather: the type of action that it stands for."""


class JsonRpcTeller:
    """``dialects.spelling.Teller``.

    ``_untold``: the call was answered, and nobody has heard of it.
    """

    __slots__ = ("_untold",)

    def __init__(self) -> None:
        self._untold = False

    def told(self, call: Mapping[str, Any], event: Event, _: float, /) -> Sequence[Told]:
        """Return what is posted plainly: nothing, before the end."""
        if isinstance(event, CallAnswered) and not _came_in(Seen(call)):
            self._untold = True
        return ()

    def question(self, call: Mapping[str, Any], event: Event, _: float, /) -> Question:
        """Return what is asked at this event. Raises ``ValueError`` at one that asks nobody."""
        seen = Seen(call)
        match event.report if isinstance(event, Asked) else event:
            case CallAnswered() if _came_in(seen):
                return _question(seen, events.INCOMING_CALL, {})
            case CallAnswered() | ActionCompleted(type="send_digits", id=events.DIAL):
                self._untold = False
                return _question(seen, events.DIAL_COMPLETED, {"status": ANSWERED})
            case DigitsCollected(tag=tag, collected=collected):
                name, status = _COMPLETED[_COLLECTED.get(tag or "", "play")]
                return _question(seen, name, {"status": status, "collected_digits": collected.keys.reveal()})
            case ActionCompleted(type="dial"):
                return _question(seen, events.CALL_LEG_COMPLETED, _second(seen))
            case ActionCompleted(type="send_digits"):
                return _question(seen, events.SEND_DTMF_COMPLETED, {"status": "send_dtmf_successful"})
            case ActionCompleted(type=type_):
                name, status = _COMPLETED.get(type_, _COMPLETED["play"])
                # The vendor's pages list it for both events, also where no keys were asked for.
                return _question(seen, name, {"status": status, "collected_digits": ""})
        raise ValueError("nobody is asked by this event")

    def ended(self, call: Mapping[str, Any], at: float, /) -> Sequence[Told]:
        """Return what is posted when the call is over."""
        seen = Seen(call)
        return tuple(Told(events.HOOK, name, _body(seen, name, data)) for name, data in self._last(seen, at))

    def _last(self, call: Seen, at: float) -> Iterator[tuple[str, dict[str, Any]]]:
        status, answered = _status(call), call.instant("answered_at") is not None
        if not _came_in(call) and (not answered or self._untold):
            yield events.DIAL_COMPLETED, _parties(call) | {"status": ANSWERED if answered else status}
        began, ended = call.instant("created_at"), call.instant("ended_at")
        ended = at if ended is None else ended
        yield (
            events.CALL_COMPLETED,
            {
                # As in the vendor's example: from the beginning of the call, not from its answer.
                "duration": _seconds(began, ended),
                **_times(began, call.instant("answered_at"), ended),
                "status": status,
                "audio_recording_file_name": None,
                **_parties(call),
                "direction": INBOUND if _came_in(call) else OUTBOUND,
            },
        )


def _came_in(call: Seen) -> bool:
    return call.text("direction") == INBOUND


def _second(call: Seen) -> dict[str, Any]:
    """Return what is told of the second leg that is over now."""
    legs = [leg for leg in call.parts("legs") if leg.text("role") == "second"]
    leg = legs[-1] if legs else Seen()
    began, answered, ended = leg.instant("dialed_at"), leg.instant("answered_at"), leg.instant("ended_at")
    return {
        **_parties(leg),
        "status": _status(leg),
        "duration": _seconds(answered if began is None else began, ended),
        **_times(began, answered, ended),
    }


def _question(call: Seen, name: str, data: Mapping[str, Any]) -> Question:
    return Question(name, _body(call, name, {**_parties(call), **data}))


def _body(call: Seen, name: str, data: Mapping[str, Any]) -> bytes:
    external_id = call.part("metadata").text(events.EXTERNAL_ID)
    body = {"event": name, "reference_id": reference_of(call.text("id") or "")}
    body |= {events.EXTERNAL_ID: external_id} if external_id is not None else {}
    return orjson.dumps(body | {"to": data["to"], "from": data["from"], "data": data})


def _parties(leg: Seen) -> dict[str, Any]:
    return {"to": _number(leg.text("to")), "from": _number(leg.text("from"))}


def _number(number: str | None) -> str | None:
    return plain(number) if number is not None else None


def _status(leg: Seen) -> str:
    """Return how a leg that is over ended, or the call, whose first leg that is."""
    if leg.instant("answered_at") is not None:
        return HUNG_UP
    return STATUS.get(leg.part("outcome").text("class") or "", STATUS[OutcomeClass.FAILED])


def _times(began: float | None, answered: float | None, ended: float | None) -> dict[str, str | None]:
    """Return instants as the vendor writes them: in UTC, without saying so."""
    instants = {"created_on_utc": began, "answered_on_utc": answered, "ended_on_utc": ended}
    return {name: (rfc3339(at) or "").removesuffix("Z") or None for name, at in instants.items()}


def _seconds(began: float | None, ended: float | None) -> int:
    return max(0, round(ended - began)) if began is not None and ended is not None else 0
