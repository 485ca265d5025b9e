"""What Asterisk tells of a media leg over the events socket, and the name of the bridge in which it waits.

It takes note, and says so to whoever waits for it; it asks for nothing.
"""

from __future__ import annotations

import asyncio

from otpvoice.ari.router import AriEvent


def bridge_of(leg_id: str) -> str:
    """Return the id of a leg's bridge.

    Not the leg's own: an application's subscriptions are kept by id alone (``res/stasis/app.c``, ``forwards``), so a
    bridge with the id of a channel is never subscribed to, and nobody hears who leaves it.
    """
    return f"{leg_id}-bridge"


class LegEvents:
    """What Asterisk tells of a leg's channel and bridge, from before the leg exists."""

    def __init__(self, leg_id: str) -> None:
        self.entered = asyncio.Event()
        self.gone = asyncio.Event()
        self.alone = asyncio.Event()
        self.alone.set()
        self._leg_id = leg_id

    def hear(self, event: AriEvent) -> None:
        """Take note of an event; the router calls this."""
        match event["type"]:
            case "StasisStart":
                self.entered.set()
            case "ChannelDestroyed" if event["channel"]["id"] == self._leg_id:
                self.gone.set()
            case "ChannelLeftBridge" if event["bridge"]["channels"] == [self._leg_id]:
                self.alone.set()

    async def gone_within(self, seconds: float) -> bool:
        """Wait until Asterisk has said that the channel is gone."""
        return await within_seconds(seconds, self.gone)


async def within_seconds(seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event. False: it did not come in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
