"""What a command made, written to a file or to standard output: whole, or not at all.

A file is written beside its place and put there when it is complete, so that whoever reads it finds the old one or the
new one. It is never written into a device, a pipe or a folder that somebody's link leads to.
"""

from __future__ import annotations

import os
import stat
import struct
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, TypeAlias

from otpvoice.media.clip import MASTER_RATE
from otpvoice.media.g711 import SAMPLE_RATE, encode

Coding: TypeAlias = Literal["master", "pcm", "ulaw", "alaw"]
"""The 16 kHz master; or what the telephone gets: 16-bit PCM at 8 kHz, or that in one of G.711's laws."""

STDOUT: Final = frozenset({"-", "/dev/stdout"})
_TAGS: Final = {"master": 1, "pcm": 1, "alaw": 6, "ulaw": 7}
"""WAVE_FORMAT_PCM, WAVE_FORMAT_ALAW, WAVE_FORMAT_MULAW (RFC 2361)."""


class NotWritten(Exception):
    """There is nothing at the place that was asked for, or still the old thing. The message is for people."""


def wave(pcm: bytes, coding: Coding) -> bytes:
    """Return a WAV file. ``pcm``: 16-bit little-endian mono, at the master's rate for ``master``, else at 8 kHz."""
    rate = MASTER_RATE if coding == "master" else SAMPLE_RATE
    data = pcm if coding in {"master", "pcm"} else encode(pcm, "ulaw" if coding == "ulaw" else "alaw")
    width = 2 if coding in {"master", "pcm"} else 1
    head = struct.pack("<HHIIHH", _TAGS[coding], 1, rate, rate * width, width, 8 * width)
    # What is not PCM says how long its extension is, and how many samples there are (RFC 2361, appendix).
    chunks = [("fmt ", head if width == 2 else head + b"\0\0")]
    if width == 1:
        chunks.append(("fact", struct.pack("<I", len(data))))
    chunks.append(("data", data))
    body = b"WAVE" + b"".join(_chunk(name, content) for name, content in chunks)
    return _chunk("RIFF", body)


def _chunk(name: str, content: bytes) -> bytes:
    return name.encode() + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def write(content: bytes, place: str, *, secret: bool) -> None:
    """Put a file there, in the place of one that there is. ``-``: standard output, unless that is a terminal.

    ``secret``: a new file is for its owner alone; one that was there keeps its rights. Raises ``NotWritten``.
    """
    if place in STDOUT:
        _to_stdout(content)
        return
    try:
        # Where a link leads is where the file is meant to be; the link stays.
        _replace(Path(os.path.realpath(place)), content, 0o600 if secret else _usual_mode())
    except OSError as error:
        raise NotWritten(f"{place} can't be written: {error.strerror or type(error).__name__}") from None


def _replace(path: Path, content: bytes, mode: int) -> None:
    with suppress(FileNotFoundError):
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise NotWritten(f"{path} is no file: -o - writes to standard output")
        if not os.access(path, os.W_OK):
            raise PermissionError(None, "it is read-only")
        mode = stat.S_IMODE(found.st_mode)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with open(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(content)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def _usual_mode() -> int:
    # There is no other way to ask; nothing else of this process makes files meanwhile.
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def _to_stdout(content: bytes) -> None:
    if sys.stdout.isatty():
        raise NotWritten(
            "standard output is a terminal: send it into a file or a program, as in otpvoice say … -o - | aplay"
        )
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # What the interpreter flushes at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise NotWritten("whoever read standard output has gone") from None
    except OSError as error:
        raise NotWritten(f"standard output can't be written: {error.strerror}") from None
