"""What a phone does with an answered call, and the moments that it waits for, as data.

Nothing is done here: ``script`` takes the steps of a scenario on a live call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from otpvoice.testkit.callee.rtp import FRAME_SECONDS
from otpvoice.testkit.callee.sdp import Direction
from otpvoice.testkit.callee.telephone_event import DIGITS

# RFC 4733 section 2.5.1.3: a longer press would have to be cut into segments, since durations have 16 bits.
_LONGEST_PRESS = 8.0


@dataclass(frozen=True, slots=True)
class HeardAudio:
    """The moment when ``seconds`` of audible audio were heard; silence, also inside a prompt, does not count."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HeardSilence:
    """The moment when something was heard and then nothing audible for ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HeardPackets:
    """The moment when the RTP packet number ``count`` arrived, silent ones included."""

    count: int


# None: the moment of the answer (the ACK).
When: TypeAlias = HeardAudio | HeardSilence | HeardPackets | None


@dataclass(frozen=True, slots=True)
class Keys:
    """Digits keyed one after the other, each ``on`` seconds down and ``off`` up, from ``start`` seconds after ``when``.

    ``on`` and ``off`` are multiples of 0.02: packets leave every 20 ms. ``lose`` drops packets of *each* digit, 0 the
    first, -1 the last end packet; their sequence numbers are used up, as by a loss in the network.
    """

    digits: str
    on: float = 0.1
    off: float = 0.1
    start: float = 0.0
    when: When = None
    end_packets: int = 3
    lose: frozenset[int] = frozenset()
    volume: int = 10

    def __post_init__(self) -> None:
        if not self.digits or set(self.digits) - set(DIGITS):
            raise ValueError(f"keys are of {DIGITS}")
        if not FRAME_SECONDS <= self.on <= _LONGEST_PRESS or self.off < 0:
            raise ValueError(f"a key is down for {FRAME_SECONDS} to {_LONGEST_PRESS} seconds, and up for 0 or more")
        if any(abs(span / FRAME_SECONDS - round(span / FRAME_SECONDS)) > 1e-6 for span in (self.on, self.off)):
            raise ValueError("on and off are multiples of 0.02 s")
        if self.end_packets < 0 or not 0 <= self.volume <= 63:
            raise ValueError("end_packets is 0 or more, volume 0 to 63 (-dBm0)")


@dataclass(frozen=True, slots=True)
class Tone:
    """A sine of ``frequency`` Hz, ``seconds`` long, at -12 dBFS."""

    frequency: float
    seconds: float
    start: float = 0.0
    when: When = None


@dataclass(frozen=True, slots=True)
class Hold:
    """The caller put on hold by re-INVITE with ``direction``, and taken back with sendrecv after ``seconds``."""

    seconds: float
    start: float = 0.0
    when: When = None
    direction: Direction = Direction.SENDONLY


@dataclass(frozen=True, slots=True)
class HangUp:
    """BYE; with ``start`` 0 and no ``when``, at once after the ACK."""

    start: float = 0.0
    when: When = None


Step: TypeAlias = Keys | Tone | Hold | HangUp
