"""Two parties who talk, with the fake and with a real Asterisk: who hears what, whose keys are told, who is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import pytest

from tests.fakes.plain_client import Media, about, told
from tests.fakes.test_same_calls import in_order
from tests.fakes.two_callers import Caller
from tests.fakes.two_worlds import Person, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND: Final = "15550222"
TALK: Final = "mixing,dtmf_events,proxy_media"


async def with_a_leg(world: World) -> tuple[Media, Caller, str]:
    """A leg and somebody who called in the bridge ``b``."""
    media = await world.ari.leg()
    await world.events.until("StasisStart", "leg")
    await world.makes_bridge("b")
    await world.joins("b", "leg")
    await world.events.until("ChannelEnteredBridge", "leg")
    await media.command("SET_MEDIA_DIRECTION", direction="both")
    call, channel_id = await world.enters()
    await world.joins("b", channel_id)
    await world.events.until("ChannelEnteredBridge", channel_id)
    return media, call, channel_id


async def two(world: World, kind: str = TALK) -> tuple[Caller, str, Caller, str]:
    """Two who called, in the bridge ``talk``."""
    first, first_id = await world.enters()
    second, second_id = await world.enters(caller=SECOND)
    await world.makes_bridge("talk", kind)
    await world.joins("talk", first_id, second_id)
    await world.events.until("ChannelEnteredBridge", second_id)
    return first, first_id, second, second_id


async def digits(world: World, count: int) -> list[tuple[str, str]]:
    events = [(await world.events.until("ChannelDtmfReceived"))[-1] for _ in range(count)]
    return [(event["channel"]["id"], event["digit"]) for event in events]


async def heard(call: Caller, seconds: float) -> None:
    await eventually(lambda: call.heard() >= seconds)


async def keyed(call: Caller, keys: str) -> None:
    await eventually(lambda: call.digits() == keys)


async def eventually(happened: Callable[[], bool]) -> None:
    for _ in range(500):
        if happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


@pytest.mark.parametrize("kind", ["mixing", TALK, "mixing,proxy_media", "mixing,dtmf_events", "proxy_media,mixing"])
async def test_two_parties_hear_each_other_and_each_others_keys(world: World, kind: str) -> None:
    first, first_id, second, second_id = await two(world, kind)
    native = kind in {"mixing", "proxy_media,mixing"}
    technology = "native_rtp" if native else "simple_bridge"
    await world.becomes("/bridges/talk", lambda _, bridge: bridge["technology"] == technology)
    await first.speaks(0.3)
    await heard(second, 0.2)
    await second.speaks(0.3)
    await heard(first, 0.2)
    await first.press("12")
    await second.press("3#")
    await keyed(second, "12")
    await keyed(first, "3#")
    if not native:
        assert await digits(world, 4) == [(first_id, "1"), (first_id, "2"), (second_id, "3"), (second_id, "#")]
        return
    # In native RTP nobody is told of keys: the next event is a hang-up.
    await second.hang_up()
    assert told([await world.events.next()]) == ["HangupRequest(None, None)"]


async def test_tight_keys_are_doubled_for_us_and_exact_for_the_other(world: World) -> None:
    first, _, second, _ = await two(world)
    await first.press("123456", off=0.04)
    await keyed(second, "123456")
    got = "".join(digit for _, digit in await digits(world, 9))
    assert got.startswith("1")
    assert len(got) > len("123456")


async def test_the_first_party_moves_by_itself_and_back(world: World) -> None:
    media, first, first_id = await with_a_leg(world)
    second, second_id = await world.enters(caller=SECOND)
    await world.makes_bridge("talk", TALK)
    await world.joins("talk", first_id, second_id)
    events = await world.events.until("ChannelEnteredBridge", second_id)
    assert told(events) == ["ChannelLeftBridge", "ChannelEnteredBridge", "ChannelEnteredBridge"]
    assert [event["bridge"]["id"] for event in events] == ["b", "talk", "talk"]
    await second.hang_up()
    events = await world.events.until("StasisEnd", second_id)
    assert told(events) == ["HangupRequest(None, None)", "ChannelLeftBridge", "StasisEnd"]
    assert (await world.ari("GET", "/bridges/talk"))[1]["channels"] == [first_id]
    await world.joins("b", first_id)
    events = await world.events.until("ChannelEnteredBridge", first_id)
    assert [event["bridge"]["id"] for event in events] == ["talk", "b"]
    await media.push(20)
    await media.mark("m")
    assert await media.marks(1) == ["m"]
    await first.press("7")
    while (event := await media.event())["event"] != "DTMF_END":
        pass
    assert event["digit"] == "7"
    await first.hang_up()
    # Who has left a bridge alive says so at the end.
    events = await world.events.until("StasisEnd", first_id)
    assert told([event for event in events if event["type"] == "ChannelHangupRequest"]) == ["HangupRequest(16, None)"]


async def test_the_second_party_is_left_when_the_first_hangs_up(world: World) -> None:
    first, _, _, second_id = await two(world)
    await first.hang_up()
    events = await world.events.until("StasisEnd")
    assert told(events) == ["HangupRequest(None, None)", "ChannelLeftBridge", "StasisEnd"]
    assert (await world.ari("GET", "/bridges/talk"))[1]["channels"] == [second_id]
    assert (await world.ari("GET", f"/channels/{second_id}"))[1]["state"] == "Up"


async def test_a_bridge_that_is_deleted_leaves_both_in_stasis(world: World) -> None:
    first, first_id, _, second_id = await two(world)
    assert await world.ari("DELETE", "/bridges/talk") == (204, None)
    events = [await world.events.next(), await world.events.next()]
    assert told(events) == ["ChannelLeftBridge", "ChannelLeftBridge"]
    assert {event["channel"]["id"] for event in events} == {first_id, second_id}
    assert await world.ari("POST", f"/channels/{second_id}/answer") == (204, None)
    await first.hang_up()
    assert told(await world.events.until("StasisEnd")) == ["HangupRequest(16, None)", "StasisEnd"]


async def test_what_adding_refuses(world: World) -> None:
    _, first_id, _, second_id = await two(world)
    add, remove = "/bridges/talk/addChannel", "/bridges/talk/removeChannel"
    missing = (400, {"message": "Channel not found"})
    await world.makes_bridge("other")
    assert await world.ari("POST", "/bridges/other/addChannel", {"channel": f"{first_id},{second_id}"}) == missing
    assert await world.ari("POST", "/bridges/other/addChannel", {"channel": [first_id, "gone"]}) == missing
    assert (await world.ari("GET", "/bridges/other"))[1]["channels"] == []
    assert await world.ari("POST", add, {"channel": []}) == (400, {"message": "Missing parameter channel"})
    assert await world.ari("POST", "/bridges/none/addChannel", {"channel": first_id}) == (
        404,
        {"message": "Bridge not found"},
    )
    assert await world.ari("DELETE", "/bridges/none") == (404, {"message": "Bridge not found"})
    assert await world.ari("POST", remove, {"channel": first_id}) == (204, None)
    assert await world.ari("POST", remove, {"channel": first_id}) == (422, {"message": "Channel not in this bridge"})
    assert await world.ari("POST", "/bridges/other/addChannel", channel=f"{first_id},{second_id}") == (204, None)
    assert sorted((await world.ari("GET", "/bridges/other"))[1]["channels"]) == sorted([first_id, second_id])


RUNG: Final = ["Dial()", "Ringing", "Dial(RINGING)", "Up", "Dial(ANSWER)", "StasisStart"]


async def test_a_second_leg_is_dialled_while_the_first_is_with_the_media_leg(world: World) -> None:
    _, _, first_id = await with_a_leg(world)
    await world.place(Person(486), "second-1")
    assert told(await world.events.until("ChannelDestroyed", "second-1"))[-2:] == ["Dial(BUSY)", "Destroyed(17, 486)"]
    await world.place(Person(), "second-2", originator=first_id)
    assert in_order(told(await world.events.until("StasisStart", "second-2"))) == RUNG
    await world.makes_bridge("talk", TALK)
    await world.joins("talk", first_id, "second-2")
    await world.events.until("ChannelEnteredBridge", "second-2")
    await world.ari("DELETE", "/channels/second-2")
    assert told(await world.events.until("ChannelDestroyed", "second-2")) == [
        "HangupRequest(32, None, soft)",
        "ChannelLeftBridge",
        "StasisEnd",
        "Destroyed(16, None)",
    ]
    assert (await world.ari("GET", f"/channels/{first_id}"))[1]["state"] == "Up"


async def test_the_second_rings_on_when_the_first_is_gone(world: World) -> None:
    first, first_id = await world.enters()
    await world.place(Person(0), "second-2")
    await world.events.until("Dial", "second-2")
    await first.hang_up()
    await world.events.until("StasisEnd", first_id)
    assert (await world.ari("GET", "/channels/second-2"))[0] == 200
    await world.makes_bridge("talk")
    assert await world.ari("POST", "/bridges/talk/addChannel", {"channel": first_id}) == (
        400,
        {"message": "Channel not found"},
    )


LOCAL: Final = {
    "answered and over": (None, 0.3, [*RUNG, "HangupRequest(17, None)", "StasisEnd"]),
    "busy": (17, None, ["Dial()", "Dial(BUSY)", "Destroyed(0, None)"]),
    "refused": (21, None, ["Dial()", "HangupRequest(21, None)", "Dial(NOANSWER)", "Destroyed(21, None)"]),
}


@pytest.mark.parametrize(("cause", "hangs_up", "expected"), LOCAL.values(), ids=LOCAL)
async def test_a_second_leg_of_the_dialplan(
    world: World, cause: int | None, hangs_up: float | None, expected: list[str]
) -> None:
    await world.exchange.answers_locally("777", cause, hangs_up)
    status, answer = await world.ari.originate("l", endpoint="Local/777@from-trunk/n")
    assert (status, answer["name"].partition("-0")[0]) == (200, "Local/777@from-trunk")
    events = await world.events.until("ChannelDestroyed", "l")
    seen = in_order(told([event for event in events if about(event) == "l"]))
    if hangs_up is not None:
        # Asterisk forgets the cause now and then: the two halves end at the same time.
        assert seen[-1] in {"Destroyed(0, None)", "Destroyed(17, None)"}
        del seen[-1]
    assert seen == expected


async def test_a_second_leg_of_the_dialplan_that_is_not_there(world: World) -> None:
    assert (await world.ari.originate("l", endpoint="Local/999@from-trunk/n"))[0] == 200
    events = await world.events.until("ChannelDestroyed", "l")
    assert told([event for event in events if about(event) == "l"]) == ["Destroyed(0, None)"]


async def test_a_second_leg_of_the_dialplan_is_hung_up_by_us(world: World) -> None:
    await world.exchange.answers_locally("777", None, None)
    await world.ari.originate("l", endpoint="Local/777@from-trunk/n")
    await world.events.until("StasisStart", "l")
    await world.makes_bridge("t")
    await world.joins("t", "l")
    await world.events.until("ChannelEnteredBridge", "l")
    await world.ari("DELETE", "/channels/l")
    events = await world.events.until("ChannelDestroyed", "l")
    assert told([event for event in events if about(event) == "l"]) == [
        "HangupRequest(32, None, soft)",
        "ChannelLeftBridge",
        "StasisEnd",
        "Destroyed(16, None)",
    ]
