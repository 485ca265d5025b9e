"""One loudness for all that is spoken: gain, and where a peak stands out, a limiter that sees it coming.

A clip's two sounds have one gain at each moment. It is the telephone's level that is brought to the mark: in a master,
hiss that no telephone carries may count as speech, too.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from otpvoice.media.clip import MASTER_RATE
from otpvoice.media.g711 import SAMPLE_RATE
from otpvoice.media.sound.samples import FULL_SCALE, Samples, amplitude, averages

ACTIVE_LEVEL: Final = -22.0
"""RMS of the speech without its pauses, in dB below full scale."""
PEAK_LEVEL: Final = -3.0
"""No sample is louder, in dB below full scale; this wins over the RMS."""
LOUDEST: Final = int(FULL_SCALE * amplitude(PEAK_LEVEL))
MOST_GAIN: Final = 30.0
"""dB. What needs more is no speech, and stays faint."""
MOST_LIMITED: Final = 12.0
"""dB by which a peak may be taken back. What stands out further is a knock, and the rest stays faint for it."""

_PAUSE: Final = 25.0  # dB below the loudest frame: not counted as speech
_NEAR_ENOUGH: Final = 0.1  # dB
_ROUNDS: Final = 8
_FRAME: Final = SAMPLE_RATE // 50
_HOLD: Final = SAMPLE_RATE // 40
"""Samples of the telephone's (25 ms) before and after a peak in which the gain goes down and up again: two waves of a
deep voice, so that it does not follow each."""


def active_level(telephone: Samples) -> float:
    """Return the RMS of those frames of 20 ms that are at most 25 dB below the loudest, in dB below full scale."""
    whole = len(telephone) // _FRAME * _FRAME
    framed = telephone[:whole].reshape(-1, _FRAME)
    powers = np.einsum("ij,ij->i", framed, framed, dtype=np.float64) / _FRAME
    if whole < len(telephone):
        powers = np.append(powers, np.mean(telephone[whole:].astype(np.float64) ** 2))
    loudest = powers.max(initial=0.0)
    if not loudest:
        return float("-inf")
    return float(10 * np.log10(powers[powers >= loudest * 10 ** (-_PAUSE / 10)].mean()))


def levelled(master: Samples, telephone: Samples) -> tuple[Samples, Samples]:
    """Return both sounds of a clip at ``ACTIVE_LEVEL``, or less where ``MOST_GAIN`` or ``MOST_LIMITED`` says so."""
    peaks = _peaks(master, telephone)
    peak = float(peaks.max(initial=0.0))
    level = active_level(telephone)
    if not peak or not np.isfinite(level):
        return master, telephone
    room = LOUDEST / FULL_SCALE / peak
    most = min(amplitude(MOST_GAIN), room * amplitude(MOST_LIMITED))
    gain = min(amplitude(ACTIVE_LEVEL - level), most)
    if gain <= room:
        return master * np.float32(gain), telephone * np.float32(gain)
    # What is taken from the peaks is missing: as much again, until there is enough.
    shape = _shape(peaks, gain)
    for _ in range(_ROUNDS):
        missing = ACTIVE_LEVEL - active_level(telephone * shape)
        if missing < _NEAR_ENOUGH or gain == most:
            break
        gain = min(gain * amplitude(missing), most)
        shape = _shape(peaks, gain)
    between = np.append((shape[1:] + shape[:-1]) / 2, shape[-1:])
    return master * np.column_stack((shape, between)).reshape(-1), telephone * shape


def _peaks(master: Samples, telephone: Samples) -> Samples:
    """Return how loud the louder of both is, for each sample of the telephone's."""
    both: Samples = np.abs(master).reshape(-1, MASTER_RATE // SAMPLE_RATE).max(axis=1)
    return np.maximum(both, np.abs(telephone))


def _shape(peaks: Samples, gain: float) -> Samples:
    """Return by what each sample of the telephone's is multiplied: ``gain``, and less around what would be too loud."""
    needed = np.minimum(np.float32(gain), np.float32(LOUDEST / FULL_SCALE) / np.maximum(peaks, np.float32(1e-9)))
    # The least within reach, and then its mean, twice, over so many that it is nowhere more than the least at hand.
    lowest = _least(np.pad(needed, 2 * _HOLD + 1, constant_values=gain), 2 * _HOLD + 3)
    return averages(averages(lowest, _HOLD + 1), _HOLD + 1)


def _least(samples: Samples, length: int) -> Samples:
    """Return the least of each ``length`` neighbours."""
    least, span = samples, 1
    while span < length:
        step = min(span, length - span)
        least = np.minimum(least[:-step], least[step:])
        span += step
    return least
