"""What the engines that are programs of this machine have in common: finding, bounds, and how many run at once.

It knows no engine's arguments. A text goes to a program by standard input, never by an argument (``child``), and only
as plain words (``plain_text``).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from otpvoice.adapters.speech.child import MEMORY, Bounds, ask
from otpvoice.adapters.speech.engines.plain_text import plain
from otpvoice.adapters.speech.engines.voice import Traits
from otpvoice.adapters.speech.turns import Full, Turns
from otpvoice.core.reading import is_speakable
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.wav import Wave, read_wav

LONGEST_SOUND: Final = 600.0
"""Seconds."""
CHILDREN: Final = 2
"""Programs of one engine at once."""
MOST_WAITING: Final = 1000
"""Texts that wait for one: what is beyond could not be said in the seconds that a call has for its sound."""
RATES: Final = range(8000, 48001)
"""Hz that a speech engine may have. Other numbers are garbage, and would be resampled into gigabytes."""
NO_SOUND: Final = "the engine wrote no sound"
TOO_MANY: Final = "too many texts wait for the engine"
_TREATMENT: Final = 1
"""Raised when other words or arguments are handed to a program for the same request."""


class Program:
    """A program, by its path, or by a name that is looked for on PATH at each text.

    ``deadline``: seconds for the shortest text; ``each``: for each character more; ``memory`` in bytes; ``cores``: how
    many it keeps busy at most; ``niceness``: see ``child.Bounds``.
    """

    def __init__(
        self,
        name: str,
        deadline: float,
        *,
        each: float = 0.002,
        memory: int = MEMORY,
        cores: int = 1,
        niceness: int = 0,
    ) -> None:
        self._name = name
        self._deadline, self._each = deadline, each
        self._memory, self._cores, self._niceness = memory, cores, niceness
        self._children = Turns(CHILDREN, MOST_WAITING)

    def missing(self) -> str | None:
        """See ``Voice.missing``."""
        return None if shutil.which(self._name) else f"{Path(self._name).name} is not installed"

    def edition(self, *files: Path) -> str:
        """See ``Voice.edition``: of the program, and of files that it speaks from. Empty while one is not there."""
        path = shutil.which(self._name)
        if path is None:
            return ""
        try:
            stats = [file.stat() for file in (Path(path), *files)]
        except OSError:
            return ""
        return "-".join([str(_TREATMENT), *(f"{stat.st_size:x}.{stat.st_mtime_ns:x}" for stat in stats)])

    async def speak(self, arguments: Sequence[str], words: str, seconds: float, rate: int) -> bytes:
        """Return what it writes to standard output: no more than so many ``seconds`` at this ``rate``, in Hz.

        Raises ``SpeechUnavailable``.
        """
        return await self._run(arguments, words, self._bounds(words, seconds, rate), None)

    async def speak_into_memory(self, arguments: Sequence[str], words: str, seconds: float, rate: int) -> bytes:
        """As ``speak``, of a program that must have a file, and go back in it: ``arguments`` end with its option.

        The file is memory of ours, without a name (memfd_create(2)): what was spoken is on no disk.
        """
        bounds = self._bounds(words, seconds, rate)
        file = os.memfd_create("speech", os.MFD_CLOEXEC)
        try:
            await self._run((*arguments, f"/proc/self/fd/{file}"), words, bounds, file)
            return os.pread(file, bounds.output, 0)
        finally:
            os.close(file)

    def _bounds(self, words: str, seconds: float, rate: int) -> Bounds:
        return Bounds(
            seconds=self._deadline + len(words) * self._each,
            output=int(min(seconds, LONGEST_SOUND) * 2 * rate) + 1024,  # and a header
            memory=self._memory,
            cores=self._cores,
            niceness=self._niceness,
        )

    async def _run(self, arguments: Sequence[str], words: str, bounds: Bounds, file: int | None) -> bytes:
        path = shutil.which(self._name)
        if path is None:
            raise SpeechUnavailable(f"{Path(self._name).name} is not installed")
        try:
            await self._children.take()
        except Full:
            raise SpeechUnavailable(TOO_MANY) from None
        try:
            return await ask((path, *arguments), words.encode(), bounds, file=file)
        finally:
            self._children.leave()


def words_of(text: str, speed: float, traits: Traits) -> str:
    """Return the words to be spoken, "" where there are none. Raises ``ValueError``: too long, or not at this speed."""
    if len(text) > traits.longest_text:
        raise ValueError(f"a text has at most {traits.longest_text} characters")
    slowest, fastest = traits.speeds or (1.0, 1.0)
    if not slowest <= speed <= fastest:
        raise ValueError(f"a speed is {slowest:g} to {fastest:g}")
    words = plain(text)
    return words if is_speakable(words) else ""


def seconds_for(words: str, speed: float) -> float:
    """Return the seconds that a text may take. Some characters are long: an emoji is read as its name."""
    return 10 + 2 * len(words) / speed


def wave_of(data: bytes) -> Wave:
    """Return the sound of a RIFF/WAVE stream that a program wrote. Raises ``SpeechUnavailable`` for all else."""
    try:
        wave = read_wav(data)
    except ValueError:
        raise SpeechUnavailable(NO_SOUND) from None
    if wave.rate not in RATES:
        raise SpeechUnavailable(NO_SOUND)
    return wave
