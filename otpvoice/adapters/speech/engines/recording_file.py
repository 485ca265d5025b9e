"""One recording as a file: what is in it, and its version. Its format is told by the ending of its name, as Asterisk's.

Files are only read: regular ones, of a bounded size, and nothing is waited for at their opening. Where a symbolic link
leads is for whoever put it there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from otpvoice.adapters.speech.recordings.wav_file import NotPcm, read_wav_file
from otpvoice.media.g711 import alaw_decode, ulaw_decode
from otpvoice.media.wav import Wave

LARGEST: Final = 10 * 1024 * 1024
"""Bytes of a file."""
LONGEST: Final = 60
"""Seconds of a recording: a sentence, not a speech."""
RATES: Final = (4000, 192_000)
"""Hz, the lowest and the highest."""


class Unreadable(ValueError):
    """It is there, and is no recording: the sentence says why, without its name, which is a character of a code."""


def _raw(
    rate: int, decode: Callable[[bytes], bytes] = lambda pcm: pcm[: len(pcm) - len(pcm) % 2]
) -> Callable[[bytes], Wave]:
    return lambda data: Wave(rate, decode(data))


FORMATS: Final[Mapping[str, Callable[[bytes], Wave]]] = {
    ".sln16": _raw(16000),
    ".wav": read_wav_file,
    ".sln": _raw(8000),
    ".ulaw": _raw(8000, ulaw_decode),
    ".alaw": _raw(8000, alaw_decode),
}
"""Ending → how it is read, the best first. ``.WAV`` is another format of Asterisk's, GSM in a RIFF file."""


def find(stem: Path) -> Path | None:
    """Return the file of this name in the best of ``FORMATS`` that there is; None: there is none."""
    # Not ``with_suffix``: a name may have a dot in it.
    return next((path for path in (stem.with_name(stem.name + ending) for ending in FORMATS) if path.is_file()), None)


def version(path: Path) -> str:
    """Return what changes when a file is replaced or written to; empty where it can't be looked at."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{path.name} {status.st_ino} {status.st_mtime_ns} {status.st_size}"


def read(path: Path) -> Wave:
    """Return a recording. Raises ``Unreadable``; ``FileNotFoundError``."""
    try:
        # Not blocking: a named pipe would else be waited for at its opening.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("a recording is no file")
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise
    except OSError:
        raise Unreadable("a recording can't be read") from None
    if len(data) > LARGEST:
        raise Unreadable("a recording is too large")
    try:
        wave = FORMATS[path.suffix](data)
    except NotPcm:
        raise Unreadable("a recording is no 16-bit PCM, or nothing is in it") from None
    if not wave.pcm:
        raise Unreadable("nothing is in a recording")
    if not RATES[0] <= wave.rate <= RATES[1]:
        raise Unreadable("a recording has a rate that is not usual")
    if len(wave.pcm) > 2 * wave.rate * LONGEST:
        raise Unreadable("a recording is too long")
    return wave
