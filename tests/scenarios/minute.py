"""A minute of text, a phone that listens to all of it, and a look over the shoulder of those who send it."""

from __future__ import annotations

from typing import Final

import pytest

from otpvoice.core.actions import Say
from otpvoice.media.playout import FRAME_SECONDS, MAX_QUEUED, Playout
from tests.scenarios.world import World, first_difference

MINUTE: Final = Say(" ".join(f"This is sentence {number} of a long text." for number in range(1, 37)), speed=1.5)
MOST_FRAMES: Final = round(MAX_QUEUED / FRAME_SECONDS)


class Watch:
    """How often the ledgers of all legs were told to stop, and the most frames that one ever had outstanding."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stops = 0
        self.most = 0
        stop_sending, outgoing = Playout.stop_sending, Playout.outgoing

        def stop(playout: Playout) -> None:
            self.stops += 1
            stop_sending(playout)

        def send(playout: Playout, now: float) -> list[bytes | str]:
            messages = outgoing(playout, now)
            self.most = max(self.most, playout.queued)
            return messages

        monkeypatch.setattr(Playout, "stop_sending", stop)
        monkeypatch.setattr(Playout, "outgoing", send)


async def hears_a_minute(world: World) -> None:
    """Call a phone that listens to the text, and to the end of it."""
    phone = world.answers()
    plan = world.plan(MINUTE, to=phone)
    (pushed,) = await world.sound_of(plan)
    assert len(pushed.audio) > 60 * 8000
    summary = await world.call(plan, within=100)
    assert first_difference(phone.sound, pushed.audio) is None
    assert (summary["outcome"]["class"], summary["outcome"]["ended_by"]) == ("completed", "plan")
