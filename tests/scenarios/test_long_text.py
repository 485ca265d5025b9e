"""A minute of text is more than Asterisk may be given at once: it is refilled, and nothing is lost.

The same minute on a real Asterisk is in ``test_many_calls``: two long stories told at once.
"""

from __future__ import annotations

import pytest

from otpvoice.core.actions import Say
from tests.fakes import FakeAsterisk, media_queue
from tests.scenarios.minute import MINUTE, MOST_FRAMES, Watch, hears_a_minute
from tests.scenarios.world import World, first_difference

MESSAGE = 100
"""Frames in a message."""


async def test_a_minute_of_text_arrives_whole(watch: Watch) -> None:
    async with FakeAsterisk(speed=20) as fake, World(fake) as world:
        await hears_a_minute(world)
        assert not any(leg.queue.dropped_messages for leg in fake.legs.values())
    assert watch.most == MOST_FRAMES
    assert watch.stops == 0


async def test_xoff_and_xon_are_obeyed(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Asterisk whose queue counts as full early: nothing is sent between its XOFF and its XON."""
    monkeypatch.setattr(media_queue, "XOFF_LEVEL", 400)
    monkeypatch.setattr(media_queue, "XON_LEVEL", 150)
    lengths: list[int] = []
    audio = media_queue.FrameQueue.audio

    def arrives(queue: media_queue.FrameQueue, message: bytes, at: float) -> list[media_queue.MediaEvent]:
        lengths.append(queue.length)
        return audio(queue, message, at)

    monkeypatch.setattr(media_queue.FrameQueue, "audio", arrives)
    async with FakeAsterisk(speed=20) as fake, World(fake) as world:
        await hears_a_minute(world)
    first = MOST_FRAMES // MESSAGE
    assert watch.stops >= 5
    # The first messages were all on their way before the XOFF could come back; after that each one waited for XON.
    refills = [length for length in lengths[first:-1] if length < 150]
    assert lengths[first] < 150
    assert len(refills) >= watch.stops - 1
    assert max(lengths) < MOST_FRAMES


async def test_a_text_can_be_cut_while_more_of_it_waits_here(world: World) -> None:
    phone = world.answers()
    call = await world.place(world.plan(MINUTE, max_duration=1.0))
    await phone.heard(0.3)
    summary = await call.over()
    assert summary["outcome"]["reason"] == "max_duration"
    await world.until(lambda: not world.node.pool.taken)
    again = world.answers()
    plan = world.plan(Say("Hello", speed=2.0), to=again)
    (pushed,) = await world.sound_of(plan)
    await world.call(plan)
    assert first_difference(again.sound, pushed.audio) is None
