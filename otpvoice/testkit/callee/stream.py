"""The RTP that a callee sends, frame by frame: silence, tones and keys on one line of time (RFC 3550, RFC 4733).

It has no clock: whoever owns the 20 ms ticker asks for the packets of each frame.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from otpvoice.testkit.callee.rtp import FRAME, FRAME_SECONDS, Law, RtpPacket
from otpvoice.testkit.callee.steps import Keys
from otpvoice.testkit.callee.telephone_event import Moment, press


@dataclass(frozen=True, slots=True)
class Stroke:
    """A key as it left the phone: ``down`` is when its first packet left, ``up`` its first end packet (loop clock)."""

    digit: str
    down: float
    up: float


class _Due(NamedTuple):
    """A packet of a press on its way: the press's RTP timestamp, and whether it gets lost."""

    moment: Moment
    timestamp: int
    lost: bool


class _Keying(NamedTuple):
    keys: Keys
    finished: Callable[[], object]


class _Audio(NamedTuple):
    frames: Iterator[bytes]
    finished: Callable[[], object]


@dataclass(slots=True)
class OutgoingStream:
    """One call's outgoing packets. Timestamps follow the frames, also through those in which nothing is sent.

    Keys come before audio: a tone waits while a key is down. ``frame`` is the frame of the ``timestamp`` given,
    ``silent_until`` the first frame in which silence is no longer sent. A muted stream lets its time pass unsent.
    ``packets`` and ``octets`` (of payload) count what was made, lost packets too.
    """

    law: Law
    event_type: int | None
    ssrc: int
    sequence: int
    timestamp: int
    frame: int = 0
    silent_until: float = math.inf
    muted: bool = False
    packets: int = 0
    octets: int = 0
    strokes: list[Stroke] = field(default_factory=list)
    _now: float = 0.0
    _talking: bool = False
    _keys: deque[_Keying] = field(default_factory=deque)
    _keying: Iterator[list[bytes] | None] | None = None
    _audio: deque[_Audio] = field(default_factory=deque)

    @property
    def idle(self) -> bool:
        """Nothing is to be sent in the coming frames."""
        return not self._keys and not self._audio and (self.muted or self.frame >= self.silent_until)

    def press(self, keys: Keys, finished: Callable[[], object]) -> None:
        """Queues keys; ``finished`` is called when the last one is up, its gap is over and its end packets are sent."""
        if self.event_type is None:
            raise ValueError("telephone-event was not negotiated")
        self._keys.append(_Keying(keys, finished))

    def play(self, samples: bytes, finished: Callable[[], object]) -> None:
        """Queues G.711 of the stream's law; ``finished`` is called in the frame after its last."""
        padded = samples + self.law.silence * (-len(samples) % FRAME)
        frames = (padded[start : start + FRAME] for start in range(0, len(padded), FRAME))
        self._audio.append(_Audio(frames, finished))

    def send(self, frame: int, now: float) -> list[bytes]:
        """The packets that leave in ``frame``, a number that only grows; ``now`` is the time of the strokes."""
        self.timestamp = (self.timestamp + FRAME * (frame - self.frame)) & 0xFFFFFFFF
        self.frame, self._now = frame, now
        packets = self._next_events()
        return self._next_audio() if packets is None else packets

    def _next_events(self) -> list[bytes] | None:
        """The packets of the key that is down; None when the frame is free for audio."""
        while self._keys:
            if self._keying is None:
                self._keying = self._key(self._keys[0].keys)
            try:
                return next(self._keying)
            except StopIteration:
                self._keying = None
                self._keys.popleft().finished()
        return None

    def _next_audio(self) -> list[bytes]:
        payload = None
        while self._audio and (payload := next(self._audio[0].frames, None)) is None:
            self._audio.popleft().finished()
        if payload is None and self.frame < self.silent_until:
            payload = self.law.silence * FRAME
        if self.muted:
            payload = None
        # RFC 3551 section 4.1: the marker is on the first packet after silence that was not sent.
        first, self._talking = not self._talking, payload is not None
        return [] if payload is None else [self._packet(self.law.value, payload, self.timestamp, first)]

    def _key(self, keys: Keys) -> Iterator[list[bytes] | None]:
        """Tells what leaves in each frame, from the first key down to the end of the last one's gap."""
        on, off = round(keys.on / FRAME_SECONDS), round(keys.off / FRAME_SECONDS)
        late: list[_Due] = []
        for digit in keys.digits:
            timestamp, down = self.timestamp, self._now
            moments = tuple(press(digit, on, end_packets=keys.end_packets, volume=keys.volume))
            lost = {index % len(moments) for index in keys.lose}
            packets = [_Due(moment, timestamp, number in lost) for number, moment in enumerate(moments)]
            for frame in range(on + off):
                if frame == on:
                    self.strokes.append(Stroke(digit, down, self._now))
                # End packets that the gap had no room for leave just before the next key's first packet.
                due = late + [packet for packet in packets if packet.moment.frame == frame]
                late = []
                yield self._events(due) if due else None
            if off == 0:
                self.strokes.append(Stroke(digit, down, self._now))
            late = [packet for packet in packets if packet.moment.frame >= on + off]
        while late:
            yield self._events([late.pop(0)])

    def _events(self, due: list[_Due]) -> list[bytes]:
        if self.muted or self.event_type is None:  # a re-INVITE took it away
            return []
        # A lost packet is made as well: it uses up its sequence number.
        made = [
            (self._packet(self.event_type, moment.event.encode(), timestamp, moment.first), lost)
            for moment, timestamp, lost in due
        ]
        return [packet for packet, lost in made if not lost]

    def _packet(self, payload_type: int, payload: bytes, timestamp: int, marker: bool) -> bytes:
        packet = RtpPacket(payload_type, self.sequence, timestamp, self.ssrc, payload, marker)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return packet.encode()
