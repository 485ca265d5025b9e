"""What is to be spoken, before it is sound: words, single characters of a code, and silence.

It knows no engine and no audio format. A *script* is rendered elsewhere, piece by piece, in this order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Words:
    """A text that is rendered as a whole. ``voice`` is ``engine`` or ``engine:name``; None: the configured one.

    ``packaged``: a language pack's own sentence. No request wrote it but for a brand in it, which is not the code.
    """

    text: str = field(repr=False)  # people put codes into it
    language: str
    voice: str | None = None
    speed: float = 1.0
    packaged: bool = False


@dataclass(frozen=True, slots=True)
class CodeCharacter:
    """One character of a code: number ``position`` (from 1) ``of`` so many, in the given ``reading`` (from 1).

    ``spelled``: a letter is said with its spelling word, as in "B as in Bravo".
    """

    character: str = field(repr=False)
    reading: int
    position: int
    of: int
    language: str
    voice: str | None = None
    speed: float = 1.0
    spelled: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing, for exactly so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of the prompts folder, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class RemoteRecording:
    """A recording that lies at a URL of the request."""

    url: str = field(repr=False)  # it may hold a token


@dataclass(frozen=True, slots=True)
class Tone:
    """Sine waves together, for exactly so many seconds; ``frequencies`` in Hz (ITU-T E.180)."""

    frequencies: tuple[int, ...]
    seconds: float


Spoken: TypeAlias = Words | CodeCharacter | Recording | RemoteRecording | Tone | Silence
Script: TypeAlias = tuple[Spoken, ...]
LeftOut: TypeAlias = Literal["brand", "words"]
"""What is left out of a script rather than the code in it: a brand, or all words of a sentence."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A script as sound: one piece of encoded audio for each of its items, in order.

    ``fallback``: the voice that stood in for one that could not speak, as it is written in a request; None: nobody had
    to. ``left_out``: what no voice could say.
    """

    sounds: tuple[bytes, ...] = field(repr=False)
    fallback: str | None = None
    left_out: frozenset[LeftOut] = frozenset()


class SpeechUnavailable(Exception):
    """A script can't be made into sound. ``reason``: one of ``WORDS``, or a sentence; it never holds the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def complaint(self) -> tuple[str, str]:
        """A code for programs, and a sentence for people."""
        if self.reason in WORDS:
            return self.reason, WORDS[self.reason]
        return "speech_unavailable", self.reason


WORDS: Final[Mapping[str, str]] = {
    "prompt_missing": "there is no recording of this name in the prompts folder",
    "prompt_unreadable": "a recording of the prompts folder can't be read",
    "prompt_format": "a recording of the prompts folder is no 16-bit PCM, or nothing is in it",
    "prompt_too_large": "a recording of the prompts folder is too large, or too long",
    "audio_blocked": "a URL leads where requests may not",
    "audio_unreachable": "nobody answered at a URL",
    "audio_timeout": "what lies at a URL did not come in time",
    "audio_status": "a URL was not answered with 200",
    "audio_too_large": "what lies at a URL has more than 5 MB, or plays for more than 300 s",
    "audio_format": "what lies at a URL is no WAV, MP3, Ogg Vorbis or FLAC that can be played",
    "engine_paused": "the online engine has failed, and is not asked for a while",
    "not_ready_in_time": "the sound of the call was not ready in time",
}
"""Reasons that are codes of their own, with what they mean."""
OF_URLS: Final = frozenset(word for word in WORDS if word.startswith("audio_"))
"""Those for which what lies at a URL of the request could not be had, or not be played. With all others it was what the
text, the voice or the recordings of this installation are."""
