"""The tracks of a stream on one clock: frames of 20 ms in consecutive slots, the same moment in the same slot.

A track arrives (``Arrivals``), or is what we push to Asterisk's queue (``Placement``): which of the two is decided by
what comes, since a call may change between them. It is told the time, and ticked; it owns no clock and no socket.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import Final, NamedTuple, TypeAlias, TypeVar

from otpvoice.media.streams.arrivals import FRAME, Arrivals
from otpvoice.media.streams.placement import Placement

FRAME_SECONDS: Final = 0.02
PUSHED: Final = frozenset({"outbound", "far"})
"""Tracks that hold what somebody hears, and so, while we speak to them, what we push."""

Source: TypeAlias = Arrivals | Placement
S = TypeVar("S", Arrivals, Placement)


# A named tuple and not a dataclass: one is made per frame, 50 a second for each track of each stream.
class Frame(NamedTuple):
    """20 ms of a track: 160 bytes of G.711. ``slot``: from 0; each track has every slot once, in order."""

    track: str
    slot: int
    audio: bytes


class Tracks:
    """``silence``: one sample; ``origin``: when slot 0 begins, on the clock of every ``now``.

    All methods return the frames that are certain now, those of a track in order. In all tracks what was one moment
    lies within a frame, and a tenth, of each other. After lost packets, or a pause too short to be told from jitter
    (80 ms), it takes a second for each frame until that is so again. A frame in its turn is returned at once, one that
    we push when its slot has begun, and silence of a track that arrives 80 to 120 ms late.
    """

    def __init__(self, names: Sequence[str], silence: bytes, origin: float) -> None:
        self._silence = silence * FRAME
        self._origin = origin
        self._sources: dict[str, Source] = {
            name: Placement(self._silence, 0) if name in PUSHED else Arrivals(self._silence, 0) for name in names
        }
        self._pushed = next((name for name in names if name in PUSHED), None)
        self._seen = 0.0
        self._discarded = 0

    @property
    def discarded(self) -> int:
        """Frames that were dropped: floods, and what clocks that are too fast have given too much."""
        return self._discarded + sum(source.discarded for source in self._sources.values())

    def arrived(self, track: str, audio: bytes, now: float) -> list[Frame]:
        """Take what came for a track, of any length. What is for none, or for one that still plays ours, is nothing."""
        source = self._sources.get(track)
        if not isinstance(source, Arrivals):
            if source is None or source.waiting:
                return []
            source = self._change(track, Arrivals(self._silence, source.slot))
        return _frames(track, source, source.arrived(audio, (now - self._origin) / FRAME_SECONDS))

    def pushed(self, audio: bytes, now: float) -> None:
        """Take what was written to Asterisk's queue, which plays it."""
        if self._pushed is None or not audio:
            return
        source = self._sources.get(self._pushed)
        if isinstance(source, Arrivals):
            source = self._change(self._pushed, Placement(self._silence, source.slot))
        if source is not None:
            source.pushed(audio, (now - self._origin) / FRAME_SECONDS)

    def synced(self, queued_frames: int, now: float) -> None:
        """A mark came back: so many frames of ours wait in Asterisk now."""
        if isinstance(source := self._sources.get(self._pushed or ""), Placement):
            source.synced(queued_frames, (now - self._origin) / FRAME_SECONDS)

    def flushed(self, now: float) -> None:
        """Asterisk's queue was thrown away."""
        if isinstance(source := self._sources.get(self._pushed or ""), Placement):
            source.flushed((now - self._origin) / FRAME_SECONDS)

    def tick(self, now: float) -> list[Frame]:
        """Call it every 20 ms or so: what is due is returned, and silence for what is missing."""
        at = (now - self._origin) / FRAME_SECONDS
        seen, self._seen = self._seen, at
        frames: list[Frame] = []
        for track, source in self._sources.items():
            given = source.tick(at, seen) if isinstance(source, Arrivals) else source.tick(at)
            if given:
                frames += _frames(track, source, given)
        return frames

    def finish(self, now: float) -> list[Frame]:
        """End all tracks, equally long. Nothing comes after it."""
        frames = self.tick(now)
        for track, source in self._sources.items():
            frames += _frames(track, source, source.finish())
        end = max((floor((now - self._origin) / FRAME_SECONDS), *(source.slot for source in self._sources.values())))
        for track, source in self._sources.items():
            frames += _frames(track, source, source.fill(end))
        self._discarded = self.discarded
        self._sources.clear()
        return frames

    def _change(self, track: str, source: S) -> S:
        self._discarded += self._sources[track].discarded
        self._sources[track] = source
        return source


def _frames(track: str, source: Source, given: list[bytes]) -> list[Frame]:
    if len(given) == 1:
        return [Frame(track, source.slot - 1, given[0])]
    first = source.slot - len(given)
    return [Frame(track, first + number, audio) for number, audio in enumerate(given)]
