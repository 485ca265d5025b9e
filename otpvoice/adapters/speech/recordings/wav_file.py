"""Recordings as people keep them: WAV files of 16-bit PCM, mono or stereo, made mono.

Unlike what an engine writes to a pipe (``media.wav``), a file is believed about its lengths. Nothing else is read.
"""

from __future__ import annotations

import io
import struct
import sys
import wave
from array import array
from operator import add
from typing import Final

from otpvoice.media.wav import Wave

_PIECE: Final = 8000


class NotPcm(ValueError):
    """It is no WAV file of 16-bit PCM with one or two channels, or there is nothing in it."""


def read_wav_file(data: bytes) -> Wave:
    """Return the sound of a file at its own rate, both channels of stereo together. Raises ``NotPcm``."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            if channels not in {1, 2} or width != 2 or not rate:
                raise NotPcm
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, struct.error, RuntimeError):
        raise NotPcm from None
    whole = frames[: len(frames) - len(frames) % (2 * channels)]
    if not whole:
        raise NotPcm
    return Wave(rate, whole if channels == 1 else _mixed(whole))


def _mixed(stereo: bytes) -> bytes:
    samples = array("h", stereo)
    if sys.byteorder == "big":
        samples.byteswap()
    mono = array("h")
    # In pieces: one loop in C over all of it would hold up the event loop in another thread.
    for start in range(0, len(samples), 2 * _PIECE):
        piece = samples[start : start + 2 * _PIECE]
        mono.extend([both >> 1 for both in map(add, piece[0::2], piece[1::2])])
    if sys.byteorder == "big":
        mono.byteswap()
    return mono.tobytes()
