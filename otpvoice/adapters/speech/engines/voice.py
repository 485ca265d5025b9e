"""The port that every speech engine fills.

It says nothing of processes, networks or files: an engine may be any of these. What comes out is sound as the engine
makes it; trimming, level, rate and speed where the engine has none are ``adapters.speech.finishing``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from otpvoice.media.wav import Wave


@dataclass(frozen=True, slots=True)
class Traits:
    """What an engine declares about itself.

    ``offline``: what it is given stays on this machine. ``may_see_secrets``: it may be asked during a call, for any
    text; False: ahead of time only, for digits, letters and sentences of language packs, and never with a code.
    ``languages``: BCP 47 tags that it speaks without being told a voice. ``speeds``: the slowest and the fastest that
    it speaks by itself, 1 being a calm reading; None: it has one speed, is asked for 1, and its sound is stretched.
    ``licence``: SPDX, of what is run or asked. ``longest_text``: characters.
    """

    offline: bool
    may_see_secrets: bool
    languages: frozenset[str] = field(repr=False)
    speeds: tuple[float, float] | None
    licence: str
    longest_text: int = 3000


class Voice(Protocol):
    """A speech engine."""

    @property
    def name(self) -> str:
        """The word for it in settings and requests: ``name`` or ``name:voice``."""

    @property
    def traits(self) -> Traits: ...

    def voices(self) -> Mapping[str, str]:
        """Return its voices that can be named, each with its BCP 47 tag. Those with a variant are not listed."""

    def voice_language(self, name: str) -> str | None:
        """Return the BCP 47 tag of one of its voices; None: it has no voice of this name."""

    def missing(self) -> str | None:
        """Return what keeps it from being asked on this machine, for people; None: nothing that can be seen."""

    def edition(self, language: str, voice_name: str | None) -> str:
        """Return what its sound depends on besides what it is asked: its version, or that of its files.

        Sound that is kept is kept under it. No program is started, but files are
        looked at, and a disk may hang: it is called in a thread.
        """

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        """Return the text as sound, at the engine's own rate and level, silence around it included.

        Without samples where there is nothing to say. ``voice_name`` None: the engine's own for the language. Raises
        ``ValueError`` for a text, voice, language or speed that it does not take, ``core.speech.SpeechUnavailable``
        when it fails; neither repeats the text.
        """
