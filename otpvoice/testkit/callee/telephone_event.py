"""Telephone events, the keys of a phone as RTP payloads (RFC 4733 section 2.3), and what one press puts on the wire.

It knows neither sequence numbers nor clocks: a press is described in frames of 20 ms.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from otpvoice.testkit.callee.rtp import FRAME

# RFC 4733 table 3: the event code of a digit is its place in this string.
DIGITS: Final = "0123456789*#ABCD"
_PAYLOAD = struct.Struct("!BBH")


class MalformedEvent(ValueError):
    """The payload is not one telephone event."""


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """One payload: ``volume`` is the power in -dBm0 (0-63), ``duration`` counts samples since the event began."""

    code: int
    duration: int
    end: bool = False
    volume: int = 10

    @property
    def digit(self) -> str:
        """The key, ``""`` for an event that is no key."""
        return DIGITS[self.code] if self.code < len(DIGITS) else ""

    def encode(self) -> bytes:
        return _PAYLOAD.pack(self.code, self.volume | 0x80 if self.end else self.volume, self.duration)


@dataclass(frozen=True, slots=True)
class Moment:
    """One packet of a press: ``frame`` is when it leaves, in frames since the key went down."""

    frame: int
    event: TelephoneEvent
    first: bool


def parse(payload: bytes) -> TelephoneEvent:
    """Reads the first event of a payload; raises ``MalformedEvent`` when there is none."""
    if len(payload) < 4:
        raise MalformedEvent("shorter than one event")
    code, flags, duration = _PAYLOAD.unpack_from(payload)
    return TelephoneEvent(code, duration, bool(flags & 0x80), flags & 0x3F)


def press(digit: str, frames: int, *, end_packets: int = 3, volume: int = 10) -> Iterator[Moment]:
    """Tells the packets of a key that is down for ``frames`` frames, in the order in which they leave.

    An update leaves at the start of each frame, its duration covering that frame as audio would. The first end packet
    leaves when the key goes up, exactly ``frames`` after the first packet, so that the receiver measures the very
    times of the press; its repetitions follow at the interval of the updates (section 2.5.1.4).
    """
    code = DIGITS.index(digit)
    for frame in range(frames):
        yield Moment(frame, TelephoneEvent(code, (frame + 1) * FRAME, False, volume), frame == 0)
    for repetition in range(end_packets):
        yield Moment(frames + repetition, TelephoneEvent(code, frames * FRAME, True, volume), False)
