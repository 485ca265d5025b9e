"""Audio that we push to somebody else's queue, put into the slots in which it is played from there.

The queue plays a frame at each tick of a clock of its own, from when it has one. Each mark that comes back tells when
it ticks, and how many frames still wait; a guess that was wrong is corrected by that. Nothing is given before its slot
has begun: it may be thrown away yet.

Moments are in slots of 20 ms, fractions included. Nothing here knows what time it is.
"""

from __future__ import annotations

from collections import deque
from math import ceil, floor
from typing import Final

from otpvoice.media.streams.arrivals import FRAME, Offset

MOST: Final = 1000
"""Frames that may wait: more are not kept. Asterisk's own queue drops what comes beyond as many."""


class Placement:
    """A track that is pushed. ``slot``: the next one; ``silence``: a frame of it. Methods return frames before it."""

    __slots__ = ("_dropped", "_first", "_offset", "_queued", "_silence", "_ticked", "_waiting", "slot")

    def __init__(self, silence: bytes, slot: int) -> None:
        self.slot = slot
        self._silence = silence
        self._waiting: deque[bytes] = deque()
        self._first = slot  # the slot of the first that waits, or of what is pushed next at the earliest
        self._queued = 0  # what may wait there, at most
        self._ticked: float | None = None
        self._offset = Offset()
        self._dropped = 0

    @property
    def waiting(self) -> int:
        """Frames that were pushed and not given yet."""
        return len(self._waiting)

    @property
    def discarded(self) -> int:
        """Frames that were pushed and not kept, or not given in order to catch up."""
        return self._dropped

    def pushed(self, audio: bytes, at: float) -> None:
        """Take whole frames that were written to the queue; a rest of one is not played."""
        if not self._waiting:
            # Played at the next tick; the first time, half a slot from now is the best guess.
            begins = at + 0.5 if self._ticked is None else self._ticked + ceil(at - self._ticked)
            self._first = max(self._first, self.slot, floor(begins))
        frames = len(audio) // FRAME
        self._queued += frames
        kept = min(frames, MOST - len(self._waiting))
        self._dropped += frames - kept
        self._waiting.extend(audio[start : start + FRAME] for start in range(0, kept * FRAME, FRAME))

    def synced(self, queued: int, at: float) -> None:
        """Take note that so many frames still wait in the queue: the first of them is played now."""
        self._ticked = at
        unknown, self._queued = queued - self._queued, queued
        end = self._first + len(self._waiting)
        if unknown > 0:
            # We came while it spoke: what is known is played after that.
            self._first += max(0, floor(at) + queued - end)
            return
        moved = self._offset.see(at - (end - queued), at)
        if moved < 0 and self._waiting and self._first <= self.slot:
            self._waiting.popleft()
            self._dropped += 1
        elif self._waiting:
            self._first += moved

    def flushed(self, at: float) -> None:
        """The queue was thrown away: what was not played yet never is."""
        while self._waiting and self._first + len(self._waiting) - 1 > at:
            self._waiting.pop()
        if not self._waiting:
            self._first = self.slot

    def tick(self, at: float) -> list[bytes]:
        """Give what is being played by now, and silence where nothing was."""
        now = floor(at)
        given: list[bytes] = []
        while self.slot + len(given) <= now:
            slot = self.slot + len(given)
            if self._waiting and self._first <= slot:
                given.append(self._waiting.popleft())
                self._first = slot + 1
            elif slot < now:
                given.append(self._silence)
            else:
                break
        self.slot += len(given)
        return given

    def finish(self) -> list[bytes]:
        """Forget what waits."""
        self._waiting.clear()
        return []

    def fill(self, until: int) -> list[bytes]:
        """Give silence for all slots before this one."""
        given = [self._silence] * (until - self.slot)
        self.slot += len(given)
        return given
