"""What is to be spoken, before it is sound: words, single characters of a code, and silence.

It knows no engine and no audio format. A *script* is rendered elsewhere, piece by piece, in this order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Words:
    """A text that is rendered as a whole. ``voice`` is ``engine`` or ``engine:name``; None: the configured one."""

    text: str = field(repr=False)  # people put codes into it
    language: str
    voice: str | None = None
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class CodeCharacter:
    """One character of a code: number ``position`` (from 1) ``of`` so many, in the given ``reading`` (from 1)."""

    character: str = field(repr=False)
    reading: int
    position: int
    of: int
    language: str
    voice: str | None = None
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing, for exactly so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of the prompts folder, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Tone:
    """Sine waves together, for exactly so many seconds; ``frequencies`` in Hz (ITU-T E.180)."""

    frequencies: tuple[int, ...]
    seconds: float


Spoken: TypeAlias = Words | CodeCharacter | Recording | Tone | Silence
Script: TypeAlias = tuple[Spoken, ...]


class SpeechUnavailable(Exception):
    """A script can't be made into sound. ``reason`` is a word for logs and answers; it never holds the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
