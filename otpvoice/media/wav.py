"""WAV as speech engines write it to a pipe: the samples, whatever the header says about their length.

A program that writes to a pipe can't go back and fill the lengths in, so they are not believed. Only uncompressed
16-bit mono is read.
"""

from __future__ import annotations

from typing import NamedTuple


class Wave(NamedTuple):
    """Sound as it came: ``rate`` in Hz, ``pcm`` 16-bit little-endian mono."""

    rate: int
    pcm: bytes


def read_wav(data: bytes) -> Wave:
    """Return the samples of a RIFF/WAVE stream. Raises ``ValueError`` for anything else, truncated headers included."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("no RIFF/WAVE header")
    offset, rate = 12, 0
    while len(data) >= offset + 8:
        name, length = data[offset : offset + 4], int.from_bytes(data[offset + 4 : offset + 8], "little")
        body = offset + 8
        if name == b"data":
            if not rate:
                raise ValueError("samples before their format")
            # To a pipe, espeak-ng writes 0x7ffff000 for the length; others write 0 or 0xffffffff.
            end = len(data) if length == 0 or body + length > len(data) else body + length
            return Wave(rate, data[body : end - (end - body) % 2])
        if name == b"fmt ":
            rate = _rate(data[body : body + length])
        offset = body + length + length % 2
    raise ValueError("no samples")


def _rate(form: bytes) -> int:
    fields = [int.from_bytes(form[start:end], "little") for start, end in ((0, 2), (2, 4), (4, 8), (14, 16))]
    # 1: WAVE_FORMAT_PCM
    if len(form) < 16 or fields[0] != 1 or fields[1] != 1 or fields[3] != 16 or not fields[2]:
        raise ValueError("not 16-bit mono PCM")
    return fields[2]
