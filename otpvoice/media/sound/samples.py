"""Samples as numbers: from -1 to 1, where 1 is 32768 (0 dB below full scale)."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]

FULL_SCALE: Final = 32768


def samples_of(pcm: bytes) -> Samples:
    """Return 16-bit little-endian PCM as numbers. Raises ``ValueError`` for half a sample."""
    if len(pcm) % 2:
        raise ValueError("16-bit PCM has an even number of bytes")
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(FULL_SCALE)


def pcm_of(samples: Samples, loudest: int = FULL_SCALE - 1) -> bytes:
    """Return numbers as 16-bit little-endian PCM, rounded; none is larger than ``loudest``."""
    whole = np.rint(samples * np.float32(FULL_SCALE))
    return bytes(np.clip(whole, -loudest, loudest).astype("<i2").data)


def amplitude(decibels: float) -> float:
    """Return what a number is multiplied by."""
    return float(10 ** (decibels / 20))


def averages(samples: Samples, length: int) -> Samples:
    """Return the mean of each ``length`` neighbours: so many fewer, less one, than there were."""
    sums = np.cumsum(samples, dtype=np.float64)
    sums[length:] -= sums[:-length].copy()
    return (sums[length - 1 :] / length).astype(np.float32)
