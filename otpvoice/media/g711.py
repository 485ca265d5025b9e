"""G.711: μ-law and A-law, to and from 16-bit linear PCM at 8000 Hz.

Tables made on import, one look-up a sample. It knows no files, no rates and no levels. (``audioop`` did this until
Python 3.13; the tests compare with it where it still exists.)
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

Law: TypeAlias = Literal["ulaw", "alaw"]

SAMPLE_RATE: Final = 8000
SILENCE: Final[dict[Law, bytes]] = {"ulaw": b"\xff", "alaw": b"\xd5"}
"""One sample of silence, by law: the code of +0 (μ-law) and of the smallest positive step (A-law)."""

_PIECE: Final = SAMPLE_RATE


def ulaw_encode(pcm: bytes) -> bytes:
    """Return one byte for each sample of 16-bit little-endian PCM. Raises ``ValueError`` for half a sample."""
    return _encode(pcm, _TO_ULAW)


def alaw_encode(pcm: bytes) -> bytes:
    """Return one byte for each sample of 16-bit little-endian PCM. Raises ``ValueError`` for half a sample."""
    return _encode(pcm, _TO_ALAW)


def ulaw_decode(audio: bytes) -> bytes:
    """Return 16-bit little-endian PCM."""
    return _decode(audio, _ULAW_LOW, _ULAW_HIGH)


def alaw_decode(audio: bytes) -> bytes:
    """Return 16-bit little-endian PCM."""
    return _decode(audio, _ALAW_LOW, _ALAW_HIGH)


def encode(pcm: bytes, law: Law) -> bytes:
    """Return 16-bit little-endian PCM in the given law."""
    return ulaw_encode(pcm) if law == "ulaw" else alaw_encode(pcm)


def decode(audio: bytes, law: Law) -> bytes:
    """Return audio of the given law as 16-bit little-endian PCM."""
    return ulaw_decode(audio) if law == "ulaw" else alaw_decode(audio)


def _encode(pcm: bytes, table: bytes) -> bytes:
    if len(pcm) % 2:
        raise ValueError("16-bit PCM has an even number of bytes")
    samples = memoryview(pcm).cast("H")
    # In pieces: in one go, a minute of sound in another thread would hold up the event loop for 20 ms.
    return b"".join(bytes(map(table.__getitem__, samples[i : i + _PIECE])) for i in range(0, len(samples), _PIECE))


def _decode(audio: bytes, low: bytes, high: bytes) -> bytes:
    pcm = bytearray(2 * len(audio))
    pcm[0::2] = audio.translate(low)
    pcm[1::2] = audio.translate(high)
    return bytes(pcm)


def _ulaw(value: int) -> int:
    # G.711 table 2: 14 bits, a bias of 33, eight segments of sixteen steps; all bits inverted on the wire.
    sign, magnitude = (0x80, -value) if value < 0 else (0, value)
    biased = min(magnitude, 8158) + 33
    segment = biased.bit_length() - 6
    return ~(sign | segment << 4 | biased >> segment + 1 & 0xF) & 0xFF


def _alaw(value: int) -> int:
    # G.711 table 1: 13 bits, two linear segments and six doubling ones; even bits inverted on the wire.
    sign, magnitude = (0, -value - 1) if value < 0 else (0x80, value)
    segment = max(magnitude.bit_length() - 5, 0)
    return (sign | segment << 4 | magnitude >> max(segment, 1) & 0xF) ^ 0x55


def _ulaw_value(code: int) -> int:
    inverted = ~code & 0xFF
    segment, step = inverted >> 4 & 7, inverted & 0xF
    magnitude = ((2 * step + 33) << segment) - 33 << 2
    return -magnitude if inverted & 0x80 else magnitude


def _alaw_value(code: int) -> int:
    toggled = code ^ 0x55
    segment, step = toggled >> 4 & 7, toggled & 0xF
    magnitude = (2 * step + 1 << 3) if segment == 0 else (2 * step + 33 << 3) << segment - 1
    return magnitude if toggled & 0x80 else -magnitude


def _table(law: Callable[[int], int], bits: int) -> bytes:
    """Return the codes of all 65,536 samples, by what this machine reads a little-endian sample as: unsigned."""
    half = 1 << bits - 1
    codes = b"".join(bytes([law(value)]) * (1 << 16 - bits) for value in (*range(half), *range(-half, 0)))
    return codes if sys.byteorder == "little" else b"".join(codes[first::256] for first in range(256))


_TO_ULAW: Final = _table(_ulaw, bits=14)
_TO_ALAW: Final = _table(_alaw, bits=13)
_ULAW_LOW: Final = bytes(_ulaw_value(i) & 0xFF for i in range(256))
_ULAW_HIGH: Final = bytes(_ulaw_value(i) >> 8 & 0xFF for i in range(256))
_ALAW_LOW: Final = bytes(_alaw_value(i) & 0xFF for i in range(256))
_ALAW_HIGH: Final = bytes(_alaw_value(i) >> 8 & 0xFF for i in range(256))
