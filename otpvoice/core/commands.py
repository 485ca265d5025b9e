"""The third vocabulary, imperative and about the channel *now*: what the flow wants done.

The session carries commands out; none of them returns anything, what comes of them arrives as an event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from otpvoice.core.actions import Stream
from otpvoice.core.events import Report
from otpvoice.core.outcome import OwnAction
from otpvoice.core.speech import Script


@dataclass(frozen=True, slots=True)
class Dial:
    """Place the call. Carried out at most once in the life of a call, whatever happens: nobody is rung twice."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Pick up the channel that was handed to us, and make it hear us. What comes of it: ``CallAnswered``."""


@dataclass(frozen=True, slots=True)
class Release:
    """Let the channel go on in its dialplan, with the result in its variables. What comes of it: ``CallReleased``."""


@dataclass(frozen=True, slots=True)
class DialSecond:
    """Call a second party, once. What happens to it is told as ``OnSecond`` with this ``number`` (from 1)."""

    number: int
    to: str
    caller_id: str | None
    ring_timeout: float


@dataclass(frozen=True, slots=True)
class HangUpSecond:
    """End the second leg of this number."""

    number: int


@dataclass(frozen=True, slots=True)
class Connect:
    """Put both parties into a bridge of their own, without us. What comes of it: ``PartiesConnected``."""

    number: int


@dataclass(frozen=True, slots=True)
class Part:
    """Take the first party back, so that it hears us again. What comes of it: ``PartiesParted``."""


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
class SendDigits:
    """Press keys on the first party's line. What comes of it: ``DigitsSent``, ``DigitsNotSent``."""

    digits: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendDigitsToSecond:
    """Press keys on the second leg of this number. What comes of it is told as of the first party, in ``OnSecond``."""

    number: int
    digits: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StartStream:
    """Open a stream of the call's audio. What comes of it: ``StreamStarted``, ``StreamEnded`` with this ``number``."""

    number: int
    order: Stream


@dataclass(frozen=True, slots=True)
class StopStream:
    """End the stream of this number. What comes of it: ``StreamEnded``, at once."""

    number: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask what to do next, by what was just told as ``Asked``. What comes of it: ``Instructed``, ``NotInstructed``."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the channel. ``by``: whose decision it was; None where a fault left no choice."""

    by: OwnAction | None


@dataclass(frozen=True, slots=True)
class Tell:
    """Pass a report on to whoever follows the call."""

    report: Report


Command: TypeAlias = (
    Dial
    | Answer
    | Release
    | DialSecond
    | HangUpSecond
    | Connect
    | Part
    | Speak
    | StopSpeaking
    | SendDigits
    | SendDigitsToSecond
    | StartStream
    | StopStream
    | Ask
    | HangUp
    | Tell
)
