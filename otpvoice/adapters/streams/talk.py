"""What a customer says in a call, on its way to the callee: whole frames, and marks that come back when they should.

Pure: time is an argument, and what is to be played goes to a mouth that never waits. How much waits there is known by
what was said and not yet played.

A mark changes nothing of what is heard: one behind half a frame waits for that frame, whatever fills it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from otpvoice.adapters.streams.bucket import Bucket
from otpvoice.adapters.streams.frames import Violation
from otpvoice.adapters.streams.limits import TICK, Limits, Timings
from otpvoice.adapters.streams.ports import Mouth
from otpvoice.media.g711 import SAMPLE_RATE, SILENCE, Law
from otpvoice.media.playout import Piece
from otpvoice.media.streams.words import AudioHeard, ClearAsked, Heard, Ignored, MarkAsked

FRAME: Final = round(SAMPLE_RATE * TICK)
"""Bytes."""
TOLD_EVERY: Final = 10
"""Frames after which we want to know how much was played: each time costs a mark, and some send 20 ms at a time."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A piece of which is told when it was played, and so many frames up to it."""

    index: int
    frames: int


class Talk:
    """One stream's. ``name``: how its utterances begin, and those of nobody else."""

    def __init__(
        self, name: str, mouth: Mouth, law: Law, *, clear_returns_marks: bool, timings: Timings, limits: Limits
    ) -> None:
        self.frames = 0
        """Frames heard, those that were filled up included."""
        self._name, self._mouth, self._silence = name, mouth, SILENCE[law]
        self._clear_returns_marks = clear_returns_marks
        self._padding, self._limits = timings.padding, limits
        self._junk = Bucket(limits.junk_a_second, limits.junk_at_once)
        self._clears = Bucket(limits.clears_a_second, limits.clears_at_once)
        self._rate = Bucket(limits.audio_a_second, limits.audio_at_once)
        self._rest = bytearray()
        self._rest_marked = False  # a mark waits for the frame that this will be in
        self._index = 0
        self._said: deque[_Said] = deque()
        self._said_at = 0.0
        self._untold = 0  # frames behind the last of these
        self._queued = 0
        self._marks: deque[tuple[int, str]] = deque()

    @property
    def queued(self) -> float:
        """Seconds of audio that wait to be played."""
        return self._queued * TICK

    def take(self, heard: Iterable[Heard], now: float) -> list[str]:
        """Do what the customer asks for. Returns the marks that come back at once. Raises ``Violation``: too much."""
        back: list[str] = []
        for one in heard:
            match one:
                case AudioHeard(audio):
                    self._play(audio, now)
                case MarkAsked(name) if len(name) <= self._limits.mark:
                    back += self._mark(name)
                case ClearAsked():
                    if not self._clears.take(1, now):
                        raise Violation(1008, "flood")
                    back += self._clear()
                case MarkAsked() | Ignored():
                    if not self._junk.take(1, now):
                        raise Violation(1008, "junk")
        return back

    def played(self, utterance_id: str, index: int) -> list[str]:
        """Take note of a piece that was played, unless it was cleared. Returns the marks that come back."""
        if utterance_id != self._utterance(index) or not self._said or index < self._said[0].index:
            return []
        while self._said and self._said[0].index <= index:
            self._queued -= self._said.popleft().frames
        back = []
        while self._marks and self._marks[0][0] <= index:
            back.append(self._marks.popleft()[1])
        return back

    def tick(self, now: float) -> None:
        """Play the rest of a frame that nothing has followed, and ask after what was said last."""
        if now - self._said_at < self._padding:
            return
        if self._rest:
            rest, self._rest = bytes(self._rest), bytearray()
            self._say(rest + self._silence * (FRAME - len(rest)), ask=True)
        elif self._untold:
            self._ask()

    def _play(self, audio: bytes, now: float) -> None:
        """Play some audio behind what is there."""
        if not self._rate.take(len(audio) / SAMPLE_RATE, now):
            raise Violation(1008, "flood")
        waits = self.queued + (len(self._rest) + len(audio)) / SAMPLE_RATE
        if waits > self._limits.audio:
            raise Violation(1008, "audio_overflow")
        self._said_at = now
        if not self._rest and len(audio) % FRAME == 0:
            self._say(audio)
            return
        self._rest += audio
        if self._rest_marked and len(self._rest) >= FRAME:
            self._say(self._cut(FRAME), ask=True)
        self._say(self._cut(len(self._rest) - len(self._rest) % FRAME))

    def _mark(self, name: str) -> list[str]:
        """Take a mark. Returns the marks that have come back: this one, where nothing is before it."""
        if len(self._marks) >= self._limits.marks:
            raise Violation(1008, "flood")
        if self._rest:
            self._rest_marked = True
            self._marks.append((self._index + 1, name))
            return []
        if self._untold:
            self._ask()
        if not self._said:
            return [name]
        self._marks.append((self._index, name))
        return []

    def _clear(self) -> list[str]:
        """Throw away what was not played. Returns the marks that come back with it."""
        back = [name for _, name in self._marks] if self._clear_returns_marks else []
        if self._queued:
            self._mouth.clear()
        self._marks.clear()
        self._said.clear()
        self._rest.clear()
        self._rest_marked = False
        self._queued = self._untold = 0
        return back

    def _cut(self, size: int) -> bytes:
        """Take the first bytes of the rest."""
        cut = bytes(self._rest[:size])
        del self._rest[:size]
        return cut

    def _say(self, audio: bytes, *, ask: bool = False) -> None:
        frames = len(audio) // FRAME
        if not frames:
            return
        self.frames += frames
        self._queued += frames
        self._untold += frames
        if ask or self._untold >= TOLD_EVERY:
            self._ask(audio)
        else:
            self._mouth.say(self._utterance(self._index + 1), [Piece(audio)])

    def _ask(self, audio: bytes = b"") -> None:
        """Want to know when all that was said up to here, and this, was played."""
        self._index += 1
        self._said.append(_Said(self._index, self._untold))
        self._untold = 0
        self._rest_marked = False
        self._mouth.say(self._utterance(self._index), [Piece(audio, self._index)])

    def _utterance(self, index: int) -> str:
        return f"{self._name}-{index}"
