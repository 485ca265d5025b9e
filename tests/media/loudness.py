"""How loud is it? Reckoned apart from ``media.sound``, so that its tests do not ask it about itself."""

from __future__ import annotations

import math
import struct

FRAME = 160
"""Samples of 20 ms at 8000 Hz."""


def active_level(pcm: bytes) -> float:
    """Return the RMS of those frames that are at most 25 dB below the loudest, in dB below full scale."""
    samples = struct.unpack(f"<{len(pcm) // 2}h", pcm)
    frames = [samples[start : start + FRAME] for start in range(0, len(samples), FRAME)]
    powers = [math.fsum(sample * sample for sample in frame) / len(frame) for frame in frames]
    loudest = max(powers, default=0.0)
    if not loudest:
        return float("-inf")
    active = [power for power in powers if power >= loudest / 10**2.5]
    return 10 * math.log10(math.fsum(active) / len(active) / 32768**2)
