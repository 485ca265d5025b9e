"""Speech that passes without a telephone: confirmed piece by piece, in the order and words of a media leg.

It proves nothing, since nobody hears it; it takes its time, some of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from otpvoice.core.events import PiecePlayed, SpeakingFinished, SpeakingStarted
from otpvoice.media.g711 import SAMPLE_RATE
from otpvoice.media.playout import Piece
from otpvoice.rehearsal.callee import Heard

SPEED: Final = 20
"""So many times as fast as on a telephone passes what is said: an OTP call takes a second or two."""


class Playing:
    """Utterances, one after the other. ``tell`` hears of each: its start at once, its pieces and its end in time."""

    def __init__(self, tell: Callable[[Heard], None], wall: Callable[[], float]) -> None:
        self._tell, self._wall = tell, wall
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[str, Iterator[tuple[float, int | None]]]] = deque()
        self._next: asyncio.TimerHandle | None = None
        self._at = 0.0

    def begin(self, utterance_id: str, pieces: Sequence[Piece]) -> None:
        """Queue an utterance behind what is there. ``seconds`` of its start are those of a telephone."""
        seconds = sum(len(piece.audio) for piece in pieces) / SAMPLE_RATE
        self._waiting.append((utterance_id, _milestones(pieces)))
        if self._next is None:
            self._at = self._loop.time()
            self._go_on()
        self._tell(SpeakingStarted(utterance_id, self._wall(), seconds))

    def cut(self) -> None:
        """Throw away what is being spoken and what waits, and tell."""
        cut = [utterance_id for utterance_id, _ in self._waiting]
        self.drop()
        for utterance_id in cut:
            self._tell(SpeakingFinished(utterance_id, self._wall(), cut=True))

    def drop(self) -> None:
        """Throw it all away; nobody is there any more to be told."""
        self._waiting.clear()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _go_on(self) -> None:
        self._next = None
        if self._waiting:
            utterance_id, milestones = self._waiting[0]
            seconds, index = next(milestones)
            # Counted from the last moment that was due, not from when the loop came to it: no delay adds up.
            self._at += seconds / SPEED
            self._next = self._loop.call_at(self._at, self._reach, utterance_id, index)

    def _reach(self, utterance_id: str, index: int | None) -> None:
        if index is None:
            self._waiting.popleft()
        self._go_on()  # before it is told: who hears of it may end it all
        if index is None:
            self._tell(SpeakingFinished(utterance_id, self._wall(), cut=False))
        else:
            self._tell(PiecePlayed(utterance_id, index, self._wall()))


def _milestones(pieces: Sequence[Piece]) -> Iterator[tuple[float, int | None]]:
    """Yield what is told, each after so many seconds of audio: the pieces that are asked for, and the end (None)."""
    seconds = 0.0
    for piece in pieces:
        seconds += len(piece.audio) / SAMPLE_RATE
        if piece.index is not None:
            yield seconds, piece.index
            seconds = 0.0
    yield seconds, None
