"""What came of one source, counted as RFC 3550 says: losses (appendix A.1, A.3), jitter (A.8), the round trip's half.

It never asks for the time. A source is believed from its first packet on (no probation): signalling has announced it.
"""

from __future__ import annotations

from typing import Final

from otpvoice.testkit.callee.rtcp import Block, middle
from otpvoice.testkit.callee.rtp import SAMPLE_RATE

_MOST_DROPPED: Final = 3000
_MOST_MISORDERED: Final = 100


class Reception:
    """The packets of ``ssrc``, from ``first`` (a sequence number) on; ``received`` counts copies too, as A.3 does."""

    def __init__(self, ssrc: int, first: int) -> None:
        self.ssrc = ssrc
        self.jitter = 0.0
        self._begin(first)
        self._transit: int | None = None
        self._last_sr = 0
        self._last_sr_came = 0.0

    def _begin(self, first: int) -> None:
        self.received = 0
        self._first = self._highest = first
        self._cycles = 0
        self._suspect: int | None = None
        self._expected_before = 0
        self._received_before = 0

    @property
    def expected(self) -> int:
        return self._cycles + self._highest - self._first + 1

    @property
    def lost(self) -> int:
        """Since the beginning; negative where copies came."""
        return self.expected - self.received

    def arrived(self, sequence: int, timestamp: int, now: float) -> None:
        """Counts a packet; ``timestamp`` in samples, ``now`` in seconds of any clock that does not jump."""
        if self._in_order(sequence):
            self.received += 1
            self._measure(timestamp, now)

    def sender_reported(self, ntp: int, now: float) -> None:
        """Remembers a sender report of the source, for the round trip that it will measure."""
        self._last_sr, self._last_sr_came = middle(ntp), now

    def block(self, now: float) -> Block:
        """What is to be reported, and begins the next interval: ``fraction`` is that since the last block."""
        expected, received = self.expected - self._expected_before, self.received - self._received_before
        self._expected_before, self._received_before = self.expected, self.received
        lost = expected - received
        return Block(
            self.ssrc,
            min(255, (lost << 8) // expected) if lost > 0 else 0,
            self.lost,
            (self._cycles + self._highest) & 0xFFFFFFFF,
            int(self.jitter),
            self._last_sr,
            round((now - self._last_sr_came) * 65536) & 0xFFFFFFFF if self._last_sr else 0,
        )

    def _in_order(self, sequence: int) -> bool:
        """A.1 after probation; False: a jump, which is taken seriously when the next packet follows it."""
        ahead = (sequence - self._highest) & 0xFFFF
        if ahead < _MOST_DROPPED:
            if sequence < self._highest:
                self._cycles += 1 << 16
            self._highest = sequence
        elif ahead <= (1 << 16) - _MOST_MISORDERED:
            if sequence != self._suspect:
                self._suspect = (sequence + 1) & 0xFFFF
                return False
            self._begin(sequence)  # the sender has restarted without telling
        return True

    def _measure(self, timestamp: int, now: float) -> None:
        transit = (int(now * SAMPLE_RATE) - timestamp) & 0xFFFFFFFF
        if self._transit is not None:
            difference = (transit - self._transit) & 0xFFFFFFFF
            self.jitter += (min(difference, (1 << 32) - difference) - self.jitter) / 16
        self._transit = transit
