"""Keys that ARI presses, with the fake and with a real Asterisk: what arrives, and what they hold up meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.fakes.plain_client import told
from tests.fakes.two_worlds import Person, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = "12345"
"""They take 1.1 s."""


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


@pytest.mark.parametrize(("bridged", "cause"), [(True, 16), (False, 0)])
async def test_somebody_who_hangs_up_meanwhile_is_gone_after_their_time(
    world: World, bridged: bool, cause: int
) -> None:
    person = Person(hangs_up=0.6)
    await (world.bridged(person) if bridged else world.answered(person))
    await world.presses(KEYS)
    left = ["ChannelLeftBridge"] if bridged else []
    requested = told(await world.events.until("ChannelLeftBridge" if bridged else "ChannelHangupRequest"))
    assert requested == ["HangupRequest(None, None)", *left]
    assert (await world.ari("GET", "/channels/c1"))[0] == 200
    assert told(await world.events.until("ChannelDestroyed")) == ["StasisEnd", f"Destroyed({cause}, None)"]
    assert world.keys() != KEYS


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
