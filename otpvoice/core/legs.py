"""The legs of a call as its record shows them, and what is known of a second one, as a fold over what happened to it.

Like the record it decides nothing: the outcome is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from otpvoice.core.events import CallAnswered, CallDialed, CallEnded, OfSecond, OriginateAccepted, QualitySampled
from otpvoice.core.instants import rfc3339
from otpvoice.core.outcome import Outcome


@dataclass(slots=True)
class SecondLeg:
    """One second leg. Instants in Unix seconds; ``outcome`` is None while it is on.

    ``caller_id``: the number that it is shown; None: the trunk's own, whatever that is.
    """

    channel: str
    to: str | None
    caller_id: str | None = None
    sip_call_id: str | None = None
    dialed_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    quality: QualitySampled | None = None
    outcome: Outcome | None = None

    def note(self, event: OfSecond) -> None:
        """Take down what happened to it."""
        match event:
            case CallDialed(at=at):
                self.dialed_at = at
            case OriginateAccepted(sip_call_id=sip_call_id):
                self.sip_call_id = sip_call_id
            case CallAnswered(at=at):
                self.answered_at = at
            case QualitySampled():
                self.quality = event
            case CallEnded(at=at):
                self.ended_at = at
            case _:
                pass

    def close(self, outcome: Outcome, at: float) -> None:
        """The call is over, and this leg with it: the call's ``outcome`` and ``at`` count where it has none yet."""
        self.ended_at = self.ended_at or at
        if self.outcome is None:
            self.outcome = replace(outcome, cause=None, sip_status=None)

    def to_json(self) -> dict[str, Any]:
        """Return its entry in the record."""
        return leg_json(
            role="second",
            channel=self.channel,
            sip_call_id=self.sip_call_id,
            caller_id=self.caller_id,
            to=self.to,
            dialed_at=self.dialed_at,
            answered_at=self.answered_at,
            ended_at=self.ended_at,
            quality=self.quality,
            outcome=self.outcome,
        )


def leg_json(
    *,
    role: str,
    channel: str | None,
    sip_call_id: str | None,
    caller_id: str | None,
    to: str | None,
    dialed_at: float | None,
    answered_at: float | None,
    ended_at: float | None,
    quality: QualitySampled | None,
    outcome: Outcome | None,
) -> dict[str, Any]:
    """Return a leg as the record shows it, the first as the second."""
    return {
        "role": role,
        "channel": channel,
        "sip_call_id": sip_call_id,
        "from": caller_id,
        "to": to,
        "dialed_at": rfc3339(dialed_at),
        "answered_at": rfc3339(answered_at),
        "ended_at": rfc3339(ended_at),
        "cause": outcome.cause if outcome else None,
        "sip_status": outcome.sip_status if outcome else None,
        "quality": _quality_json(quality),
        "outcome": outcome_json(outcome),
    }


def outcome_json(outcome: Outcome | None) -> dict[str, Any] | None:
    """Return an outcome as the record shows it; null while there is none."""
    if outcome is None:
        return None
    return {
        "class": outcome.class_.value,
        "reason": outcome.reason,
        "cause": outcome.cause,
        "sip_status": outcome.sip_status,
        "ended_by": outcome.ended_by.value,
    }


def _quality_json(sample: QualitySampled | None) -> dict[str, Any] | None:
    if sample is None:
        return None
    return {
        "at": rfc3339(sample.at),
        "mos": sample.mos,
        "jitter_ms": sample.jitter_ms,
        "loss": sample.loss,
        "rtt_ms": sample.rtt_ms,
    }
