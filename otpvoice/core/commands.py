"""The third vocabulary, imperative and about the channel *now*: what the flow wants done.

The session carries commands out; none of them returns anything, what comes of them arrives as an event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from otpvoice.core.events import Report
from otpvoice.core.outcome import OwnAction
from otpvoice.core.speech import Script


@dataclass(frozen=True, slots=True)
class Dial:
    """Place the call. Carried out at most once in the life of a call, whatever happens: nobody is rung twice."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Speak a script from its piece ``start`` on, after ``lead_in`` seconds of silence."""

    utterance_id: str
    script: Script
    start: int = 0
    lead_in: float = 0.0


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """Cut an utterance: what is queued of it is thrown away."""

    utterance_id: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the channel. ``by``: whose decision it was; None where a fault left no choice."""

    by: OwnAction | None


@dataclass(frozen=True, slots=True)
class Tell:
    """Pass a report on to whoever follows the call."""

    report: Report


Command: TypeAlias = Dial | Speak | StopSpeaking | HangUp | Tell
