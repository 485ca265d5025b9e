"""What becomes of a call that a former life left: it goes on, or this is how it ended.

It looks nothing up: whether a channel lives, and what was sealed, is told. A record may be any version's, or anything:
nothing raises, and what is not understood stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from otpvoice.core.instants import rfc3339, seconds_of, span_ms
from otpvoice.core.legs import outcome_json
from otpvoice.core.media import Disconnected, StreamStatus
from otpvoice.core.outcome import Ending, Fault, Outcome, OwnAction, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import State
from otpvoice.core.refusal import refusal

NO_CLOSE: Final = 1006
"""The connection was closed without a word (RFC 6455, 7.4.1)."""


@dataclass(frozen=True, slots=True)
class GoOn:
    """Nobody was dialled for it, and what was asked for is known and still wanted."""


@dataclass(frozen=True, slots=True)
class Ended:
    """It is over, and this is what it was."""

    outcome: Outcome


Fate: TypeAlias = GoOn | Ended


def what_becomes(
    record: Mapping[str, Any], *, plan: CallPlan | None, until: float | None, alive: bool | None, now: float
) -> Fate:
    """Return what becomes of a call, from how far its record says that it got.

    ``plan``: what was sealed; None: it is gone, or never was sealed. ``until``: when it was of no more use, or will be;
    None: it never was sealed. ``alive``: was its channel found; None: nobody could look. Instants are Unix seconds.
    """
    state, inbound = record.get("state"), record.get("direction") == "inbound"
    if state == State.WAITING or (state == State.QUEUED and not inbound and not alive):
        return _before_it_began(record, plan, until, now)
    if state == State.DIALING and not inbound and record.get("test") is not True and alive is not True:
        # The order may have been carried out, and the telephone may have rung: nobody is to be rung twice.
        return ended(record, fault=Fault.ORIGINATE_UNKNOWN)
    # One that was queued, and has a channel: the store has forgotten that it was dialled (a last second of writes, a
    # failover), the telephone has not. A caller on the line, too, who was at the door: the channel went on without us.
    return ended(record, fault=Fault.APP_LOST)


def _before_it_began(record: Mapping[str, Any], plan: CallPlan | None, until: float | None, now: float) -> Fate:
    if (refused := refusal(record)) is not None:
        return ended(record, fault=refused)
    if plan is not None and plan.valid_until is not None:
        until = plan.valid_until
    if until is not None and until <= now:
        return ended(record, own=OwnAction.EXPIRED)
    return GoOn() if plan is not None else ended(record, fault=Fault.LOST_BEFORE_DIALING)


def ended(record: Mapping[str, Any], *, own: OwnAction | None = None, fault: Fault | None = None) -> Ended:
    """Return the end of a call that came by this: our own action, or a fault."""
    return Ended(
        classify(
            Ending(
                answered=record.get("answered_at") is not None,
                inbound=record.get("direction") == "inbound",
                progressed=record.get("ringing_at") is not None,
                own=own,
                fault=fault,
            )
        )
    )


# --- the record -------------------------------------------------------------------------------------------------------


def closed(record: Mapping[str, Any], outcome: Outcome, at: float, *, seen: bool) -> dict[str, Any]:
    """Return a call's record with its end, as ``CallRecord.to_json`` shows one; the argument is not changed.

    ``at`` counts where no end was taken down before. ``seen``: the channel was there until then; else nobody knows how
    long it rang or was talked on, and the spans that lead to the end are null.
    """
    ended_at, answered_at = record.get("ended_at"), record.get("answered_at")
    known = ended_at is not None
    end = at if seen and not known else None
    ended_at = ended_at if known else rfc3339(at)
    rang = known or answered_at is not None
    return {
        **record,
        "state": State.ENDED.value,
        "outcome": outcome_json(outcome),
        "ended_at": ended_at,
        "ring_ms": record.get("ring_ms") if rang else span_ms(_instant(record.get("ringing_at")), end),
        "talk_ms": record.get("talk_ms") if known else span_ms(_instant(answered_at), end),
        "legs": _each(record.get("legs", []), lambda leg: _leg(leg, outcome, ended_at)),
        "media": _each(record.get("media", []), lambda stream: _stream(stream, ended_at)),
    }


def _each(entries: Any, close: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if not isinstance(entries, list):
        return entries
    return [close(entry) if isinstance(entry, dict) else entry for entry in entries]


def _leg(leg: dict[str, Any], outcome: Outcome, ended_at: Any) -> dict[str, Any]:
    """Return a leg that is over. A second one that was over before has an outcome of its own (see ``SecondLeg``)."""
    ended = {**leg, "ended_at": leg.get("ended_at") or ended_at}
    if leg.get("role") != "first":
        if leg.get("outcome") is not None:
            return ended
        outcome = replace(outcome, cause=None, sip_status=None)
    return ended | {"cause": outcome.cause, "sip_status": outcome.sip_status, "outcome": outcome_json(outcome)}


def _stream(stream: dict[str, Any], ended_at: Any) -> dict[str, Any]:
    """Return a stream that is over. One that was open broke when we died, which nobody saw: it has no duration."""
    status = stream.get("status")
    if status not in (StreamStatus.CONNECTING, StreamStatus.CONNECTED):  # no set: anything may be there
        return stream
    return {
        **stream,
        "status": StreamStatus.FAILED.value,
        "disconnected_by": Disconnected.ERROR.value,
        "ended_at": ended_at,
        "close_code": NO_CLOSE if status == StreamStatus.CONNECTED else stream.get("close_code"),
        "error": Fault.APP_LOST.value,
    }


def _instant(text: Any) -> float | None:
    """Return an instant of a record in Unix seconds; None where it is none."""
    try:
        return seconds_of(text)
    except (TypeError, ValueError, OverflowError):
        return None
