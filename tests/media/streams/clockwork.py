"""A sender, a ticker and what they make of ``Tracks``, in virtual time: what the tests of the clock share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from otpvoice.media.streams.tracks import Frame, Tracks

SILENCE = b"\xff"
FRAME = 160
SLOT = 0.02
QUIET = SILENCE * FRAME
ORIGIN = 1000.0


def sound(number: int) -> bytes:
    """A frame that can be told from others, and from silence."""
    return bytes([number % 251]) * 4 + number.to_bytes(4, "big") + bytes([1 + number % 200]) * (FRAME - 8)


@dataclass
class Clockwork:
    """Moments are seconds after the origin. ``stalls``: spans in which our event loop stood still."""

    tracks: Tracks = field(default_factory=lambda: Tracks(("inbound",), SILENCE, ORIGIN))
    stalls: tuple[tuple[float, float], ...] = ()
    frames: list[Frame] = field(default_factory=list)
    given_at: list[float] = field(default_factory=list)
    _due: list[tuple[float, int, Callable[[float], Iterable[Frame] | None]]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)

    def at(self, moment: float, happens: Callable[[float], Iterable[Frame] | None]) -> None:
        """Have something happen then; after the stall, where our loop stands still."""
        for begin, end in self.stalls:
            if begin <= moment < end:
                moment = end
        heappush(self._due, (moment, next(self._order), happens))

    def sends(
        self,
        track: str,
        messages: Iterable[bytes],
        *,
        start: float = 0.0,
        every: float = SLOT,
        delays: Callable[[int], float] = lambda _: 0.0,
    ) -> None:
        """Have a sender send, by its own clock; no message overtakes another."""
        latest = 0.0
        for number, audio in enumerate(messages):
            latest = max(latest, start + number * every + delays(number))
            self.at(latest, lambda now, audio=audio: self.tracks.arrived(track, audio, now))  # type: ignore[misc]

    def ticks(self, seconds: float, *, phase: float = 0.0) -> None:
        """Have the ticker run. A late one does not catch up."""
        for number in range(round(seconds / SLOT)):
            moment = phase + number * SLOT
            if not any(begin <= moment < end - SLOT for begin, end in self.stalls):
                self.at(moment, self.tracks.tick)

    def run(self) -> list[Frame]:
        """Let time pass until nothing is left; return all frames."""
        while self._due:
            moment, _, happens = heappop(self._due)
            given = list(happens(ORIGIN + moment) or ())
            self.frames += given
            self.given_at += [moment] * len(given)
        return self.frames

    def of(self, track: str = "inbound") -> list[Frame]:
        """Return a track's frames; they must be whole, and have every slot once and in order."""
        mine = [frame for frame in self.frames if frame.track == track]
        assert [frame.slot for frame in mine] == list(range(len(mine)))
        assert all(len(frame.audio) == FRAME for frame in mine)
        return mine

    def audio(self, track: str = "inbound") -> bytes:
        return b"".join(frame.audio for frame in self.of(track))

    def latency(self, audio: bytes, said: float) -> float:
        """Seconds from when a frame came until it was given."""
        [given] = [at for frame, at in zip(self.frames, self.given_at, strict=True) if frame.audio == audio]
        return given - said
