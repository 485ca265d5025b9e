"""What a stream tells, and what it speaks through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from otpvoice.core.media import StreamReport
from otpvoice.media.playout import Piece
from otpvoice.media.streams.words import Facts


class Mouth(Protocol):
    """Where a customer that talks is heard. Neither method waits or raises."""

    def say(self, utterance_id: str, pieces: Sequence[Piece], /) -> None:
        """Speak whole frames behind what is there. ``Piece.index``: to be told by ``MediaStream.played``."""
        ...

    def clear(self) -> None:
        """Throw away what was said and not played."""
        ...


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream runs: its first connection is up. Told once, and not again when it is connected anew."""

    report: StreamReport


@dataclass(frozen=True, slots=True)
class Ended:
    """The stream is over, and nobody had it finished. Told once; the report is final."""

    report: StreamReport


Streamed: TypeAlias = Connected | Ended
Tell: TypeAlias = Callable[[Streamed], None]


@runtime_checkable
class Asks(Protocol):
    """A format that asks an https URL for the wss URL has words for that."""

    def query(self, facts: Facts) -> Mapping[str, str]:
        """Return what is asked with: parameters of the URL's query."""
        ...
