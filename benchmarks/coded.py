"""Audio that tells what it is: each 20 ms frame of G.711 says its number and when it was made.

Nothing on its way may touch a byte of it: it is what shows losses, repeats and delays at the other end, exactly. The
clock is the one that all processes of a machine share (``CLOCK_MONOTONIC``).
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

FRAME: Final = 160
FRAME_SECONDS: Final = 0.02
LATE: Final = 0.06
"""Seconds from one end to the other after which a frame is of no use to whoever buffers two frames ahead."""
_HEAD: Final = struct.Struct("!4sIQ")
_SIGN: Final = b"\x5a\xa5\x96\x69"
_REST: Final = b"\x20" * (FRAME - _HEAD.size)  # loud


class Code(NamedTuple):
    """``made_at``: in nanoseconds."""

    number: int
    made_at: int


def coded(number: int) -> bytes:
    """Return a frame, made now."""
    return _HEAD.pack(_SIGN, number, time.monotonic_ns()) + _REST


def read(audio: bytes) -> Code | None:
    """Return what the beginning of a frame says; None: it is not one of ours."""
    if len(audio) < _HEAD.size:
        return None
    sign, number, made_at = _HEAD.unpack_from(audio)
    return Code(number, made_at) if sign == _SIGN else None


@dataclass(slots=True)
class Heard:
    """What came of one signal since it was counted from anew. ``delays`` in seconds.

    ``missing`` counts the numbers that were jumped over, ``again`` those that were not above the last, ``other`` the
    frames that were none of ours: silence that stands for one that was missing, or what lies before the first.
    """

    frames: int = 0
    missing: int = 0
    again: int = 0
    other: int = 0
    delays: list[float] = field(default_factory=list)
    _last: int | None = None

    def hear(self, audio: bytes, now: int) -> None:
        """Take one frame that came at ``now``, in nanoseconds."""
        code = read(audio)
        if code is None:
            self.other += self._last is not None
            return
        number, made_at = code
        if self._last is not None:
            if number <= self._last:
                self.again += 1
                return
            self.missing += number - self._last - 1
        self._last = number
        self.frames += 1
        self.delays.append((now - made_at) / 1e9)

    def anew(self) -> None:
        """Count from now on; what came last is still known."""
        self.frames = self.missing = self.again = self.other = 0
        self.delays = []


def told(signals: list[Heard]) -> dict[str, Any]:
    """Return all of them together, as a worker answers it; delays in microseconds, sorted."""
    return {
        "signals": sum(one.frames > 0 for one in signals),
        **{name: sum(getattr(one, name) for one in signals) for name in ("frames", "missing", "again", "other")},
        "delays": sorted(round(1e6 * delay) for one in signals for delay in one.delays),
    }
