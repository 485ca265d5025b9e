"""What is known of a call, as a fold over what happened to it; in the end, its summary.

It decides nothing: the outcome comes from ``outcome.classify``, the count of characters from ``proof``. ``to_json`` is
the one shape in which a call is shown, stored and reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from otpvoice.core.actions import Stream
from otpvoice.core.events import (
    ActionFailed,
    Asked,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    CallReleased,
    DigitsCollected,
    Event,
    OnSecond,
    OriginateAccepted,
    QualitySampled,
    SecondEnded,
    SpeakingStarted,
    StreamEnded,
    StreamStarted,
)
from otpvoice.core.instants import rfc3339, span_ms
from otpvoice.core.legs import SecondLeg, leg_json, outcome_json
from otpvoice.core.media import StreamReport, report_of
from otpvoice.core.outcome import Fault, Outcome
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.speech import LeftOut

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
    """One call. Instants in Unix seconds.

    ``channel``: the first party's, None until there is one. ``plan`` and ``proof`` are replaced when somebody comes
    for a prepared call. ``voice``: the one that was to speak; ``fallback``: one that stood in for it, None: nobody had
    to; ``left_out``: what no voice could say. ``refused``: why it was never to begin, known before it was taken.
    ``seconds``: the second legs by their number; ``streams``: those of its audio by theirs.
    """

    id: str
    account: str
    door: str
    plan: CallPlan
    proof: Proof
    node: str | None
    instance: str
    created_at: float
    voice: str | None = None
    fallback: str | None = None
    left_out: frozenset[LeftOut] = frozenset()
    test: bool = False
    refused: Fault | None = None
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
    seconds: dict[int, SecondLeg] = field(default_factory=dict)
    streams: dict[int, StreamReport] = field(default_factory=dict)
    collected: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def note(self, event: Event) -> bool:
        """Take down what happened. True when ``state`` changed."""
        before = self.state
        self._note(event.report if isinstance(event, Asked) else event)
        return self.state is not before

    def _note(self, event: Event) -> None:
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
                self.collected.append(collected_json(event))
            case ActionFailed(index=index, code=code, message=message):
                self.errors.append({"code": code, "message": message, "action": index})
            case CallEnded(at=at) | CallReleased(at=at):
                self.ended_at = at
            case _:
                self._note_of_others(event)

    def _note_of_others(self, event: Event) -> None:
        """Take down what happened to a second party, or to a stream."""
        match event:
            case OnSecond(number=number, event=of_second):
                self.second(number).note(of_second)
            case SecondEnded(number=number, outcome=outcome):
                self.second(number).outcome = outcome
            case StreamStarted(number=number, report=report) | StreamEnded(number=number, report=report):
                self.streams[number] = report
            case _:
                pass

    def end(self, outcome: Outcome, at: float) -> None:
        """Close the record. ``at`` counts where the channel's own end was not seen."""
        self.outcome = outcome
        self.ended_at = self.ended_at or at
        self.state = State.ENDED
        for second in self.seconds.values():
            second.close(outcome, self.ended_at)

    def stream_ordered(self, number: int, order: Stream) -> None:
        """A stream is about to be opened."""
        self.streams[number] = report_of(order)

    @property
    def ring_ms(self) -> int | None:
        """From ringing to the answer or the end."""
        return span_ms(self.ringing_at, self.answered_at or self.ended_at)

    @property
    def talk_ms(self) -> int | None:
        """From the answer to the end."""
        return span_ms(self.answered_at, self.ended_at)

    def second(self, number: int, to: str | None = None, caller_id: str | None = None) -> SecondLeg:
        """Return what is known of the second leg of this number (from 1).

        Where it begins: ``to``, who is called; ``caller_id``, what is shown there.
        """
        if number not in self.seconds:
            self.seconds[number] = SecondLeg(f"{self.id}-{number + 1}", to, caller_id)
        return self.seconds[number]

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
            "direction": "inbound" if self.plan.inbound else "outbound",
            "from": self.plan.caller_id,
            "to": self.plan.to,
            "language": self.plan.language,
            "state": self.state.value,
            "outcome": outcome_json(self.outcome),
            "delivered": self.proof.delivered,
            "played": self._played(),
            "collected": list(self.collected),
            "created_at": rfc3339(self.created_at),
            "dialed_at": rfc3339(self.dialed_at),
            "ringing_at": rfc3339(self.ringing_at),
            "answered_at": rfc3339(self.answered_at),
            "ended_at": rfc3339(self.ended_at),
            "ring_ms": self.ring_ms,
            "talk_ms": self.talk_ms,
            "legs": self._legs(),
            "media": [self.streams[number].to_json() for number in sorted(self.streams)],
            "speech": {"voice": self.voice, "fallback": self.fallback, "left_out": sorted(self.left_out)},
            "node": self.node,
            "instance": self.instance,
            "metadata": dict(self.plan.metadata),
            "errors": list(self.errors),
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

    def _legs(self) -> list[dict[str, Any]]:
        first = leg_json(
            role="first",
            channel=self.channel,
            sip_call_id=self.sip_call_id,
            caller_id=self.plan.caller_id,
            to=self.plan.to,
            dialed_at=self.dialed_at,
            answered_at=self.answered_at,
            ended_at=self.ended_at,
            quality=self.quality,
            outcome=self.outcome,
        )
        return [
            *([first] if self.channel else []),
            *(self.seconds[number].to_json() for number in sorted(self.seconds)),
        ]


def collected_json(event: DigitsCollected) -> dict[str, Any]:
    """Return what a gather brought as the record shows it; keys that are sensitive are not shown."""
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
