"""Sound into the trunk's law, in the event loop: no pool of threads can be full in its way.

A second of sound takes less than a millisecond; what is longer is done second by second, with turns for others between.
"""

from __future__ import annotations

import asyncio
from typing import Final

from otpvoice.media.g711 import SAMPLE_RATE, Law, encode

_PIECE: Final = 2 * SAMPLE_RATE


async def encoded(pcm: bytes, law: Law) -> bytes:
    """Return 16-bit little-endian PCM in the given law. Raises ``ValueError`` for half a sample."""
    if len(pcm) <= _PIECE:
        return encode(pcm, law)
    pieces = []
    for start in range(0, len(pcm), _PIECE):
        pieces.append(encode(pcm[start : start + _PIECE], law))
        await asyncio.sleep(0)
    return b"".join(pieces)
