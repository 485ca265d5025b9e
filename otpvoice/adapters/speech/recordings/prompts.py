"""The prompts folder: recordings by name, made fit for the telephone once for each version of a file.

A name is one plain word, so it can't lead out of the folder; where a symbolic link leads is for whoever put it there.
Files are only read. One that is replaced is noticed at its next use.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeAlias

from otpvoice.adapters.speech.clips.memory import ClipCache
from otpvoice.adapters.speech.disk import Disk
from otpvoice.adapters.speech.encoding import encoded
from otpvoice.adapters.speech.finishing import Finishing
from otpvoice.adapters.speech.recordings.wav_file import NotPcm, read_wav_file
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import HIGHEST_RATE, LOWEST_RATE
from otpvoice.media.g711 import Law
from otpvoice.media.wav import Wave

LARGEST: Final = 10 * 1024 * 1024
"""Bytes of a file."""
LONGEST: Final = 300
"""Seconds of a recording."""
ROOM: Final = 32 * 1024 * 1024
"""Bytes of sound that are kept: more than an hour."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_Version: TypeAlias = tuple[str, Law, int, int, int]


class Prompts:
    """The recordings ``<name>.wav`` of a folder: 16-bit PCM, mono or stereo, of 4 to 192 kHz."""

    def __init__(self, folder: Path, room: int = ROOM, *, finishing: Finishing, disk: Disk | None = None) -> None:
        self._folder = folder
        self._finishing = finishing
        self._clips = ClipCache(room)
        self._making = asyncio.Lock()
        self._disk = disk or Disk("prompts")
        self._thread = ThreadPoolExecutor(1, "prompt")

    def has(self, name: str) -> bool:
        """Is there a file of this name? Whether it can be played is seen when it is made ready, before the call."""
        try:
            return _NAME.fullmatch(name) is not None and self._path(name).is_file()
        except OSError:
            return False

    async def clip(self, name: str, law: Law) -> bytes:
        """Return a recording in this law, as loud as what is spoken; the same object while its file stays the same.

        Raises ``SpeechUnavailable``: ``prompt_missing``, ``prompt_unreadable``, ``prompt_format`` (no 16-bit PCM, or
        nothing in it), ``prompt_too_large`` (more than ``LARGEST`` bytes or ``LONGEST`` seconds); as ``Disk.look``, and
        as ``Finishing``.
        """
        if not _NAME.fullmatch(name):
            raise SpeechUnavailable("prompt_missing")
        version = await self._disk.look(self._look, name, law)
        if (known := self._clips.get(version)) is not None:
            return known
        # One at a time: who else waits for this one finds it made, and they are large.
        async with self._making:
            if (known := self._clips.get(version)) is not None:
                return known
            data, version = await self._disk.look(self._read, name, law)
            wave = await asyncio.get_running_loop().run_in_executor(self._thread, _sound, data)
            # Not trimmed, as an engine's sound is: the pauses of a recording are meant.
            clip = await self._finishing.recording(wave)
            made = await encoded(clip.telephone, law)
            self._clips.put(version, made)
            return made

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.wav"

    def _look(self, name: str, law: Law) -> _Version:
        try:
            return _version(name, law, self._path(name).stat())
        except OSError as error:
            raise _unavailable(error) from None

    def _read(self, name: str, law: Law) -> tuple[bytes, _Version]:
        try:
            # Not blocking: a named pipe would else be waited for at its opening.
            with open(os.open(self._path(name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise SpeechUnavailable("prompt_unreadable")
                data = file.read(LARGEST + 1)
        except OSError as error:
            raise _unavailable(error) from None
        if len(data) > LARGEST:
            raise SpeechUnavailable("prompt_too_large")
        return data, _version(name, law, status)


def _version(name: str, law: Law, status: os.stat_result) -> _Version:
    return name, law, status.st_ino, status.st_mtime_ns, status.st_size


def _sound(data: bytes) -> Wave:
    try:
        wave = read_wav_file(data)
    except NotPcm:
        raise SpeechUnavailable("prompt_format") from None
    if not LOWEST_RATE <= wave.rate <= HIGHEST_RATE:
        raise SpeechUnavailable("prompt_format")
    if len(wave.pcm) > 2 * wave.rate * LONGEST:
        raise SpeechUnavailable("prompt_too_large")
    return wave


def _unavailable(error: OSError) -> SpeechUnavailable:
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    return SpeechUnavailable("prompt_missing" if missing else "prompt_unreadable")
