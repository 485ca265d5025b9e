"""RTCP packets: sender and receiver reports with the name that must go with them (RFC 3550 section 6).

It keeps no statistics and no clock: what is reported is ``rtcp_reception``'s business, and when, ``rtcp_session``'s.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

SR: Final = 200
RR: Final = 201
SDES: Final = 202
_CNAME = 1
_MOST_BLOCKS = 31

_HEADER = struct.Struct("!BBH")
_SENDER = struct.Struct("!QIII")
_BLOCK = struct.Struct("!IIIIII")
# Seconds from the epoch of NTP (1900) to that of Unix (RFC 868).
_NTP_EPOCH: Final = 2_208_988_800


class MalformedReport(ValueError):
    """The datagram is not an RTCP packet of version 2 that begins with a report."""


class Block(NamedTuple):
    """What a receiver says of one source (section 6.4.1).

    ``fraction`` of the packets since the last report, in 256ths; ``lost`` since the beginning, negative where more came
    than were sent; ``jitter`` in samples; ``last_sr`` the middle of an NTP time, ``delay`` since then in 65536ths of a
    second, both 0 where no sender report came.
    """

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_sr: int = 0
    delay: int = 0

    def encode(self) -> bytes:
        counts = self.fraction << 24 | max(-0x800000, min(0x7FFFFF, self.lost)) & 0xFFFFFF
        return _BLOCK.pack(self.ssrc, counts, self.highest, self.jitter, self.last_sr, self.delay)


class Sent(NamedTuple):
    """What a sender says of itself: its clock in 64 bits of NTP, and the same instant as an RTP timestamp."""

    ntp: int
    timestamp: int
    packets: int
    octets: int


class Report(NamedTuple):
    """A receiver report; with ``sent``, a sender report."""

    ssrc: int
    blocks: tuple[Block, ...] = ()
    sent: Sent | None = None

    def encode(self) -> bytes:
        body = struct.pack("!I", self.ssrc)
        if self.sent is not None:
            body += _SENDER.pack(*self.sent)
        body += b"".join(block.encode() for block in self.blocks)
        return _packet(RR if self.sent is None else SR, len(self.blocks), body)


def ntp_time(unix: float) -> int:
    """The NTP time of Unix seconds (section 4): 32 bits of seconds, 32 of their fractions."""
    seconds = int(unix)
    return (seconds + _NTP_EPOCH & 0xFFFFFFFF) << 32 | int((unix - seconds) * (1 << 32))


def middle(ntp: int) -> int:
    """The middle 32 of its 64 bits, which is how a report names the sender report that it follows."""
    return ntp >> 16 & 0xFFFFFFFF


def compound(report: Report, cname: str) -> bytes:
    """The datagram of a report: no report goes without its sender's name (section 6.1)."""
    name = cname.encode()[:255]
    item = struct.pack("!IBB", report.ssrc, _CNAME, len(name)) + name
    # Section 6.5: the list ends with one null byte at least, and at a word's end.
    return report.encode() + _packet(SDES, 1, item + bytes(4 - len(item) % 4))


def parse(datagram: bytes) -> tuple[Report, ...]:
    """Reads the reports of a datagram, in order; other packets are passed over. Raises ``MalformedReport`` alone."""
    reports: list[Report] = []
    for number, (count, kind, body) in enumerate(_packets(datagram)):
        if kind in {SR, RR}:
            reports.append(_report(count, kind, body))
        elif number == 0:
            raise MalformedReport("does not begin with a report")  # appendix A.2
    return tuple(reports)


def _report(count: int, kind: int, body: bytes) -> Report:
    blocks_at = 4 + (_SENDER.size if kind == SR else 0)
    if len(body) < blocks_at + count * _BLOCK.size:
        raise MalformedReport("shorter than its blocks")
    sent = Sent(*_SENDER.unpack_from(body, 4)) if kind == SR else None
    blocks = tuple(_block(body, blocks_at + number * _BLOCK.size) for number in range(count))
    return Report(int.from_bytes(body[:4], "big"), blocks, sent)


def _block(body: bytes, at: int) -> Block:
    ssrc, counts, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, at)
    lost = counts & 0xFFFFFF
    return Block(ssrc, counts >> 24, lost - (1 << 24) if lost >= 1 << 23 else lost, highest, jitter, last_sr, delay)


def _packets(datagram: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Count, type and body of each packet, the body without padding."""
    if not datagram:
        raise MalformedReport("nothing")
    start = 0
    while start < len(datagram):
        if len(datagram) - start < _HEADER.size:
            raise MalformedReport("shorter than a header")
        flags, kind, words = _HEADER.unpack_from(datagram, start)
        end = start + 4 + 4 * words
        if flags & 0xC0 != 0x80 or end > len(datagram):
            raise MalformedReport("not version 2, or longer than the datagram")
        body = datagram[start + 4 : end]
        if flags & 0x20:
            if end != len(datagram) or not body or not 0 < body[-1] <= len(body):
                raise MalformedReport("impossible padding")
            body = body[: -body[-1]]
        yield flags & 0x1F, kind, body
        start = end


def _packet(kind: int, count: int, body: bytes) -> bytes:
    if count > _MOST_BLOCKS:
        raise ValueError("more than 31 blocks")
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body
