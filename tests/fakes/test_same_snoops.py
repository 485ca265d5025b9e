"""Snoop channels, with the fake and with a real Asterisk: what they give, how they end, and what is refused."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from tests.fakes.plain_client import APP, WITHIN, Media, told
from tests.fakes.two_callers import Arrival, Caller
from tests.fakes.two_worlds import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

SILENCE = b"\xff" * 160


async def snooped(world: World, spied: str, spy: str, snoop_id: str = "s1") -> Media:
    """A snoop in the bridge of a leg that is never opened for speaking."""
    bridge, leg = f"b-{snoop_id}", f"leg-{snoop_id}"
    media = await world.ari.leg(channelId=leg)
    await world.events.until("StasisStart", leg)
    await world.makes_bridge(bridge)
    await world.joins(bridge, leg)
    await world.events.until("ChannelEnteredBridge", leg)
    status, answer = await world.ari("POST", f"/channels/{spied}/snoop/{snoop_id}", {"spy": spy, "app": APP})
    assert (status, answer["id"], answer["state"]) == (200, snoop_id, "Up")
    assert answer["name"].startswith(f"Snoop/{spied}-")
    start = (await world.events.until("StasisStart", snoop_id))[-1]
    assert start["args"] == []
    await world.joins(bridge, snoop_id)
    await world.events.until("ChannelEnteredBridge", snoop_id)
    return media


async def frames(media: Media, count: int) -> list[bytes]:
    messages = [await media.socket.receive(timeout=WITHIN) for _ in range(count)]
    return [message.data for message in messages]


async def until_loud(media: Media, several: int) -> None:
    """Wait for so many frames of sound, one after the other."""
    async with asyncio.timeout(WITHIN):
        loud = 0
        while loud < several:
            [frame] = await frames(media, 1)
            loud = loud + 1 if len(set(frame)) > 1 or frame[0] != 0xFF else 0


@pytest.mark.parametrize("spy", ["in", "out"])
async def test_a_snoop_gives_a_frame_each_20_ms_also_where_nothing_is_said(world: World, spy: str) -> None:
    _, channel_id = await world.enters()
    media = await snooped(world, channel_id, spy)
    loop = asyncio.get_running_loop()
    times: list[float] = []
    for _ in range(50):
        assert len((await frames(media, 1))[0]) == 160
        times.append(loop.time())
    assert 0.8 < times[-1] - times[0] < 1.3
    assert sum(later - earlier for earlier, later in pairwise(times)) / 49 == pytest.approx(0.02, abs=0.005)


async def test_a_snoop_in_hears_who_speaks_and_a_snoop_out_does_not(world: World) -> None:
    first, first_id = await world.enters()
    says, hears = await snooped(world, first_id, "in", "s1"), await snooped(world, first_id, "out", "s2")
    speaking = asyncio.create_task(first.speaks(1.0))
    await until_loud(says, 20)
    quiet = await frames(hears, 20)
    assert {len(frame) for frame in quiet} == {160}
    assert set(quiet) == {SILENCE}
    await speaking


async def test_two_who_talk_are_heard_each_by_a_snoop_of_its_own(world: World) -> None:
    first, first_id = await world.enters()
    second, second_id = await world.enters(caller="15550222")
    await world.makes_bridge("talk", "mixing,dtmf_events,proxy_media")
    await world.joins("talk", first_id, second_id)
    await world.events.until("ChannelEnteredBridge", second_id)
    near, far = await snooped(world, first_id, "in", "s1"), await snooped(world, first_id, "out", "s2")

    async def speaks_and_is_heard(who: Caller, where: Media) -> None:
        speaking = asyncio.create_task(who.speaks(0.8))
        await until_loud(where, 10)
        await speaking

    await speaks_and_is_heard(first, near)
    await speaks_and_is_heard(second, far)


@pytest.mark.parametrize("by_dialplan", [False, True])
async def test_a_snoop_ends_with_the_channel_that_it_spies_on(world: World, *, by_dialplan: bool) -> None:
    call, channel_id = await world.enters(Arrival(waits=5.0))
    if by_dialplan:
        assert (await world.ari("POST", f"/channels/{channel_id}/continue"))[0] == 204
        await world.events.until("StasisEnd", channel_id)
    media = await snooped(world, channel_id, "in")
    await frames(media, 5)
    await call.hang_up()
    events = await world.events.until("StasisEnd", "s1")
    assert told([event for event in events if event["channel"]["id"] == "s1"]) == ["ChannelLeftBridge", "StasisEnd"]
    await world.becomes("/channels/s1", lambda status, _: status == 404)
    assert (await world.ari("GET", "/bridges/b-s1"))[1]["channels"] == ["leg-s1"]


async def test_a_snoop_is_deleted_and_nobody_is_told_that_it_is_gone(world: World) -> None:
    call, channel_id = await world.enters()
    await snooped(world, channel_id, "in")
    assert (await world.ari("DELETE", "/channels/s1"))[0] == 204
    events = await world.events.until("StasisEnd", "s1")
    assert told(events) == ["HangupRequest(32, None, soft)", "ChannelLeftBridge", "StasisEnd"]
    await call.hang_up()
    assert "ChannelDestroyed" not in told(await world.events.until("StasisEnd", channel_id))
    assert (await world.ari("DELETE", "/channels/s1"))[0] == 404


async def test_what_snooping_refuses(world: World) -> None:
    _, channel_id = await world.enters()
    await snooped(world, channel_id, "in")
    ask, path = {"spy": "in", "app": APP}, f"/channels/{channel_id}/snoop"
    taken = (500, {"message": "Snoop channel could not be created"})
    assert await world.ari("POST", f"{path}/s1", ask) == taken
    assert await world.ari("POST", "/channels/none/snoop/s2", ask) == (
        404,
        {"message": "Provided channel was not found"},
    )
    assert (await world.ari("POST", f"{path}/s2", {"app": APP}))[0] == 400
    assert await world.ari("POST", f"{path}/s2", {"spy": "in"}) == (400, {"message": "Application name is required"})


async def test_a_snoop_for_nobody_is_gone_at_once(world: World) -> None:
    _, channel_id = await world.enters()
    status, _ = await world.ari("POST", f"/channels/{channel_id}/snoop/s1", {"spy": "in", "app": "nobody"})
    assert status == 200
    await world.becomes("/channels/s1", lambda status, _: status == 404)
