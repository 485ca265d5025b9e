"""A piece of speech, finished: what is kept, and what a telephone gets.

The master is for ears, files and better codecs; the telephone's sound is made from it once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MASTER_RATE: Final = 16000
"""Hz of a master; the telephone's is ``media.g711.SAMPLE_RATE``."""
LOWEST_RATE: Final = 4000
HIGHEST_RATE: Final = 192_000
"""Hz of what can be made a clip."""
EDGE: Final = 40
"""Samples of the telephone's (5 ms) before the first and after the last sound of speech. The fades lie in there."""
FINISHING_EDITION: Final = 1
"""Of ``media.sound``: another one where the same sound in would be another sound out. Clips are kept under it."""


@dataclass(frozen=True, slots=True)
class Clip:
    """``master`` at 16 kHz and ``telephone`` at 8 kHz, both 16-bit little-endian mono PCM, equally long.

    One gain at each moment for both: the telephone's level is the one that is brought to the mark.
    """

    master: bytes = field(repr=False)
    telephone: bytes = field(repr=False)


EMPTY: Final = Clip(b"", b"")
"""Nothing to say."""
