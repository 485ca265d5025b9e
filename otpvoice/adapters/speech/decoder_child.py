"""The program that decodes audio from strangers: a process of its own, which may be killed and may crash.

The file comes by standard input, the law and the most seconds as arguments; out goes one word, and after ``sound`` the
sound. It is run by ``decoding``, which limits its time, memory and output; here it gives up files, sockets and children
too, before it has read a byte. Nothing imports it.
"""

from __future__ import annotations

import os
import resource
import sys
from typing import Final, cast

import miniaudio  # type: ignore[import-untyped]

from otpvoice.media.g711 import Law, encode
from otpvoice.media.pcm import fade, level
from otpvoice.media.resample import SOURCE_RATES, resample

_PIECE: Final = 8192  # frames


class _Refused(Exception):
    """The word for it."""


def main() -> None:
    """Read, decode, write."""
    os.nice(10)  # calls that talk go first
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))
    law, longest = cast("Law", sys.argv[1]), int(sys.argv[2])
    try:
        rate, pcm = _decoded(sys.stdin.buffer.read(), longest)
    except _Refused as refused:
        answer = str(refused).encode() + b"\n"
    except (miniaudio.MiniaudioError, ArithmeticError, ValueError):
        answer = b"audio_format\n"
    else:
        # As a recording of the prompts folder; its pauses are meant, too.
        answer = b"sound\n" + encode(fade(level(resample(pcm, rate))), law)
    sys.stdout.buffer.write(answer)


def _decoded(data: bytes, longest: int) -> tuple[int, bytes]:
    """Return the rate, and 16-bit mono PCM. Raises ``_Refused``, and what miniaudio does."""
    info = _info(data)
    if not 1 <= info.sample_rate <= 384_000 or not 1 <= info.nchannels <= 32:
        raise _Refused("audio_format")
    # What a header says is believed where it is too much; what it leaves out is counted.
    if info.num_frames > longest * info.sample_rate:
        raise _Refused("audio_too_large")
    rate = _first_to(info.sample_rate)
    pcm = bytearray()
    for piece in miniaudio.stream_memory(data, nchannels=1, sample_rate=rate, frames_to_read=_PIECE):
        pcm += piece.tobytes()
        if len(pcm) > 2 * longest * rate:
            raise _Refused("audio_too_large")
    if not pcm:
        raise _Refused("audio_format")
    return rate, bytes(pcm)


def _first_to(rate: int) -> int:
    """Return what a rate is brought to by miniaudio, before ``resample`` does the rest."""
    if rate in SOURCE_RATES and rate != 48000:
        return rate
    # Its filter is gentle, but from 48000 to 24000 Hz what it folds below 4 kHz is 49 dB down, and all of it takes half
    # as long. From higher rates it would not be.
    return 24000 if rate <= 48000 else 48000


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
