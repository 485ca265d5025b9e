"""What is known of a call, as a fold over what happened to it; in the end, its summary.

It decides nothing: the outcome comes from ``outcome.classify``, the count of characters from ``proof``. ``to_json`` is
the one shape in which a call is shown, stored and reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from otpvoice.core.events import (
    ActionFailed,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    DigitsCollected,
    Event,
    OriginateAccepted,
    QualitySampled,
    SpeakingStarted,
)
from otpvoice.core.outcome import Outcome
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof

SCHEMA = 1


class State(StrEnum):
    """How far a call got, in order."""

    WAITING = "waiting"
    QUEUED = "queued"
    DIALING = "dialing"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(slots=True)
class CallRecord:
    """One call. Instants in Unix seconds."""

    id: str
    account: str
    door: str
    plan: CallPlan
    proof: Proof
    node: str
    instance: str
    created_at: float
    voice: str | None = None
    test: bool = False
    state: State = State.QUEUED
    channel: str | None = None
    sip_call_id: str | None = None
    dialed_at: float | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    first_audio_at: float | None = None
    outcome: Outcome | None = None
    quality: QualitySampled | None = None
    collected: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def note(self, event: Event) -> bool:
        """Take down what happened. True when ``state`` changed."""
        before = self.state
        match event:
            case CallDialed(at=at):
                self._reach(State.DIALING)
                self.dialed_at = at
            case OriginateAccepted(sip_call_id=sip_call_id):
                self.sip_call_id = sip_call_id
            case CallProgressed(at=at, ringing=True):
                self._reach(State.RINGING)
                self.ringing_at = self.ringing_at or at
            case CallAnswered(at=at):
                self._reach(State.ANSWERED)
                self.answered_at = at
            case SpeakingStarted(at=at):
                self.first_audio_at = self.first_audio_at or at
            case QualitySampled():
                self.quality = event
            case DigitsCollected():
                self.collected.append(_collected(event))
            case ActionFailed(index=index, code=code, message=message):
                self.errors.append({"code": code, "message": message, "action": index})
            case CallEnded(at=at):
                self.ended_at = at
            case _:
                pass
        return self.state is not before

    def end(self, outcome: Outcome, at: float) -> None:
        """Close the record. ``at`` counts where the channel's own end was not seen."""
        self.outcome = outcome
        self.ended_at = self.ended_at or at
        self.state = State.ENDED

    def _reach(self, state: State) -> None:
        order = list(State)
        if order.index(state) > order.index(self.state):
            self.state = state

    # --- the shape --------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return the call as one JSON object; the same keys always, null where nothing is known."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "account": self.account,
            "door": self.door,
            "test": self.test,
            "direction": "outbound",
            "from": self.plan.caller_id,
            "to": self.plan.to,
            "language": self.plan.language,
            "state": self.state.value,
            "outcome": self._outcome(),
            "delivered": self.proof.delivered,
            "played": self._played(),
            "collected": self.collected,
            "created_at": rfc3339(self.created_at),
            "dialed_at": rfc3339(self.dialed_at),
            "ringing_at": rfc3339(self.ringing_at),
            "answered_at": rfc3339(self.answered_at),
            "ended_at": rfc3339(self.ended_at),
            "ring_ms": span_ms(self.ringing_at, self.answered_at or self.ended_at),
            "talk_ms": span_ms(self.answered_at, self.ended_at),
            "legs": [self._leg()] if self.channel else [],
            "media": [],
            "speech": {"voice": self.voice, "fallback": None},
            "node": self.node,
            "instance": self.instance,
            "metadata": dict(self.plan.metadata),
            "errors": self.errors,
        }

    def _outcome(self) -> dict[str, Any] | None:
        if self.outcome is None:
            return None
        return {
            "class": self.outcome.class_.value,
            "reason": self.outcome.reason,
            "cause": self.outcome.cause,
            "sip_status": self.outcome.sip_status,
            "ended_by": self.outcome.ended_by.value,
        }

    def _played(self) -> dict[str, Any]:
        return {
            "readings": self.proof.readings,
            "complete": self.proof.complete,
            "digits": [
                {"reading": digit.reading, "position": digit.position, "at_ms": span_ms(self.answered_at, digit.at)}
                for digit in self.proof.digits
            ],
            "first_audio_ms": span_ms(self.answered_at, self.first_audio_at),
        }

    def _leg(self) -> dict[str, Any]:
        return {
            "role": "first",
            "channel": self.channel,
            "sip_call_id": self.sip_call_id,
            "to": self.plan.to,
            "answered_at": rfc3339(self.answered_at),
            "ended_at": rfc3339(self.ended_at),
            "cause": self.outcome.cause if self.outcome else None,
            "sip_status": self.outcome.sip_status if self.outcome else None,
            "quality": self._quality(),
        }

    def _quality(self) -> dict[str, Any] | None:
        sample = self.quality
        if sample is None:
            return None
        return {
            "at": rfc3339(sample.at),
            "mos": sample.mos,
            "jitter_ms": sample.jitter_ms,
            "loss": sample.loss,
            "rtt_ms": sample.rtt_ms,
        }


def _collected(event: DigitsCollected) -> dict[str, Any]:
    collected = event.collected
    return {
        "tag": event.tag,
        "digits": None if event.sensitive else collected.keys.reveal(),
        "count": len(collected.keys),
        "ended_by": collected.ended_by.value,
        "valid": collected.valid,
        "tries": event.tries,
        "ignored": collected.ignored,
    }


def rfc3339(at: float | None) -> str | None:
    """Return an instant as RFC 3339 in UTC with milliseconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span_ms(start: float | None, end: float | None) -> int | None:
    """Return milliseconds from one instant to the other; never less than 0, since clocks of two hosts differ."""
    if start is None or end is None:
        return None
    return max(0, round((end - start) * 1000))
