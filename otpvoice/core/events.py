"""The second vocabulary, past tense: what happened to a call.

Two families. *Happenings* come from the world to the flow. *Reports* go from the flow to whoever follows the call
(the record, the log, later the asker's webhooks). ``at`` is an instant in Unix seconds, Asterisk's own where it has
one: it is written down, never waited for; the flow's timers use the ``now`` that it is called with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from otpvoice.core.actions import Action
from otpvoice.core.digits import Collected
from otpvoice.core.media import StreamReport
from otpvoice.core.outcome import Fault, Outcome, OwnAction

# --- happenings ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallDialed:
    """The order to call is on its way to Asterisk. From here on nothing is repeated."""

    at: float


@dataclass(frozen=True, slots=True)
class OriginateAccepted:
    """Asterisk took the order. ``sip_call_id`` is the Call-ID of the INVITE (RFC 3261, 8.1.1.4)."""

    at: float
    sip_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class QualitySampled:
    """What the far end's RTCP said of our audio so far. Times in ms, ``loss`` a fraction, ``mos`` 1 to 4.5.

    ``rtt_ms`` None: no report of ours has come back yet.
    """

    at: float
    mos: float
    jitter_ms: float
    loss: float
    rtt_ms: float | None


@dataclass(frozen=True, slots=True)
class CallProgressed:
    """An 18x came. ``ringing``: 180 (alerting); else 183 or another (RFC 3261, 21.1)."""

    at: float
    ringing: bool


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The callee picked up, and the call is in our hands."""

    at: float


@dataclass(frozen=True, slots=True)
class CallHeld:
    """The callee put us on hold (RFC 3264, 8.4): nothing that plays now is heard."""

    at: float


@dataclass(frozen=True, slots=True)
class CallResumed:
    """The callee took us off hold."""

    at: float


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The channel is gone. Terminal.

    ``sip_status`` is the remote's own final response, None where Asterisk made it up; ``cause`` is Q.850.
    ``by_callee``: the far end hung up, as opposed to us or Asterisk. ``fault``: the end was none of these.
    ``unseen_since``: the end was not seen, and lies somewhere after this instant.
    """

    at: float
    cause: int | None = None
    sip_status: int | None = None
    by_callee: bool = False
    replied: bool | None = None
    fault: Fault | None = None
    unseen_since: float | None = None


@dataclass(frozen=True, slots=True)
class SpeakingStarted:
    """The first frame of the utterance was handed to Asterisk; the whole of it lasts ``seconds``."""

    utterance_id: str
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class PiecePlayed:
    """The script's piece with this ``index`` was played out, by proof (see ``media.playout``)."""

    utterance_id: str
    index: int
    at: float


@dataclass(frozen=True, slots=True)
class SpeakingFinished:
    """Nothing of this utterance is queued any more. ``cut``: it was stopped before its end."""

    utterance_id: str
    at: float
    cut: bool


@dataclass(frozen=True, slots=True)
class SpeakingFailed:
    """The utterance could not be made or played. ``reason`` is a word, never the text."""

    utterance_id: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """The callee released a key: one of ``0-9*#A-D``."""

    digit: str = field(repr=False)
    at: float


@dataclass(frozen=True, slots=True)
class DigitsSent:
    """The keys that we wanted pressed have sounded, each of them."""

    at: float


@dataclass(frozen=True, slots=True)
class DigitsNotSent:
    """Asterisk did not press the keys that we wanted pressed."""

    at: float


@dataclass(frozen=True, slots=True)
class Instructed:
    """Whoever was asked has said what to do next; nothing: the plan is over."""

    at: float
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class NotInstructed:
    """Whoever was asked did not say what to do next, or nothing that can be done. ``code``, ``message``: for people."""

    at: float
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class MediaLost:
    """The media leg died under the call: it can neither speak nor hear any more."""

    at: float


@dataclass(frozen=True, slots=True)
class MediaUnavailable:
    """No media leg was to be had for a channel that waits to be answered."""

    at: float


@dataclass(frozen=True, slots=True)
class CallReleased:
    """The channel has gone on in its dialplan, with its result. Terminal."""

    at: float


OfSecond: TypeAlias = (
    CallDialed
    | OriginateAccepted
    | CallProgressed
    | CallAnswered
    | CallEnded
    | DigitReceived
    | DigitsSent
    | DigitsNotSent
    | QualitySampled
)


@dataclass(frozen=True, slots=True)
class OnSecond:
    """Something happened to the second leg of this ``number`` (from 1): the same words, said of another party.

    Its ``CallAnswered`` means that it picked up, not yet that anybody hears it.
    """

    number: int
    event: OfSecond


@dataclass(frozen=True, slots=True)
class PartiesConnected:
    """Both parties hear each other; the media leg is out of it. Keys now come from each channel's own events."""

    at: float


@dataclass(frozen=True, slots=True)
class PartiesParted:
    """The first party is back with the media leg."""

    at: float


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The other side of stream ``number`` (from 1, in this call) is there, and hears the call."""

    number: int
    report: StreamReport
    at: float


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """Stream ``number`` is over, or never came to be: ``report`` has how. Told once."""

    number: int
    report: StreamReport
    at: float


@dataclass(frozen=True, slots=True)
class TrackSilent:
    """Nothing can be heard of a party for now, so that this track of stream ``number`` is silence. Told once."""

    number: int
    track: str
    at: float


@dataclass(frozen=True, slots=True)
class Flooded:
    """More happened than anybody can follow; some of it was lost."""

    at: float


@dataclass(frozen=True, slots=True)
class HangupAsked:
    """Somebody other than the plan wants the call to end: the API, or a shutdown."""

    at: float
    by: OwnAction


Happening: TypeAlias = (
    CallDialed
    | OriginateAccepted
    | QualitySampled
    | CallProgressed
    | CallAnswered
    | CallHeld
    | CallResumed
    | CallEnded
    | SpeakingStarted
    | PiecePlayed
    | SpeakingFinished
    | SpeakingFailed
    | DigitReceived
    | DigitsSent
    | DigitsNotSent
    | Instructed
    | NotInstructed
    | MediaLost
    | MediaUnavailable
    | CallReleased
    | OnSecond
    | PartiesConnected
    | PartiesParted
    | StreamStarted
    | StreamEnded
    | TrackSilent
    | Flooded
    | HangupAsked
)

# --- reports ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CharacterPlayed:
    """Character ``position`` of the ``reading``-th reading of a code was played; ``of`` so many in all."""

    reading: int
    position: int
    of: int
    at: float


@dataclass(frozen=True, slots=True)
class CodeDelivered:
    """A first complete reading of the code was played."""

    at: float


@dataclass(frozen=True, slots=True)
class CodeReplayed:
    """The callee wants the code again, for the ``count``-th time, and gets it."""

    count: int


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key was pressed, by the first party or by a ``second``; which one is nobody's business here."""

    at: float
    second: bool = False


@dataclass(frozen=True, slots=True)
class DigitsCollected:
    """A gather is over: what its last try brought, after so many ``tries``."""

    collected: Collected
    tag: str | None
    tries: int
    sensitive: bool


@dataclass(frozen=True, slots=True)
class SecondEnded:
    """The second leg of this number is over, with an outcome of its own."""

    number: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ActionCompleted:
    """The plan's action ``index`` (from 0) is done."""

    index: int
    type: str
    id: str | None


@dataclass(frozen=True, slots=True)
class ActionFailed:
    """The plan's action ``index`` could not be done (None: the call itself, or a question, failed)."""

    index: int | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A report by which somebody is asked what to do next, and told what nobody else is."""

    report: DigitsCollected | ActionCompleted


Report: TypeAlias = (
    Asked
    | CharacterPlayed
    | CodeDelivered
    | CodeReplayed
    | KeyPressed
    | DigitsCollected
    | SecondEnded
    | ActionCompleted
    | ActionFailed
)
Event: TypeAlias = Happening | Report
