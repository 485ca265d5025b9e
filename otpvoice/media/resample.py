"""Bring sound to 8000 Hz through a proper low-pass, in the standard library alone.

It knows the usual rates from 8 to 48 kHz and goes one way only: down, to the telephone.

A polyphase FIR filter is a sum of products, and a loop over them in Python costs seconds of work for a minute of
speech. So whole vectors are multiplied at once: every ``step``-th sample is packed, 32 bits each, into one integer;
integer times tap is vector times scalar, integer plus integer is vector plus vector, each a single loop in C. Sums may
borrow from their neighbours on the way, the arithmetic is exact; that each *final* sum fits its 32 bits is guaranteed
by halving (see ``_taps``). 5 s of speech take about 10 ms, in steps of microseconds, so that a thread that does this
does not keep an event loop waiting.
"""

from __future__ import annotations

import sys
from array import array
from functools import lru_cache
from math import ceil, gcd, pi, sin, sqrt
from operator import mul
from typing import Final

RATE: Final = 8000
SOURCE_RATES: Final = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})

# ITU-T G.712: a telephone channel passes up to 3400 Hz; at 4600 Hz, which folds back to 3400, it must be gone.
_CUTOFF: Final = 4000.0
_TRANSITION: Final = 1200.0
_ATTENUATION: Final = 60.0  # dB; G.711 itself has a noise floor of 38 dB
_BLOCK: Final = 40960  # samples out of one round: bounds the memory that the vectors take to a megabyte


def resample(pcm: bytes, rate: int) -> bytes:
    """Return 16-bit little-endian PCM of ``rate`` Hz at 8000 Hz, as long in time to the sample, without delay.

    Raises ``ValueError`` for a rate that is not one of ``SOURCE_RATES`` and for half a sample.
    """
    if rate not in SOURCE_RATES:
        raise ValueError(f"{rate} Hz is not a known rate")
    if len(pcm) % 2:
        raise ValueError("16-bit PCM has an even number of bytes")
    if rate == RATE or not pcm:
        return bytes(pcm)
    phases, step = RATE // gcd(rate, RATE), rate // gcd(rate, RATE)
    taps = _taps(rate)
    reach = len(taps[0]) // 2
    length = len(pcm) // 2
    wanted = ceil(length * RATE / rate)
    rounds = max(1, _BLOCK // phases)
    out: list[bytes] = []
    for first in range(0, ceil(wanted / phases), rounds):
        count = min(rounds, ceil(wanted / phases) - first)
        slots = _slots(pcm, first * step - reach + 1, count * step + 2 * reach)
        out.append(_filter(slots, taps, phases, step, count))
    return b"".join(out)[: 2 * wanted]


def _filter(slots: bytes, taps: tuple[tuple[int, ...], ...], phases: int, step: int, count: int) -> bytes:
    """Return ``count`` times ``phases`` samples from 32-bit slots whose first is ``reach`` - 1 before time 0."""
    words = memoryview(slots).cast("I")
    # vectors[i]: samples i, i + step, i + 2 step, … as one integer.
    vectors = [
        int.from_bytes(words[i : i + step * (count - 1) + 1 : step].tobytes(), "little")
        for i in range(step + len(taps[0]))
    ]
    # 2^31 and half of what is cut off; the taps' sum times the input's own bias (2^15 times 2^15) is there already.
    bias = int.from_bytes((((1 << 31) - (1 << 30)) + (1 << 15)).to_bytes(4, "little") * count, "little")
    halved = bytearray(2 * phases * count)
    for phase in range(phases):
        start = phase * step // phases
        total = sum(map(mul, taps[phase], vectors[start:]), bias).to_bytes(4 * count, "little")
        halved[2 * phase :: 2 * phases] = total[2::4]
        halved[2 * phase + 1 :: 2 * phases] = total[3::4]
    samples = array("H", bytes(halved))
    if sys.byteorder == "big":
        samples.byteswap()
    doubled = array("h", map(_DOUBLED.__getitem__, samples))
    if sys.byteorder == "big":
        doubled.byteswap()
    return doubled.tobytes()


def _slots(pcm: bytes, start: int, count: int) -> bytes:
    """Return ``count`` samples from ``start`` on, silence where there are none, as unsigned in 32 bits each."""
    before = min(max(-start, 0), count)
    part = pcm[2 * max(start, 0) : 2 * max(start + count, 0)]
    after = count - before - len(part) // 2
    part = bytes(2 * before) + part + bytes(2 * after)
    slots = bytearray(4 * count)
    slots[0::4] = part[0::2]
    slots[1::4] = part[1::2].translate(_FLIPPED)
    return bytes(slots)


@lru_cache(maxsize=len(SOURCE_RATES))
def _taps(rate: int) -> tuple[tuple[int, ...], ...]:
    """Return the taps of each phase: a Kaiser-windowed sinc, sum 2^15 so that constants pass unchanged.

    The sum of magnitudes is below 2^16: from unsigned 16-bit input and a bias of 2^30 every sum of products stays
    within 32 bits. That is half of what a sample needs, hence ``_DOUBLED``.
    """
    phases, step = RATE // gcd(rate, RATE), rate // gcd(rate, RATE)
    # Kaiser's formulas for length and shape.
    reach = ceil((_ATTENUATION - 7.95) / (14.36 * _TRANSITION) * rate / 2)
    beta = 0.1102 * (_ATTENUATION - 8.7)
    table: list[tuple[int, ...]] = []
    for phase in range(phases):
        fraction = phase * step % phases / phases
        exact = [_impulse((k - reach + 1 - fraction) / rate, reach / rate, beta) for k in range(2 * reach)]
        scale = (1 << 15) / sum(exact)
        taps = [round(value * scale) for value in exact]
        taps[taps.index(max(taps))] += (1 << 15) - sum(taps)
        table.append(tuple(taps))
    return tuple(table)


def _impulse(time: float, half: float, beta: float) -> float:
    if abs(time) >= half:
        return 0.0
    sinc = 1.0 if time == 0 else sin(2 * pi * _CUTOFF * time) / (2 * pi * _CUTOFF * time)
    return sinc * _bessel(beta * sqrt(1 - (time / half) ** 2))


def _bessel(x: float) -> float:
    """Return the modified Bessel function of order 0, by its series."""
    total = term = 1.0
    for n in range(1, 30):
        term *= (x / (2 * n)) ** 2
        total += term
    return total


_FLIPPED: Final = bytes(i ^ 0x80 for i in range(256))
_DOUBLED: Final = array("h", (min(max(2 * (i - 32768), -32768), 32767) for i in range(65536)))
