"""A voice as a request names it: one of our engines', or a hosted product's, which means a language and a sex.

Whether there is such a voice, and which of ours stands in for a hosted one, is for the account's speech to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from otpvoice.dialects.hosted_voices import engine_voice, spoken_as
from otpvoice.dialects.offers import CallDefaults


@dataclass(frozen=True, slots=True)
class Spoken:
    """Who speaks, and which language; None: nobody said."""

    voice: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class Casting:
    """Who speaks for whom. ``language``: what is spoken where neither a request nor a voice's name says."""

    defaults: CallDefaults
    language: str

    def understood(self, voice: str | None, language: str | None) -> Spoken:
        """Return a voice as ours, with the language that was named; where none was, that of a hosted product's voice.

        A hosted name for which nobody stands in stays as it is (``speakable`` refuses it).
        """
        hosted = engine_voice(voice) if voice is not None else None
        if hosted is None:
            return Spoken(voice, language)
        ours = None
        if self.defaults.stand_in is not None:
            ours = self.defaults.stand_in(spoken_as(hosted, language) or self.language, hosted.female) or voice
        return Spoken(ours, language or hosted.language)
