"""What a callee heard: every RTP packet with its arrival time, and the audio that they make.

It repairs nothing: what did not come is silence in ``payload()``, at the length that the timestamps say.
"""

from __future__ import annotations

import re
import wave
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from otpvoice.media import g711
from otpvoice.testkit.callee import telephone_event
from otpvoice.testkit.callee.rtp import SAMPLE_RATE, Law, MalformedPacket, RtpPacket, is_rtcp, parse

# A jump of the timestamps beyond this is a new line of time, not a gap to fill.
_LONGEST_GAP = 60 * SAMPLE_RATE


class Burst(NamedTuple):
    """A stretch of audible audio: samples ``[start, end)`` of ``payload()``; ``arrival`` of the packet of its first."""

    start: int
    end: int
    arrival: float

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / SAMPLE_RATE


@dataclass(slots=True)
class Recording:
    """Packets in the order of their arrival. Counts and times are kept always, packets only where ``keep`` says so.

    ``audible`` is seconds of audio above about -37 dBFS, in whole packets; ``max_gap`` seconds between audio packets.
    """

    law: Law = Law.PCMU
    event_type: int | None = None
    keep: bool = True
    packets: list[RtpPacket] = field(default_factory=list)
    count: int = 0
    rtcp: int = 0
    malformed: int = 0
    audible: float = 0.0
    max_gap: float = 0.0
    first_arrival: float | None = None
    last_arrival: float | None = None
    last: RtpPacket | None = None
    first_sound: float | None = None
    last_sound: float | None = None
    _last_audio: float | None = None

    def add(self, datagram: bytes, now: float) -> RtpPacket | None:
        """Takes a datagram that came at ``now``; None when it was no RTP."""
        if is_rtcp(datagram):
            self.rtcp += 1
            return None
        try:
            packet = parse(datagram, now)
        except MalformedPacket:
            self.malformed += 1
            return None
        self.count += 1
        self.last, self.last_arrival = packet, now
        if self.first_arrival is None:
            self.first_arrival = now
        if self.keep:
            self.packets.append(packet)
        if packet.payload_type == self.law.value:
            self._listen(packet.payload, now)
        return packet

    def _listen(self, payload: bytes, now: float) -> None:
        if self._last_audio is not None and now - self._last_audio > self.max_gap:
            self.max_gap = now - self._last_audio
        self._last_audio = now
        if payload.translate(None, self.law.quiet):
            self.audible += len(payload) / SAMPLE_RATE
            self.last_sound = now
            if self.first_sound is None:
                self.first_sound = now

    @property
    def lost(self) -> int:
        """How many sequence numbers are missing, over all sources."""
        missing = 0
        for ssrc in {packet.ssrc for packet in self.packets}:
            numbers = [packet.sequence for packet in self.packets if packet.ssrc == ssrc]
            unwrapped = {numbers[0]}
            highest = numbers[0]
            for number in numbers[1:]:
                counted = highest + _signed(number - highest, 16)
                highest = max(highest, counted)
                unwrapped.add(counted)
            missing += max(unwrapped) - min(unwrapped) + 1 - len(unwrapped)
        return missing

    def payload(self) -> bytes:
        """The audio as G.711 bytes, in the order of the timestamps; gaps are silence, a second copy is dropped.

        It starts with the first packet. Another source (SSRC), or a jump of over 60 s, goes on where the last ended.
        """
        heard = bytearray()
        for offset, packet in self._placed():
            heard += self.law.silence * (offset - len(heard))
            heard += packet.payload[len(heard) - offset :] if offset < len(heard) else packet.payload
        return bytes(heard)

    def bursts(self, min_gap: float = 0.1) -> list[Burst]:
        """What is audible, apart by at least ``min_gap`` seconds of silence, exact in samples."""
        heard = self.payload()
        loud = heard.translate(bytes(byte not in self.law.quiet for byte in range(256)))
        placed = self._placed()
        offsets = [offset for offset, _ in placed]
        gap = max(1, round(min_gap * SAMPLE_RATE))
        edges = [(0, 0), *(quiet.span() for quiet in re.finditer(rb"\x00{%d,}" % gap, loud)), (len(loud), len(loud))]
        found: list[Burst] = []
        for (_, after), (before, _) in pairwise(edges):
            stretch = loud[after:before]
            if b"\x01" in stretch:
                start, end = after + stretch.index(b"\x01"), after + stretch.rindex(b"\x01") + 1
                found.append(Burst(start, end, placed[bisect_right(offsets, start) - 1][1].arrival))
        return found

    def digits(self) -> str:
        """The keys that the other side pressed: telephone events, each told once."""
        presses: dict[tuple[int, int], str] = {}
        for packet in self.packets:
            if packet.payload_type == self.event_type:
                digit = telephone_event.parse(packet.payload).digit if len(packet.payload) >= 4 else ""
                presses.setdefault((packet.ssrc, packet.timestamp), digit)
        return "".join(presses.values())

    def write_wav(self, path: Path | str) -> None:
        """Writes ``payload()`` as 16-bit linear PCM, mono, 8000 Hz."""
        decode = g711.ulaw_decode if self.law is Law.PCMU else g711.alaw_decode
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(decode(self.payload()))

    def _placed(self) -> list[tuple[int, RtpPacket]]:
        """Each audio packet with its first sample's place in ``payload()``, in the order of places."""
        placed: list[tuple[int, RtpPacket]] = []
        last: tuple[int, RtpPacket] | None = None
        end = 0
        for packet in self.packets:
            if packet.payload_type != self.law.value:
                continue
            offset = end
            if last is not None and packet.ssrc == last[1].ssrc:
                step = _signed(packet.timestamp - last[1].timestamp, 32)
                offset = end if abs(step) > _LONGEST_GAP else last[0] + step
            last = offset, packet
            placed.append(last)
            end = max(end, offset + len(packet.payload))
        placed.sort(key=lambda place: place[0])
        first = placed[0][0] if placed else 0
        return [(offset - first, packet) for offset, packet in placed]


def _signed(difference: int, bits: int) -> int:
    """The shorter way round a counter of so many bits."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half
