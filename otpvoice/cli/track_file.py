"""One track of a stream as a WAV file: 16-bit PCM, each piece at its place in time, silence where nothing came.

A file is valid at every second, whatever becomes of the process. It is never one that is there already, and its name is
never what somebody else wants it to be.
"""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

_HEADER: Final = 44
_LONGEST_NAME: Final = 32
_TRIES: Final = 100


class TrackFile:
    """A new file in ``folder``. ``rate`` in Hz. Raises ``OSError`` where it can't be made, or written."""

    def __init__(self, folder: Path, stem: str, track: str, rate: int) -> None:
        """Make ``stem-track.wav``, or ``stem-track-2.wav`` where that is taken."""
        self.rate = rate
        self.samples = 0
        """How long it is: up to the end of what came last."""
        self._changed = False
        self.path, self._file = _new(folder, f"{stem}-{_name(track)}")
        self.flush()

    def write(self, at: int, pcm: bytes) -> None:
        """Put 16-bit little-endian samples at the sample ``at``; what lies there already is replaced."""
        # Beyond the end nothing is written in between: a hole in a file reads as zeros, and takes no room.
        self._file.seek(_HEADER + 2 * at)
        self._file.write(pcm)
        self.samples = max(self.samples, at + len(pcm) // 2)
        self._changed = True

    def flush(self) -> None:
        """Have the file say how long it is now."""
        size = 2 * self.samples
        self._file.seek(0)
        # RIFF, WAVE; fmt: PCM, mono, rate, bytes a second, bytes a sample, bits; data.
        self._file.write(struct.pack("<4sI4s", b"RIFF", _HEADER - 8 + size, b"WAVE"))
        self._file.write(struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, self.rate, 2 * self.rate, 2, 16))
        self._file.write(struct.pack("<4sI", b"data", size))
        self._file.flush()
        self._changed = False

    def settle(self) -> None:
        """``flush``, where something came since."""
        if self._changed:
            self.flush()

    def close(self, samples: int) -> None:
        """End it, with silence up to so many samples. Nothing is written after it."""
        if self._file.closed:
            return
        try:
            self.samples = max(self.samples, samples)
            self.flush()
            self._file.truncate(_HEADER + 2 * self.samples)
        finally:
            self.drop()

    def drop(self) -> None:
        """Let go of it, as it is."""
        # What waits to be written is tried once more, and fails as it did before.
        with suppress(OSError):
            self._file.close()


def _name(track: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", track)[:_LONGEST_NAME] or "track"


def _new(folder: Path, name: str) -> tuple[Path, BinaryIO]:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, _TRIES + 1):
        path = folder / (f"{name}.wav" if number == 1 else f"{name}-{number}.wav")
        with suppress(FileExistsError):
            # Exclusively: not through a link either.
            return path, path.open("xb")
    raise FileExistsError(f"{_TRIES} files are called {name}")
