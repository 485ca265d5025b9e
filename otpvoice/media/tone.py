"""Call progress tones: sines together at the level of telephone tones, as 16-bit PCM at 8000 Hz.

It knows no countries and no cadences: which tone means what is said elsewhere, by frequency and length.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from math import pi, sin, sqrt
from typing import Final

from otpvoice.media.g711 import SAMPLE_RATE

LEVEL: Final = -19.0
"""dBm0 of all sines together. ITU-T E.180 wants tones well below speech that is loud, and above what is faint."""

_FADING: Final = SAMPLE_RATE // 200
_FULL_SCALE: Final = 3.17  # dBm0 of the loudest sine that G.711 can code (ITU-T G.711, tables 5 and 6: 3.14 in A-law)
_AMPLITUDE: Final = 32767 * 10 ** ((LEVEL - _FULL_SCALE) / 20)


def tone(frequencies: tuple[int, ...], seconds: float) -> bytes:
    """Return so many seconds, exact to the sample, faded in and out within 5 ms; silence for no frequencies.

    ``frequencies`` in whole Hz, 1 to 3999. Raises ``ValueError`` for others.
    """
    if not all(0 < frequency < SAMPLE_RATE / 2 for frequency in frequencies):
        raise ValueError("a tone has 1 to 3999 Hz")
    length = 2 * max(round(seconds * SAMPLE_RATE), 0)
    second = _second(frequencies)
    return _faded((second * (length // len(second) + 1))[:length])


def _faded(pcm: bytes) -> bytes:
    """Return a tone that comes and goes without a click."""
    count = len(pcm) // 2
    fading = min(_FADING, count // 2)
    steps = [*range(fading)]
    first = [sample * step // fading for sample, step in zip(_samples(pcm[: 2 * fading]), steps, strict=True)]
    last = [
        sample * step // fading for sample, step in zip(_samples(pcm[2 * (count - fading) :]), steps[::-1], strict=True)
    ]
    return _pcm(first) + pcm[2 * fading : 2 * (count - fading)] + _pcm(last)


def _samples(pcm: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(pcm) // 2}h", pcm)


def _pcm(samples: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(samples)}h", *samples)


@lru_cache(maxsize=16)
def _second(frequencies: tuple[int, ...]) -> bytes:
    """Return one second, at whose end whole Hz are back where they began: it can be laid end to end."""
    step, amplitude = 2 * pi / SAMPLE_RATE, _AMPLITUDE / sqrt(len(frequencies) or 1)
    waves = (sum(sin(step * frequency * n) for frequency in frequencies) for n in range(SAMPLE_RATE))
    return _pcm([round(amplitude * wave) for wave in waves])
