"""An engine's sound made fit for the telephone: its own silence off, one loudness, no clicks at the ends.

All of it is 16-bit little-endian mono PCM. What is trimmed and by how much it is made louder depends on the samples
alone: the same sound in, the same sound out.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from math import sqrt
from operator import mul
from typing import Final

from otpvoice.media.g711 import SAMPLE_RATE
from otpvoice.media.resample import resample

ACTIVE_LEVEL: Final = -22.0
"""RMS of the speech without its pauses, in dB below full scale."""
PEAK_LEVEL: Final = -3.0
"""No sample is louder, in dB below full scale; this wins over the RMS."""
MOST_GAIN: Final = 30.0
"""dB. What needs more is no speech, and stays faint."""
EDGE: Final = 40
"""Samples (5 ms) before the first and after the last sound. The fades lie in there, not in the speech."""

_FRAME: Final = SAMPLE_RATE // 50
_SILENT: Final = 500  # times below the peak, 54 dB: neither heard nor, mostly, left by G.711
_PAUSE: Final = 25.0  # dB below the loudest frame: not counted as speech


def speech_clip(pcm: bytes, rate: int) -> bytes:
    """Return what an engine made at ``rate`` Hz as a clip at 8000 Hz; empty where there is only silence.

    Raises ``ValueError`` for a rate that ``resample`` does not know, and for half a sample.
    """
    # Sound that begins with its first sample would else lose what the filter spreads to before it.
    edge = bytes(2 * (EDGE * rate // SAMPLE_RATE))
    return fade(level(trim(resample(edge + pcm + edge, rate))))


def trim(pcm: bytes) -> bytes:
    """Return the sound with exactly ``EDGE`` samples left before its first and after its last audible one."""
    samples = _samples(pcm)
    threshold = _peak(samples) // _SILENT
    first = _first_above(samples, threshold)
    if first is None:
        return b""
    last = len(samples) - 1 - (_first_above(samples[::-1], threshold) or 0)
    padded = array("h", bytes(2 * EDGE)) + samples + array("h", bytes(2 * EDGE))
    return _pcm(padded[first : last + 1 + 2 * EDGE])


def level(pcm: bytes) -> bytes:
    """Return the sound with its speech at ``ACTIVE_LEVEL``, or less where a peak would pass ``PEAK_LEVEL``."""
    samples = _samples(pcm)
    peak = _peak(samples)
    if not peak:
        return pcm
    gain = min(
        _amplitude(ACTIVE_LEVEL) / _active_rms(samples), _amplitude(PEAK_LEVEL) / peak, _amplitude(MOST_GAIN) / 32768
    )
    louder = array("h")
    for frame in _frames(samples):
        louder.extend([int(sample * gain) for sample in frame])
    return _pcm(louder)


def fade(pcm: bytes) -> bytes:
    """Return the sound with its first and last ``EDGE`` samples faded in and out, from and to nothing."""
    samples = _samples(pcm)
    length = min(EDGE, len(samples) // 2)
    for i in range(length):
        samples[i] = samples[i] * i // length
        samples[-1 - i] = samples[-1 - i] * i // length
    return _pcm(samples)


def _active_rms(samples: array[int]) -> float:
    powers = [sum(map(mul, frame, frame)) / len(frame) for frame in _frames(samples)]
    floor = max(powers, default=0.0) * 10 ** (-_PAUSE / 10)
    active = [power for power in powers if power >= floor]
    return sqrt(sum(active) / len(active)) if active else 0.0


def _first_above(samples: array[int], threshold: int) -> int | None:
    for number, frame in enumerate(_frames(samples)):
        if _peak(frame) > threshold:
            return number * _FRAME + next(i for i, sample in enumerate(frame) if abs(sample) > threshold)
    return None


def _peak(samples: array[int]) -> int:
    return max((bound for frame in _frames(samples) for bound in (max(frame), -min(frame))), default=0)


def _frames(samples: array[int]) -> Iterator[array[int]]:
    # In pieces of 20 ms: one call in C over a minute of samples would hold up the event loop in another thread.
    return (samples[start : start + _FRAME] for start in range(0, len(samples), _FRAME))


def _amplitude(decibels: float) -> float:
    return float(32768 * 10 ** (decibels / 20))


def _samples(pcm: bytes) -> array[int]:
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _pcm(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
