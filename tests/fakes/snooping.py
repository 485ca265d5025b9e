"""Snoop channels (res/res_stasis_snoop.c): what a channel says or hears, one frame at each tick, silent ones too.

A snoop is in Stasis from its begin, ends with the channel that it spies on, and is no telephone: it hears nobody.
"""

from __future__ import annotations

from typing import Final, Literal

from tests.fakes.channels import Channel

SILENCE: Final = {"ulaw": b"\xff" * 160, "alaw": b"\xd5" * 160}
_MINUS_ZERO: Final = bytes.maketrans(b"\x7f", b"\xff")


class Snooping:
    """The driver of one snoop channel. ``spy``: ``in`` is what the other channel says, ``out`` what it hears."""

    def __init__(self, channel: Channel, spied: Channel, spy: Literal["in", "out"]) -> None:
        self.channel, self.spied, self._spy = channel, spied, spy
        self._heard = len(spied.call.heard) if spied.call is not None else 0
        channel.snoop = self

    @property
    def over(self) -> bool:
        return self.spied.gone

    @property
    def wants_ticks(self) -> bool:
        """Somebody listens."""
        return self.channel.bridge is not None and bool(self.channel.bridge.legs)

    def tick(self, said: bytes | None) -> None:
        """``said``: what the other channel's microphone gave. Linear on its way, so that mu-law has one zero only."""
        frame = said if self._spy == "in" else self._newly_heard()
        for leg in self.channel.bridge.legs if self.channel.bridge is not None else []:
            leg.inbound(SILENCE[leg.codec] if frame is None else _zero(frame, leg.codec))

    def _newly_heard(self) -> bytes | None:
        heard = self.spied.call.heard if self.spied.call is not None else []
        before, self._heard = self._heard, len(heard)
        return heard[-1].payload if len(heard) > before else None


def _zero(frame: bytes, codec: str) -> bytes:
    return frame.translate(_MINUS_ZERO) if codec == "ulaw" else frame
