"""Small audio files, written bit by bit: a tone, or very much silence, in each format.

No encoder is needed, and what is odd about a file is said by whoever asks for it.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Sequence
from functools import cache
from math import pi, sin
from typing import Final

MU_LAW: Final = 7
A_LAW: Final = 6
PCM: Final = 1
FLOAT: Final = 3


def sine(seconds: float, rate: int = 8000, frequency: float = 400, amplitude: int = 3000) -> array[int]:
    step = 2 * pi * frequency / rate
    return array("h", [round(amplitude * sin(step * n)) for n in range(round(seconds * rate))])


# --- RIFF/WAVE --------------------------------------------------------------------------------------------------------


def wav(samples: bytes, rate: int, *, channels: int = 1, bits: int = 16, form: int = PCM) -> bytes:
    frame = channels * bits // 8
    fmt = struct.pack("<HHIIHH", form, channels, rate, rate * frame & 0xFFFFFFFF, frame, bits)
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


# --- FLAC (RFC 9639) --------------------------------------------------------------------------------------------------


def flac(samples: Sequence[int], rate: int, *, block: int = 4096) -> bytes:
    """Samples as they are: verbatim subframes."""
    frames = [
        _flac_frame(number, len(part), 0b00000010, struct.pack(f">{len(part)}h", *part))
        for number, part in enumerate(samples[start : start + block] for start in range(0, len(samples), block))
    ]
    return _flac_header(rate, len(samples), block) + b"".join(frames)


def flac_silence(seconds: int, rate: int, *, claimed: int | None = None) -> bytes:
    """Constant subframes, 65,535 samples each. ``claimed``: the samples that the header speaks of, 0 for none."""
    count, block = seconds * rate, 65535
    frames = [
        _flac_frame(number, min(block, count - start), 0, b"\0\0")
        for number, start in enumerate(range(0, count, block))
    ]
    return _flac_header(rate, count if claimed is None else claimed, block) + b"".join(frames)


def _flac_header(rate: int, samples: int, block: int) -> bytes:
    # One channel, 16 bits a sample; no frame sizes and no checksum of it all.
    packed = rate << 44 | 0 << 41 | 15 << 36 | samples
    return b"fLaC\x80\0\0\x22" + struct.pack(">HH", block, block) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)


def _flac_frame(number: int, samples: int, subframe: int, content: bytes) -> bytes:
    # Fixed block size; the size follows (0111), the rate is the header's (0000); mono, 16 bits.
    head = b"\xff\xf8\x70\x08" + chr(number).encode("utf-8", "surrogatepass") + struct.pack(">H", samples - 1)
    head += bytes([_crc(head, 8, 0x07)])
    body = head + bytes([subframe]) + content
    return body + struct.pack(">H", _crc(body, 16, 0x8005))


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    value, mask, table = 0, (1 << bits) - 1, _of_bytes(bits, polynomial)
    for byte in data:
        value = (value << 8 & mask) ^ table[value >> bits - 8 ^ byte]
    return value


@cache
def _of_bytes(bits: int, polynomial: int) -> tuple[int, ...]:
    """Return the remainder of each byte."""
    top, mask = 1 << bits - 1, (1 << bits) - 1
    remainders = []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
        remainders.append(value)
    return tuple(remainders)


# --- MPEG-2 audio, layer III (ISO/IEC 13818-3) ------------------------------------------------------------------------

MP3_RATE: Final = 16000
MP3_FRAME: Final = 576
"""Samples."""


def mp3(frames: int, *, line: int = 20, gain: int = 190) -> bytes:
    """Frames of 36 bytes (8 kbit/s, mono) with one line of the spectrum, at ``MP3_RATE`` / 1152 Hz times its number."""
    return b"".join(_mp3_frame(line, gain, negative=number % 4 in {1, 2}) for number in range(frames))


def _mp3_frame(line: int, gain: int, *, negative: bool) -> bytes:
    # Table B of the quadruples: four bits, inverted; then the sign of each that is not 0.
    quadruples = "1111" * (line // 4) + f"{15 - (8 >> line % 4):04b}" + str(int(negative))
    side = f"{0:09b}{len(quadruples):012b}{0:09b}{gain:08b}{0:09b}0{0:015b}{0:07b}01"
    bits = side + quadruples
    # Layer III of MPEG-2, no checksum; index 1 is 8 kbit/s, index 2 is 16 kHz; mono.
    return (b"\xff\xf3\x18\xc0" + int(bits.ljust(8 * 32, "0"), 2).to_bytes(32, "big"))[:36]


# --- Ogg Vorbis (Vorbis I specification) ------------------------------------------------------------------------------


def vorbis(packets: int, rate: int = 8000, *, line: int = 10) -> bytes:
    """Blocks of 256, 128 samples each after the first, with one line of the spectrum at ``rate`` / 256 Hz times it."""
    signs = [2 if number % 4 in {0, 3} else 0 for number in range(packets)]
    return _ogg_vorbis(rate, 8, [_tone_packet(line, value) for value in signs])


def vorbis_silence(seconds: int, rate: int) -> bytes:
    """Blocks of 8192 of which nothing is said: one byte for 4096 samples."""
    return _ogg_vorbis(rate, 13, [b"\0"] * (seconds * rate // 4096 + 1))


def _tone_packet(line: int, value: int) -> bytes:
    bits = _Bits()
    bits.add(0, 1)  # audio
    bits.add(1, 1)  # there is a floor: flat
    bits.add(200, 8)
    bits.add(200, 8)
    for partition in range(16):
        here = line // 8 == partition
        bits.add(int(here), 1)
        for position in range(8 if here else 0):
            # Values are -1, 0, 1, 2; codewords go by their first bit first.
            number = value if line % 8 == position else 1
            bits.add(number >> 1, 1)
            bits.add(number & 1, 1)
    return bits.bytes()


def _vorbis_setup(size: int) -> bytes:
    bits = _Bits()
    bits.add(2 - 1, 8)  # codebooks
    _codebook(bits, lengths=[1, 1])
    bits.add(0, 4)  # no values: it tells classes apart
    _codebook(bits, lengths=[2, 2, 2, 2])
    bits.add(1, 4)
    bits.add(1 | 788 << 21 | 1 << 31, 32)  # from -1
    bits.add(1 | 788 << 21, 32)  # in steps of 1
    bits.add(2 - 1, 4)
    bits.add(0, 1)
    for multiplicand in range(4):
        bits.add(multiplicand, 2)
    bits.add(0, 6)
    bits.add(0, 16)
    bits.add(0, 6)
    bits.add(1, 16)  # floor 1, its two ends only
    bits.add(0, 5)
    bits.add(0, 2)
    bits.add(size - 1, 4)
    bits.add(0, 6)
    bits.add(1, 16)  # residue 1: 16 partitions of 8, of class 0 (nothing) or 1 (codebook 1)
    bits.add(0, 24)
    bits.add(128, 24)
    bits.add(8 - 1, 24)
    bits.add(2 - 1, 6)
    bits.add(0, 8)
    bits.add(0, 4)
    bits.add(1, 4)
    bits.add(1, 8)
    bits.add(0, 6)
    bits.add(0, 16)  # mapping 0: no submaps, no coupling
    bits.add(0, 4)
    bits.add(0, 24)
    bits.add(0, 6)
    bits.add(0, 1 + 16 + 16 + 8)  # mode 0: short blocks
    bits.add(1, 1)
    return b"\x05vorbis" + bits.bytes()


def _codebook(bits: _Bits, lengths: Iterable[int]) -> None:
    sizes = list(lengths)
    bits.add(0x564342, 24)
    bits.add(1, 16)
    bits.add(len(sizes), 24)
    bits.add(0, 2)  # neither ordered nor sparse
    for length in sizes:
        bits.add(length - 1, 5)


def _ogg_vorbis(rate: int, size: int, packets: Sequence[bytes]) -> bytes:
    step = 1 << size - 1
    pages = [
        _page(0, [b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 1, rate, 0, 0, 0, size | size << 4, 1)], 0, flags=2),
        _page(1, [b"\x03vorbis" + struct.pack("<IIB", 0, 0, 1), _vorbis_setup(size)], 0),
    ]
    for start in range(0, len(packets), 250):
        part = packets[start : start + 250]
        last = start + len(part) == len(packets)
        pages.append(_page(len(pages), part, step * (start + len(part) - 1), flags=4 if last else 0))
    return b"".join(pages)


def _page(number: int, packets: Sequence[bytes], position: int, flags: int = 0) -> bytes:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    head = b"OggS\0" + struct.pack("<BqII", flags, position, 1, number)
    tail = bytes([len(lacing)]) + lacing + b"".join(packets)
    return head + struct.pack("<I", _crc(head + bytes(4) + tail, 32, 0x04C11DB7)) + tail


class _Bits:
    """Fields from the least significant bit of each byte on."""

    def __init__(self) -> None:
        self._value = 0
        self._length = 0

    def add(self, value: int, width: int) -> None:
        self._value |= value << self._length
        self._length += width

    def bytes(self) -> bytes:
        return self._value.to_bytes((self._length + 7) // 8, "little")
