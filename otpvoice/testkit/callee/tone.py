"""A sine as G.711, for a callee that has something to say.

It shapes no edges: a tone begins and ends at full amplitude.
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache

from otpvoice.media import g711
from otpvoice.testkit.callee.rtp import SAMPLE_RATE, Law

_AMPLITUDE = 8192  # -12 dBFS


@lru_cache(maxsize=16)
def sine(frequency: float, seconds: float, law: Law) -> bytes:
    """``seconds`` of ``frequency`` Hz at -12 dBFS, one byte a sample."""
    step = 2 * math.pi * frequency / SAMPLE_RATE
    samples = [round(_AMPLITUDE * math.sin(step * n)) for n in range(round(seconds * SAMPLE_RATE))]
    pcm = struct.pack(f"<{len(samples)}h", *samples)
    return g711.ulaw_encode(pcm) if law is Law.PCMU else g711.alaw_encode(pcm)
