"""Where sound begins and ends: an engine's own silence off, so that gaps are exact, and no clicks.

An offset that an engine or a sound card adds is no sound: what counts is how a sample differs from those before it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from otpvoice.media.clip import EDGE, MASTER_RATE
from otpvoice.media.g711 import SAMPLE_RATE
from otpvoice.media.sound.samples import FULL_SCALE, Samples, averages

MASTER_EDGE: Final = EDGE * MASTER_RATE // SAMPLE_RATE

_SILENT: Final = 500
"""Times below the peak, 54 dB: neither heard nor, mostly, left by G.711."""
_NOISY: Final = 100
"""Times below the peak, 40 dB: what is louder is sound, however noisy the silence is."""
_ABOVE_NOISE: Final = 6.0
"""Times the RMS of the noise, where there is least of it: it is never louder."""
_NOTHING: Final = 8 / FULL_SCALE
"""What has no sample above it is silence: dither, or a converter's noise."""
_FRAME: Final = MASTER_RATE // 50
_BEFORE: Final = MASTER_RATE // 25
_PIECE: Final = MASTER_RATE

# A low-pass of first order, a block at a time: what a block leaves behind is carried into the next.
_BLOCK: Final = 128
_KEPT: Final = float(np.exp(-2 * np.pi * 20 / MASTER_RATE))
_FADING: Final = (_KEPT ** np.arange(_BLOCK)).astype(np.float32)


def extent(master: Samples) -> slice | None:
    """Return where the sound is, from its first audible sample to its last; None: it is silent."""
    threshold = _threshold(master)
    first = _first_above(master, threshold)
    if first is None:
        return None
    last = len(master) - 1 - (_first_above(master[::-1], threshold) or 0)
    return slice(first, max(last, first) + 1)


def cut(master: Samples, sound: slice, before: int) -> Samples:
    """Return the sound with exactly ``before`` samples before and after it, or one more: it is an even number."""
    length = sound.stop - sound.start
    padded = np.pad(master, (before, before + 1))
    return padded[sound.start : sound.start + length + length % 2 + 2 * before]


def faded(samples: Samples, length: int) -> Samples:
    """Return the sound with so many samples faded in and out, from and to nothing."""
    length = min(length, len(samples) // 2)
    ramp = (np.arange(length) / max(length, 1)).astype(np.float32)
    out = samples.copy()
    out[:length] *= ramp
    out[len(out) - length :] *= ramp[::-1]
    return out


def steadied(master: Samples) -> Samples:
    """Return the sound without its offset, and without what is slower than 20 Hz and moves it up and down.

    What is silent before a sound stays so: the filter looks back only.
    """
    start = np.mean(master[:_BEFORE], dtype=np.float64) if len(master) else 0.0
    blocks = np.pad(master, (0, -len(master) % _BLOCK)).reshape(-1, _BLOCK)
    slow = np.cumsum(blocks * ((1 - _KEPT) / _FADING), axis=1) * _FADING
    ends = np.empty(len(blocks), np.float32)
    for number, end in enumerate(slow[:, -1]):
        ends[number] = start
        start = end + start * _KEPT**_BLOCK
    slow += ends[:, None] * (_FADING * np.float32(_KEPT))
    return master - slow.reshape(-1)[: len(master)]


def _threshold(master: Samples) -> float:
    """Return the amplitude above which something is heard: above what noise there is."""
    if not len(master):
        return _NOTHING
    peak = float(np.max(np.abs(master - np.mean(master, dtype=np.float64))))
    whole = master[: len(master) // _FRAME * _FRAME].reshape(-1, _FRAME)
    noise = float(whole.std(axis=1).min(initial=peak))
    return max(min(max(peak / _SILENT, _ABOVE_NOISE * noise), peak / _NOISY), _NOTHING)


def _first_above(master: Samples, threshold: float) -> int | None:
    before = np.full(_BEFORE, master[:1].sum(), np.float32)
    for start in range(0, len(master), _PIECE):
        piece = np.concatenate((before, master[start : start + _PIECE]))
        differences = piece[_BEFORE:] - averages(piece[:-1], _BEFORE)
        above = np.flatnonzero(np.abs(differences) > threshold)
        if len(above):
            return start + int(above[0])
        before = piece[-_BEFORE:]
    return None
