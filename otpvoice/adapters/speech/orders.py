"""What is asked of which engine: an order, where its sound may stay, and under which address it lies on the disk.

Nothing is made or kept here. An address is a digest: no text, no voice and no language is seen in the name of a file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import Enum, auto

from otpvoice.media.clip import FINISHING_EDITION


class Keeping(Enum):
    """Where the sound of a text may stay, once it is made."""

    NOWHERE = auto()
    """It may hold a code: made for its call alone."""
    MEMORY = auto()
    """A text of a request, without anything that may be a code."""
    DISK = auto()
    """A digit, a letter, or a sentence of a language pack."""


@dataclass(frozen=True, slots=True)
class Order:
    """A text for an engine. Equal orders give equal sound.

    ``voice``: the engine's own name for it; None: its own for the language. ``speed``: of what is heard, whether the
    engine has it or not. ``character``: one character of a code, which is heard, or is none.
    """

    engine: str
    voice: str | None
    language: str
    speed: float
    text: str = field(repr=False)
    keeping: Keeping
    character: bool = False

    def address(self, edition: str) -> str:
        """Return where its sound lies on the disk: a SHA-256 in hex. ``edition``: of the engine (``Voice.edition``)."""
        asked = [self.engine, edition, self.voice, self.language, f"{self.speed:.2f}", self.text, FINISHING_EDITION]
        # As JSON: no two lists are written alike, and a lone surrogate is written at all.
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def in_steps(speed: float) -> float:
    """Return a speed in steps of 0.05, so that those that requests can think of do not fill the memory."""
    return min(max(round(speed * 20) / 20, 0.5), 2.0)
