"""Rates: any usual one to the master's, and the master's to the telephone's.

soxr's filter passes what is below 0.93 of the lower rate's half (the telephone's: 3.7 kHz) unchanged, and at the half
everything is gone: nothing folds back. Lengths are reckoned here, exactly.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr  # type: ignore[import-untyped]

from otpvoice.media.clip import HIGHEST_RATE, LOWEST_RATE, MASTER_RATE
from otpvoice.media.g711 import SAMPLE_RATE
from otpvoice.media.sound.samples import Samples

_TIMES: Final = MASTER_RATE // SAMPLE_RATE


def to_master(samples: Samples, rate: int) -> Samples:
    """Return sound of ``rate`` Hz at ``MASTER_RATE``, as long in time, and so that the telephone's is half as many.

    Raises ``ValueError`` for a rate below ``LOWEST_RATE`` or above ``HIGHEST_RATE``.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise ValueError(f"{rate} Hz is no rate of sound")
    wanted = _TIMES * -(-len(samples) * SAMPLE_RATE // rate)
    return _exactly(samples if rate == MASTER_RATE else _resampled(samples, rate, MASTER_RATE), wanted)


def to_telephone(master: Samples) -> Samples:
    """Return a master of an even number of samples as the telephone's."""
    return _exactly(_resampled(master, MASTER_RATE, SAMPLE_RATE), len(master) // _TIMES)


def _resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    # 20 bits: its errors are below those of 16. In one thread.
    resampled: Samples = soxr.resample(samples, rate, wanted, "HQ")
    return resampled


def _exactly(samples: Samples, length: int) -> Samples:
    """Return so many: soxr rounds the length in its own way, and of very few samples makes none."""
    if len(samples) >= length:
        return samples[:length]
    return np.concatenate((samples, np.zeros(length - len(samples), np.float32)))
