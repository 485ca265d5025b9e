"""Keys that ARI presses, with the fake and with a real Asterisk: what arrives, and what they hold up meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.fakes.plain_client import told
from tests.fakes.two_callers import Arrival
from tests.fakes.two_worlds import Person, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = "12345"
"""They take 1.1 s."""
MANY = KEYS * 2


@pytest.mark.parametrize("bridged", [True, False])
async def test_keys_arrive_in_their_order_and_come_back_to_nobody(world: World, bridged: bool) -> None:
    await (world.bridged() if bridged else world.answered())
    await world.presses("1w#")
    await world.presses("2")
    await world.arrive("1#2")
    assert (await world.ari("DELETE", "/channels/c1"))[0] == 204
    kinds = [event["type"] for event in await world.events.until("ChannelDestroyed")]
    assert "ChannelDtmfReceived" not in kinds
    assert world.keys() == "1#2"


async def test_who_leaves_a_bridge_is_not_gone_before_the_keys_have_sounded(world: World) -> None:
    """Hung up by us, they go on to arrive: whoever wants to end a call must not have said all keys at once."""
    await world.bridged()
    await world.presses(KEYS)
    await world.arrive("1")
    assert (await world.ari("DELETE", "/channels/c1"))[0] == 204
    assert told(await world.events.until("ChannelLeftBridge")) == ["HangupRequest(32, None, soft)", "ChannelLeftBridge"]
    assert (await world.ari("GET", "/channels/c1"))[0] == 200
    assert told(await world.events.until("ChannelDestroyed")) == ["StasisEnd", "Destroyed(16, None)"]
    assert world.keys() == KEYS


async def test_somebody_who_hangs_up_meanwhile_in_a_bridge_is_gone_after_their_time(world: World) -> None:
    await world.bridged(Person(hangs_up=0.6))
    await world.presses(MANY)
    requested = told(await world.events.until("ChannelLeftBridge"))
    assert requested == ["HangupRequest(None, None)", "ChannelLeftBridge"]
    assert (await world.ari("GET", "/channels/c1"))[0] == 200
    assert told(await world.events.until("ChannelDestroyed")) == ["StasisEnd", "Destroyed(16, None)"]
    assert world.keys() != MANY


async def test_somebody_who_hangs_up_meanwhile_in_no_bridge_is_gone_at_once(world: World) -> None:
    """Who waits for the keys by then is told so at once, too."""
    await world.answered(Person(hangs_up=0.6))
    await world.presses(MANY)
    assert await answers(world) == (204, None)
    assert told(await world.events.until("ChannelDestroyed")) == [
        "HangupRequest(None, None)",
        "StasisEnd",
        "Destroyed(0, None)",
    ]
    assert world.keys() != MANY


async def test_in_no_bridge_our_own_hang_up_waits_for_nothing(world: World) -> None:
    await world.answered()
    await world.presses(KEYS)
    await world.arrive("1")
    assert (await world.ari("DELETE", "/channels/c1"))[0] == 204
    assert told(await world.events.until("ChannelDestroyed")) == [
        "HangupRequest(32, None, soft)",
        "StasisEnd",
        "Destroyed(16, None)",
    ]
    assert world.keys() != KEYS


# --- to be answered once more waits for the keys ----------------------------------------------------------------------


async def answers(world: World, channel: str = "c1") -> tuple[int, object]:
    return await world.ari("POST", f"/channels/{channel}/answer")


@pytest.mark.parametrize("bridged", [True, False])
async def test_a_channel_is_answered_after_the_keys_that_came_before(world: World, bridged: bool) -> None:
    await (world.bridged() if bridged else world.answered())
    began = asyncio.get_running_loop().time()
    await world.presses(KEYS)
    assert await answers(world) == (204, None)
    # A late machine makes it longer, and nothing makes it shorter.
    assert asyncio.get_running_loop().time() - began >= 1.1
    # Before, this would have cut the keys of a channel in no bridge.
    assert (await world.ari("DELETE", "/channels/c1"))[0] == 204
    await world.events.until("ChannelDestroyed")
    await world.arrive(KEYS)


async def test_that_it_is_answered_once_more_changes_nothing(world: World) -> None:
    await world.bridged()
    assert [await answers(world) for _ in range(2)] == [(204, None)] * 2
    assert (await world.ari("GET", "/channels/c1"))[1]["state"] == "Up"
    assert set((await world.ari("GET", "/bridges/b"))[1]["channels"]) == {"c1", "leg"}
    assert (await world.ari("DELETE", "/channels/c1"))[0] == 204
    assert told(await world.events.until("ChannelDestroyed")) == [
        "HangupRequest(32, None, soft)",
        "ChannelLeftBridge",
        "StasisEnd",
        "Destroyed(16, None)",
    ]


async def ordered(world: World) -> str:
    await world.bridged()
    return "c1"


async def came_in(world: World) -> str:
    _, channel = await world.enters(Arrival())
    await world.ari.leg()
    await world.events.until("StasisStart", "leg")
    await world.makes_bridge("b")
    await world.joins("b", "leg", channel)
    return channel


@pytest.mark.parametrize(
    ("somebody", "said"),
    [(ordered, (204, None)), (came_in, (500, {"message": "Failed to answer channel"}))],
)
async def test_of_a_channel_that_is_hung_up_meanwhile_it_may_say_no(
    world: World, somebody: Callable[[World], Awaitable[str]], said: tuple[int, object]
) -> None:
    channel = await somebody(world)
    await world.presses(MANY, channel)
    assert (await world.ari("DELETE", f"/channels/{channel}"))[0] == 204
    await world.events.until("ChannelLeftBridge")
    assert await answers(world, channel) == said


# --- what is refused --------------------------------------------------------------------------------------------------


async def rings(world: World) -> str:
    await world.place(Person(0))
    await world.events.until("Dial")
    return "c1"


async def is_up(world: World) -> str:
    await world.answered()
    return "c1"


async def is_nobody(world: World) -> str:
    return "nobody"


@pytest.mark.parametrize(
    ("somebody", "keys", "status", "said"),
    [
        (is_nobody, "1", 404, "Channel not found"),
        (rings, "1", 409, "Channel not in Stasis application"),
        (is_up, "", 400, "DTMF is required"),
    ],
)
async def test_keys_that_are_refused(
    world: World, somebody: Callable[[World], Awaitable[str]], keys: str, status: int, said: str
) -> None:
    channel = await somebody(world)
    assert await world.ari("POST", f"/channels/{channel}/dtmf", {"dtmf": keys}) == (status, {"message": said})
