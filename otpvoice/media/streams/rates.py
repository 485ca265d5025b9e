"""16-bit little-endian mono PCM between 8000 Hz and two or three times that, piece by piece.

A piece of ``n`` samples becomes exactly ``factor * n`` (or ``n / factor``), at once: whole frames stay whole frames.
The sound comes ``DELAY_MS`` late instead, and what lies in the filter at the end stays there. Nothing clicks where one
piece meets the next: the filter goes on with the samples that it has seen.

Why no library: libsoxr's streams hold up to 115 ms back, in blocks, and bring numpy along (17 MB, 0.1 s of import). A
loop over samples and taps in Python would be too slow, so all of it is one product: samples and taps are packed, 32
bits each, into one integer each, whose product has the sums of the filter, 32 bits each. Sums may borrow from their
neighbours on the way, the arithmetic is exact.
"""

from __future__ import annotations

from functools import lru_cache
from math import cos, pi, sin
from typing import Final

from otpvoice.media.g711 import SAMPLE_RATE

FACTORS: Final = (2, 3)
_REACH: Final = 13
"""Samples at 8000 Hz before and behind the middle of the filter.

With a Hamming window (stop band at -53 dB; G.711 itself has a noise floor of 38 dB) it passes 3400 Hz and stops 4600,
which would fold back or be mirrored to there (ITU-T G.712: what a telephone channel passes).
"""
DELAY_MS: Final = 1000 * _REACH / SAMPLE_RATE

_TAPS: Final = 2 * _REACH + 1
_ONE: Final = 1 << 14
"""1.0 as a tap. Magnitudes of taps add up to less than 3, so that a sum fits 18 + 14 bits, two of them for overflow."""


class Upsampler:
    """From 8000 Hz to ``factor`` times that. Raises ``ValueError`` for a factor that is not one of ``FACTORS``."""

    def __init__(self, factor: int) -> None:
        self._factor = factor
        self._phases = _up(factor)
        self._past = bytes(4 * _REACH)

    def feed(self, pcm: bytes) -> bytes:
        """Return ``factor`` samples for each one. Raises ``ValueError`` for half a sample."""
        _check_whole(pcm)
        seen = self._past + pcm
        self._past = seen[-4 * _REACH :]
        count = len(pcm) // 2
        # It cuts at half of 8000 Hz, and so it is 0 at every sample but its middle one: these pass as they are.
        phases = [seen[2 * _REACH : 2 * (_REACH + count)]]
        samples = _packed(seen)
        phases += [_filtered(samples * taps, count) for taps in self._phases]
        step = 2 * self._factor
        out = bytearray(step * count)
        for number, phase in enumerate(phases):
            out[2 * number :: step], out[2 * number + 1 :: step] = phase[0::2], phase[1::2]
        return bytes(out)


class Downsampler:
    """From ``factor`` times 8000 Hz to that. Raises ``ValueError`` for a factor that is not one of ``FACTORS``."""

    def __init__(self, factor: int) -> None:
        self._factor = factor
        self._phases = _down(factor)
        self._past = bytes(4 * _REACH * factor)

    def feed(self, pcm: bytes) -> bytes:
        """Return a sample for each ``factor``; a rest waits for the next piece. ``ValueError`` for half a sample."""
        _check_whole(pcm)
        seen, step = self._past + pcm, 2 * self._factor
        count = len(seen) // step - 2 * _REACH
        self._past = seen[step * count :]
        whole = seen[: step * (count + 2 * _REACH)]
        phases = (_every(whole, number, step) for number in range(self._factor))
        return _filtered(sum(_packed(phase) * taps for phase, taps in zip(phases, self._phases, strict=True)), count)


def _filtered(product: int, count: int) -> bytes:
    """Return ``count`` sums of a filter, as PCM."""
    # 2^16 times 1.0, so that a sum that fits 16 bits has 01 as its two upper bits; and a half, for rounding. The first
    # sums saw only some of the taps, and are thrown away: with it they borrow nothing from the others.
    product += _in_each((1 << 16) * _ONE + _ONE // 2, _TAPS - 1 + count)
    sums = product >> 32 * (_TAPS - 1) & (1 << 32 * count) - 1
    if sums & _in_each(3 << 30, count) != _in_each(1 << 30, count):
        sums = _clipped(sums, count)
    words = (sums << 2).to_bytes(4 * count + 1, "little")
    pcm = bytearray(2 * count)
    pcm[0::2] = words[2 : 4 * count : 4]
    pcm[1::2] = words[3 : 4 * count : 4].translate(_FLIPPED)
    return bytes(pcm)


def _clipped(sums: int, count: int) -> int:
    """Return the sums with those that do not fit 16 bits as the nearest that does.

    All at once, as everything here: how much is too loud is somebody else's choice. Two upper bits stay as they were.
    """
    ones = _in_each(1, count)
    high = sums >> 31 & ones
    fits = sums >> 30 & ones
    low = ones ^ (high | fits)
    # A one in a word, times this, is all bits of a sample in that word.
    sample = (1 << 30) - 1
    return (sums | (high | low) * sample) ^ low * sample


def _in_each(value: int, count: int) -> int:
    return int.from_bytes(value.to_bytes(4, "little") * count, "little")


def _packed(pcm: bytes) -> int:
    """Return samples as unsigned numbers in 32 bits each, the first one lowest."""
    slots = bytearray(2 * len(pcm))
    slots[0::4] = pcm[0::2]
    slots[1::4] = pcm[1::2].translate(_FLIPPED)
    return int.from_bytes(slots, "little")


def _every(pcm: bytes, number: int, step: int) -> bytes:
    samples = bytearray(len(pcm) * 2 // step)
    samples[0::2], samples[1::2] = pcm[2 * number :: step], pcm[2 * number + 1 :: step]
    return bytes(samples)


@lru_cache(maxsize=len(FACTORS))
def _up(factor: int) -> tuple[int, ...]:
    """Return the packed taps of each phase but that of the samples that there are."""
    return tuple(_multiplier(_exact(_phase(number / factor))) for number in range(1, _known(factor)))


@lru_cache(maxsize=len(FACTORS))
def _down(factor: int) -> tuple[int, ...]:
    """Return the packed taps of each phase; those of all phases together are 1.0."""
    taps = _exact([value for number in range(_known(factor)) for value in _phase(-number / factor)])
    return tuple(_multiplier(taps[first : first + _TAPS]) for first in range(0, len(taps), _TAPS))


def _multiplier(taps: tuple[int, ...]) -> int:
    """Return taps as one integer, which times samples, the oldest lowest, is what the filter makes of them."""
    return sum(tap << 32 * number for number, tap in enumerate(reversed(taps)))


def _phase(fraction: float) -> list[float]:
    """Return the impulse ``fraction`` samples behind each of the samples that a tap sees."""
    return [_impulse(_REACH - tap + fraction) for tap in range(_TAPS)]


def _exact(values: list[float]) -> tuple[int, ...]:
    """Return taps that add up to exactly 1.0, so that constants pass unchanged."""
    taps = [round(value * _ONE / sum(values)) for value in values]
    taps[taps.index(max(taps))] += _ONE - sum(taps)
    return tuple(taps)


def _impulse(time: float) -> float:
    """Return the answer of the filter at this many samples of 8000 Hz from its middle."""
    if abs(time) >= _REACH:
        return 0.0
    sinc = 1.0 if time == 0 else sin(pi * time) / (pi * time)
    return sinc * (0.54 + 0.46 * cos(pi * time / _REACH))


def _known(factor: int) -> int:
    if factor not in FACTORS:
        raise ValueError(f"{factor * SAMPLE_RATE} Hz is not a known rate")
    return factor


def _check_whole(pcm: bytes) -> None:
    if len(pcm) % 2:
        raise ValueError("16-bit PCM has an even number of bytes")


_FLIPPED: Final = bytes(i ^ 0x80 for i in range(256))
