"""The program that decodes audio from strangers: a process of its own, which may be killed and may crash.

The file comes by standard input, the most seconds as an argument; out goes one word, and after ``sound`` the rate and
the samples, 16-bit mono. It is run by ``decoding``, which limits its time, memory and output; here it gives up files,
sockets and children too, before it has read a byte. Nothing imports it.
"""

from __future__ import annotations

import os
import resource
import sys
from typing import Final

import miniaudio  # type: ignore[import-untyped]

_PIECE: Final = 8192  # frames
_HIGHEST: Final = 48_000
"""Hz that come out. The filter by which miniaudio brings higher rates down is gentle; of what it folds, the ear has
nothing."""
_LOWEST: Final = 8000


class _Refused(Exception):
    """The word for it."""


def main() -> None:
    """Read, decode, write."""
    os.nice(10)  # calls that talk go first
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))
    longest = int(sys.argv[1])
    try:
        rate, pcm = _decoded(sys.stdin.buffer.read(), longest)
    except _Refused as refused:
        answer: bytes | bytearray = str(refused).encode() + b"\n"
    except (miniaudio.MiniaudioError, ArithmeticError, ValueError):
        answer = b"audio_format\n"
    else:
        sys.stdout.buffer.write(b"sound %d\n" % rate)
        answer = pcm
    sys.stdout.buffer.write(answer)


def _decoded(data: bytes, longest: int) -> tuple[int, bytearray]:
    """Return the rate, and 16-bit mono PCM. Raises ``_Refused``, and what miniaudio does."""
    info = _info(data)
    if not 1 <= info.sample_rate <= 384_000 or not 1 <= info.nchannels <= 32:
        raise _Refused("audio_format")
    # What a header says is believed where it is too much; what it leaves out is counted.
    if info.num_frames > longest * info.sample_rate:
        raise _Refused("audio_too_large")
    rate = min(max(info.sample_rate, _LOWEST), _HIGHEST)
    pcm = bytearray()
    for piece in miniaudio.stream_memory(data, nchannels=1, sample_rate=rate, frames_to_read=_PIECE):
        pcm += piece.tobytes()
        if len(pcm) > 2 * longest * rate:
            raise _Refused("audio_too_large")
    if not pcm:
        raise _Refused("audio_format")
    return rate, pcm


def _info(data: bytes) -> miniaudio.SoundFileInfo:
    """Return what the headers say. What it is, is seen from its first bytes, and only such decoders are asked."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return miniaudio.wav_get_info(data)
    if data[:4] == b"fLaC":
        return miniaudio.flac_get_info(data)
    if data[:4] == b"OggS":
        return miniaudio.vorbis_get_info(data)
    # ISO/IEC 11172-3, 2.4.1.3: eleven bits of sync, and the layer, which for AAC is 0.
    if data[:3] == b"ID3" or (data[:1] == b"\xff" and len(data) > 1 and data[1] & 0xE0 == 0xE0 and data[1] & 0x06):
        return miniaudio.mp3_get_info(data)
    raise _Refused("audio_format")


if __name__ == "__main__":
    main()
