"""RTP packets (RFC 3550 section 5.1) and the two laws of G.711 as RTP carries them (RFC 3551 section 6).

It keeps no stream state: order, loss and timing belong to ``recording`` and ``stream``.
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import Final, NamedTuple

SAMPLE_RATE: Final = 8000
FRAME: Final = 160  # samples, and bytes of G.711, in 20 ms
FRAME_SECONDS: Final = 0.02

_HEADER = struct.Struct("!BBHII")
# RFC 5761 section 4: these second bytes are RTCP, whatever port they come to.
_RTCP = range(192, 224)
# About -37 dBFS: magnitudes below it are taken for silence. Both laws count magnitude in the same 128 steps.
_AUDIBLE_MAGNITUDE = 0x20


class MalformedPacket(ValueError):
    """The datagram is not an RTP packet of version 2."""


class Law(Enum):
    """A law of G.711; the value is its static payload type."""

    PCMU = 0
    PCMA = 8

    @property
    def silence(self) -> bytes:
        """One sample of silence."""
        return b"\xff" if self is Law.PCMU else b"\xd5"

    @property
    def quiet(self) -> bytes:
        """Every byte that counts as silence: ``payload.translate(None, law.quiet)`` leaves what is audible."""
        return _QUIET[self]


# G.711: after the law's bit inversion (all bits; every second bit) the low seven bits grow with the magnitude.
_QUIET: Final = {
    Law.PCMU: bytes(byte for byte in range(256) if (byte ^ 0xFF) & 0x7F < _AUDIBLE_MAGNITUDE),
    Law.PCMA: bytes(byte for byte in range(256) if (byte ^ 0x55) & 0x7F < _AUDIBLE_MAGNITUDE),
}


# A named tuple and not a dataclass: one is made per packet received, up to 20 000 a second.
class RtpPacket(NamedTuple):
    """One packet; ``timestamp`` in samples, ``arrival`` in seconds of the receiver's clock (0.0: not received)."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    arrival: float = 0.0

    def encode(self) -> bytes:
        marked = self.payload_type | 0x80 if self.marker else self.payload_type
        return _HEADER.pack(0x80, marked, self.sequence, self.timestamp, self.ssrc) + self.payload


def is_rtcp(datagram: bytes) -> bool:
    return len(datagram) >= 2 and datagram[1] in _RTCP


def parse(datagram: bytes, arrival: float = 0.0) -> RtpPacket:
    """Reads a packet without its CSRC list, extension and padding; raises ``MalformedPacket`` and nothing else."""
    if len(datagram) < 12:
        raise MalformedPacket("shorter than the fixed header")
    flags, kind, sequence, timestamp, ssrc = _HEADER.unpack_from(datagram)
    if flags & 0xC0 != 0x80:
        raise MalformedPacket("not version 2")
    start = 12
    end = len(datagram)
    if flags != 0x80:
        start += 4 * (flags & 0x0F)
        if flags & 0x10:
            start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
        if flags & 0x20:
            if datagram[-1] == 0:
                raise MalformedPacket("padding of length 0")
            end -= datagram[-1]
        if start > end:
            raise MalformedPacket("header and padding longer than the packet")
    return RtpPacket(kind & 0x7F, sequence, timestamp, ssrc, datagram[start:end], kind >= 0x80, arrival)
