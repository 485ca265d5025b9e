"""Calls and bridges, with the fake and with a real Asterisk: the same events, in the same order, of the same causes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import pytest

from tests.fakes.plain_client import APP, told
from tests.fakes.two_worlds import Person, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


RINGING: Final = ["Dial()", "Ringing", "Dial(RINGING)"]


def in_order(words: list[str]) -> list[str]:
    """What comes while it rings comes in any order: channels and dials are told of on different topics."""
    ringing = [word for word in RINGING if word in words]
    assert all(word in ringing for word in words[: len(ringing)])
    return ringing + words[len(ringing) :]


ANSWERED: Final = ["Dial()", "Ringing", "Dial(RINGING)", "Up", "Dial(ANSWER)", "StasisStart"]


FINAL_RESPONSES: Final = {
    302: ("NOANSWER", 23),
    403: ("NOANSWER", 21),
    404: ("NOANSWER", 1),
    410: ("NOANSWER", 22),
    420: ("CHANUNAVAIL", 3),
    480: ("NOANSWER", 19),
    484: ("NOANSWER", 28),
    486: ("BUSY", 17),
    487: ("NOANSWER", 127),
    488: ("NOANSWER", 58),
    500: ("NOANSWER", 38),
    502: ("NOANSWER", 27),
    503: ("CONGESTION", 34),
    600: ("BUSY", 17),
    603: ("NOANSWER", 21),
    604: ("NOANSWER", 1),
    607: ("NOANSWER", 127),
}


@pytest.mark.parametrize("status", FINAL_RESPONSES)
async def test_final_responses(world: World, status: int) -> None:
    dial, cause = FINAL_RESPONSES[status]
    await world.place(Person(status))
    assert told(await world.events.until("ChannelDestroyed")) == [
        "Dial()",
        f"HangupRequest({cause}, {status})",
        f"Dial({dial})",
        f"Destroyed({cause}, {status})",
    ]


Act: TypeAlias = Callable[[World], Awaitable[object]]


async def nothing(world: World) -> None:
    pass


def hang_up(**query: str) -> Act:
    async def act(world: World) -> None:
        assert (await world.ari("DELETE", "/channels/c1", **query))[0] == 204

    return act


@pytest.mark.parametrize(
    ("person", "fields", "expected"),
    [
        (Person(0), {"timeout": 1}, [*ANSWERED[:3], "Destroyed(19, 480)"]),
        (Person(-1), {"timeout": 1}, ["Dial()", "Destroyed(19, 480)"]),
        (
            Person(hangs_up=0.2),
            {},
            [*ANSWERED, "HangupRequest(None, None)", "StasisEnd", "Destroyed(0, None)"],
        ),
        (Person(), {"variables": {"TIMEOUT(absolute)": "1"}}, [*ANSWERED, "StasisEnd", "Destroyed(0, None)"]),
        (Person(), {"app": "nobody"}, None),
    ],
    ids=["ring timeout", "no reply", "callee hangs up", "absolute timeout", "no such application"],
)
async def test_calls(world: World, person: Person, fields: dict[str, Any], expected: list[str] | None) -> None:
    await world.place(person, **fields)
    if expected is None:
        await world.becomes("/channels/c1", lambda status, _: status == 404)
        return
    assert in_order(told(await world.events.until("ChannelDestroyed"))) == expected


@pytest.mark.parametrize(
    ("person", "act", "expected"),
    [
        (Person(0), hang_up(), ["HangupRequest(32, None, soft)", "Dial(NOANSWER)", "Destroyed(16, None)"]),
        (Person(), hang_up(), ["HangupRequest(32, None, soft)", "StasisEnd", "Destroyed(16, None)"]),
        (Person(), hang_up(reason="busy"), ["HangupRequest(32, None, soft)", "StasisEnd", "Destroyed(17, 486)"]),
        (Person(), hang_up(reason_code="21"), ["HangupRequest(32, None, soft)", "StasisEnd", "Destroyed(21, 403)"]),
    ],
    ids=["ringing", "answered", "busy", "21"],
)
async def test_hanging_up(world: World, person: Person, act: Act, expected: list[str]) -> None:
    await world.place(person)
    seen = told(await world.events.until("ChannelStateChange" if person.status == 0 else "StasisStart"))
    while person.status == 0 and "Dial(RINGING)" not in seen:
        seen += told(await world.events.until("Dial"))
    await act(world)
    assert told(await world.events.until("ChannelDestroyed")) == expected


async def test_hold(world: World) -> None:
    await world.answered(Person(holds=0.3))
    events = await world.events.until("ChannelUnhold")
    assert [event["type"] for event in events] == ["ChannelHold", "ChannelUnhold"]
    assert events[0]["musicclass"] == "default"


@pytest.mark.parametrize(
    ("person", "act", "first", "last"),
    [
        (Person(hangs_up=0.6), nothing, "HangupRequest(None, None)", "Destroyed(16, None)"),
        (Person(), hang_up(), "HangupRequest(32, None, soft)", "Destroyed(16, None)"),
        (Person(), hang_up(reason="busy"), "HangupRequest(32, None, soft)", "Destroyed(17, 486)"),
    ],
    ids=["by the callee", "by us", "by us, as busy"],
)
async def test_the_end_of_a_call_in_a_bridge(world: World, person: Person, act: Act, first: str, last: str) -> None:
    await world.bridged(person)
    await act(world)
    events = await world.events.until("ChannelDestroyed")
    assert told(events) == [first, "ChannelLeftBridge", "StasisEnd", last]
    assert events[1]["bridge"]["channels"] == ["leg"]


async def test_bridges(world: World) -> None:
    media = await world.bridged()
    assert (await world.ari("GET", f"/applications/{APP}"))[1]["bridge_ids"] == ["b"]
    assert sorted((await world.ari("GET", "/bridges/b"))[1]["channels"]) == ["c1", "leg"]
    assert (await world.ari("POST", "/bridges/b2", {"type": "mixing"}))[1]["technology"] == "simple_bridge"
    assert (await world.ari("POST", "/bridges/b2/addChannel", {"channel": "c1"}))[0] == 204
    assert told(await world.events.until("ChannelEnteredBridge")) == ["ChannelLeftBridge", "ChannelEnteredBridge"]
    assert (await world.ari("POST", "/bridges/b2/removeChannel", {"channel": "c1"}))[0] == 204
    assert told([await world.events.next()]) == ["ChannelLeftBridge"]
    assert (await world.ari("DELETE", "/bridges/b"))[0] == 204
    assert told([await world.events.next()]) == ["ChannelLeftBridge"]
    assert (await world.ari("GET", "/channels/leg"))[0] == 200
    assert (await media.status())["event"] == "STATUS"
