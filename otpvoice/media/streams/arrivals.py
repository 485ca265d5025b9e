"""Audio that comes by itself, a frame each 20 ms or so, put into slots by the moment of its arrival.

Three things make that moment a poor witness. Frames bunch: a network or a busy machine holds some up, and then gives
them all at once. Sources pause: a phone that suppresses silence, presses a key, or puts us on hold sends nothing. And
no two clocks agree. So frames follow each other without a question for as long as none is missing for long; after a
pause they are put where they belong; and where they *lastingly* lie beside it, they are moved by a frame at a time.

Moments are in slots of 20 ms, fractions included. Nothing here knows what time it is.
"""

from __future__ import annotations

from math import ceil, floor, inf
from typing import Final

FRAME: Final = 160
"""Bytes of 20 ms of G.711."""
TOLERANCE: Final = 4
"""Frames that may be missing, or be too early, before anything is done about it: 80 ms."""
HELD: Final = 0.5
"""Slots that the first frame after a pause waits at least, to see whether it is one of many: 10 ms. Then a tick ends
the wait, or, where none comes, what arrives one slot after it."""
WINDOW: Final = 50
"""Slots in which an offset must last to be one: 1 s."""
SLACK: Final = 0.1
"""Of a slot: what lies on the edge of two is not moved to and fro between them."""
EARLY: Final = 0.3
"""Of a slot, the other way: to move a track back costs a frame that somebody spoke, and a way that gets shorter by some
milliseconds is no drift."""


class Offset:
    """How late audio is, as the least late of it tells: the others were held up on their way."""

    __slots__ = ("_ends", "_least")

    def __init__(self) -> None:
        self._least, self._ends = inf, inf

    def see(self, late: float, at: float) -> int:
        """Take down that a frame came ``late`` slots after its own began; in time: from 0 to less than 1.

        Returns at the end of a window 1 when all came too late, -1 when the least late came too early; else 0.
        """
        if self._ends == inf:
            self._ends = at + WINDOW
        self._least = min(self._least, late)
        if at < self._ends:
            return 0
        least = self._least
        self.forget()
        return 1 if least >= 1 + SLACK else -1 if least < -EARLY else 0

    def forget(self) -> None:
        """What was seen says nothing about what comes."""
        self._least, self._ends = inf, inf


class Arrivals:
    """A track that arrives. ``slot``: the next one; ``silence``: a frame of it. Methods return the frames before it."""

    __slots__ = ("_came", "_dropped", "_held_from", "_offset", "_pausing", "_rest", "_silence", "slot")

    def __init__(self, silence: bytes, slot: int) -> None:
        self.slot = slot
        self._silence = silence
        self._rest = b""
        self._pausing = True  # until something comes, and is put where it belongs
        self._held_from = self._came = 0.0
        self._offset = Offset()
        self._dropped = 0

    @property
    def discarded(self) -> int:
        """Frames that came and were not given."""
        return self._dropped

    def arrived(self, audio: bytes, at: float) -> list[bytes]:
        """Take audio of any length."""
        if not self._pausing and not self._rest and len(audio) == FRAME and at - self.slot >= -TOLERANCE:
            # Nearly always: one frame, in its turn.
            frames = [audio]
            self.slot += 1
        else:
            if self._pausing and not self._rest:
                self._held_from = at
            self._rest += audio
            self._came = at
            self._drop_flood(at)
            if self._pausing:
                return self._settle() if at - self._held_from >= 1 else []
            frames = self._cut()
        moved = self._offset.see(self._lateness(at), at)
        return self._move(frames, moved) if moved and frames else frames

    def tick(self, at: float, seen: float) -> list[bytes]:
        """Fill in what has been missing for too long. ``seen``: the tick before this one.

        What is missing is decided by that one: a late event loop has not read all that is there.
        """
        if self._pausing and self._rest:
            return self._settle() if at - self._held_from >= HELD else []
        missing = floor(seen) - (TOLERANCE - 1) - self.slot
        if missing <= 0:
            return []
        self._pausing = True
        return self.fill(self.slot + missing)

    def finish(self) -> list[bytes]:
        """Give what is left."""
        given = self._settle() if self._pausing and self._rest else []
        return given + self.fill(self.slot + 1) if self._rest else given

    def fill(self, until: int) -> list[bytes]:
        """Give silence for all slots before this one, behind what is left of a frame."""
        given = [self._silence] * (until - self.slot)
        if given and self._rest:
            given[0] = self._rest + self._silence[len(self._rest) :]
            self._rest = b""
        self.slot += len(given)
        return given

    def _settle(self) -> list[bytes]:
        """The pause is over. The last of what has come belongs where it came, and before it what there is room for."""
        room = floor(self._lateness(self._came))
        self._pausing = False
        self._offset.forget()
        if room < 0:
            kept = max(len(self._rest) + room * FRAME, len(self._rest) % FRAME)
            self._dropped += (len(self._rest) - kept) // FRAME
            self._rest = self._rest[len(self._rest) - kept :]
        silence = [self._silence] * room
        self.slot += len(silence)
        return silence + self._cut()

    def _lateness(self, at: float) -> float:
        """Slots between the begin of the slot in which the last of all that came lies, and this moment."""
        return at - (self.slot + len(self._rest) / FRAME - 1)

    def _cut(self) -> list[bytes]:
        whole = len(self._rest) - len(self._rest) % FRAME
        given = [self._rest[start : start + FRAME] for start in range(0, whole, FRAME)]
        self._rest = self._rest[whole:]
        self.slot += len(given)
        return given

    def _move(self, frames: list[bytes], by: int) -> list[bytes]:
        """Correct an offset that lasts: a frame of silence more, or a frame less."""
        self.slot += by
        if by > 0:
            return [self._silence, *frames]
        self._dropped += 1
        return frames[1:]

    def _drop_flood(self, at: float) -> None:
        """What lies too far ahead of the clock is not kept."""
        ahead = ceil(-self._lateness(at) - TOLERANCE)
        if ahead > 0:
            dropped = min(ahead, len(self._rest) // FRAME)
            self._rest = self._rest[: len(self._rest) - dropped * FRAME]
            self._dropped += dropped
