"""What the tests of streams tell a format about a stream, and sounds that are known."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence

from otpvoice.media.g711 import Law, encode
from otpvoice.media.streams.words import Facts, Mode

FRAME = 160
EVERY_CODE = bytes(range(256))


def facts(
    tracks: tuple[str, ...] = ("inbound",),
    mode: Mode = "listen",
    *,
    sample_rate: int = 8000,
    law: Law = "ulaw",
    parameters: Mapping[str, str] | None = None,
    direction: str = "outbound",
    name: str = "stream",
) -> Facts:
    """Return what may be said of a stream."""
    return Facts(
        stream_id="stream_0123456789abcdef01234567",
        call_id="call_3f9c0a1b2c3d4e5f60718293",
        account="default",
        name=name,
        direction=direction,
        caller="+15550199",
        callee="+15550100",
        tracks=tracks,
        mode=mode,
        sample_rate=sample_rate,
        law=law,
        parameters=parameters or {},
    )


def sweep(seconds: float, rate: int = 8000, lowest: float = 100.0, highest: float = 3400.0) -> list[float]:
    """Return a tone that climbs through the telephone's band, at half of full scale."""
    count = round(seconds * rate)
    climb = (highest - lowest) / seconds
    times = (n / rate for n in range(count))
    return [16384 * math.sin(2 * math.pi * (lowest + climb * time / 2) * time) for time in times]


def pcm_of(samples: Sequence[float]) -> bytes:
    """Return samples as 16-bit little-endian PCM."""
    return struct.pack(f"<{len(samples)}h", *(round(sample) for sample in samples))


def samples_of(pcm: bytes) -> tuple[int, ...]:
    """Return the samples of 16-bit little-endian PCM."""
    return struct.unpack(f"<{len(pcm) // 2}h", pcm)


def known_signal(law: Law) -> bytes:
    """Return all codes of G.711, then a sweep of 2 s: whole frames."""
    signal = EVERY_CODE + encode(pcm_of(sweep(2.0)), law)
    return signal + bytes(-len(signal) % FRAME)


def frames(audio: bytes) -> list[bytes]:
    """Return audio as frames of 20 ms."""
    return [audio[first : first + FRAME] for first in range(0, len(audio), FRAME)]


def signal_to_noise(wanted: Sequence[float], got: Sequence[float]) -> float:
    """Return by how many dB a signal is louder than what differs from it, without its first and last 25 ms."""
    assert len(wanted) == len(got)
    edge = len(wanted) // 80
    pairs = list(zip(wanted, got, strict=True))[edge:-edge]
    noise = sum((a - b) ** 2 for a, b in pairs)
    return 10 * math.log10(sum(a * a for a, _ in pairs) / noise) if noise else math.inf
