"""Who hears what goes through a media leg: what the other side says, and what is pushed to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

Ear: TypeAlias = Callable[[bytes, float], None]
"""Gets what is said on the other side as Asterisk gives it, and the event loop's time.

One message for each RTP packet that the phone sent, byte for byte where it speaks the leg's codec: 160 bytes each 20 ms
mostly, 80, 240, 320 or 480 where its packets are of 10, 30, 40 or 60 ms. Nothing while it sends nothing: on hold, with
silence suppressed, for as long as a key is down (RFC 4733 sends that in the place of audio). The packets of a snoop are
of 20 ms always, and silent ones where nothing is said.
"""


class Watch(Protocol):
    """Who wants to know what is pushed, and what becomes of it. ``now`` is the event loop's time."""

    def pushed(self, audio: bytes, now: float, /) -> None:
        """A message of whole frames goes to Asterisk's queue."""

    def synced(self, queued_frames: int, now: float, /) -> None:
        """A mark came back: so many frames still wait there, and the first of them is played now."""

    def flushed(self, now: float, /) -> None:
        """What waited there was thrown away, or died with the leg."""
