"""Who is told what speech costs: a port that ``metrics`` fills; nobody waits for it."""

from __future__ import annotations

from typing import Protocol


class Counts(Protocol):
    """What is counted of speech."""

    def rendered(self, engine: str, result: str, seconds: float, /) -> None:
        """An engine was asked for a text: ``rendered``, ``failed``, or ``refused`` (it does not take the text)."""

    def had(self, source: str, clips: int = 1, /) -> None:
        """A call wanted so many clips and has them: from ``memory``, ``disk`` or ``engine``."""

    def stood_in(self, engine: str, /) -> None:
        """A script was spoken by this engine where another one failed; one that has just no recording did not."""


class Uncounted:
    """Nobody counts."""

    def rendered(self, engine: str, result: str, seconds: float, /) -> None:
        """See ``Counts``."""

    def had(self, source: str, clips: int = 1, /) -> None:
        """See ``Counts``."""

    def stood_in(self, engine: str, /) -> None:
        """See ``Counts``."""
