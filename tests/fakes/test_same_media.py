"""Media legs, with the fake and with a real Asterisk: the same messages, limits and endings."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from tests.fakes.plain_client import LEG, WITHIN, Media, told
from tests.fakes.two_worlds import Person, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_a_leg_says_when_it_comes_up(world: World) -> None:
    status, made = await world.ari("POST", "/channels/externalMedia", LEG | {"variables": {"REF": "7"}})
    assert (status, made["state"]) == (200, "Down")
    media = await world.ari.media(made["channelvars"]["MEDIA_WEBSOCKET_CONNECTION_ID"])
    start = await media.event()
    assert start.pop("channel") == made["name"]
    assert start == {
        "event": "MEDIA_START",
        "connection_id": made["channelvars"]["MEDIA_WEBSOCKET_CONNECTION_ID"],
        "channel_id": "leg",
        "format": "ulaw",
        "optimal_frame_size": 160,
        "ptime": 20,
        "channel_variables": made["channelvars"],
    }
    assert made["channelvars"]["REF"] == "7"
    events = await world.events.until("StasisStart")
    assert told(events) == ["Dial()", "Up", "Dial(ANSWER)", "StasisStart"]
    assert events[-1]["args"] == ["media", "1"]
    for connection_id, expected in ((start["connection_id"], 409), ("no-such-id", 404)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await world.ari.media(connection_id)
        assert refused.value.status == expected


async def close(media: Media, world: World) -> None:
    await media.socket.close()


async def command_hangup(media: Media, world: World) -> None:
    await media.command("HANGUP")


async def delete(media: Media, world: World) -> None:
    await world.ari("DELETE", "/channels/leg")


async def too_much(media: Media, world: World) -> None:
    await media.socket.send_bytes(bytes(66_000))


async def reset(media: Media, world: World) -> None:
    connection = media.socket._response.connection
    assert connection is not None
    assert connection.transport is not None
    connection.transport.abort()


@pytest.mark.parametrize("in_bridge", [True, False], ids=["in a bridge", "in none"])
@pytest.mark.parametrize(
    ("way", "request_cause", "tech_cause", "closed_with"),
    [(close, 16, 1001, None), (command_hangup, 16, 1000, 1000), (too_much, 38, 1001, 1009), (reset, 38, 1001, None)],
)
async def test_how_a_leg_ends(
    world: World,
    way: Callable[[Media, World], Awaitable[None]],
    request_cause: int,
    tech_cause: int,
    closed_with: int | None,
    *,
    in_bridge: bool,
) -> None:
    media = await world.ari.leg()
    await world.events.until("StasisStart")
    if in_bridge:
        await world.ari("POST", "/bridges/b")
        await world.ari("POST", "/bridges/b/addChannel", {"channel": "leg"})
        await world.events.until("ChannelEnteredBridge")
    await way(media, world)
    left = ["ChannelLeftBridge"] if in_bridge else []
    cause = request_cause if in_bridge else 0
    assert told(await world.events.until("ChannelDestroyed")) == [
        f"HangupRequest({request_cause}, {tech_cause})",
        *left,
        "StasisEnd",
        f"Destroyed({cause}, {tech_cause})",
    ]
    if closed_with is not None:
        assert (await media.socket.receive(timeout=WITHIN)).data == closed_with
    if in_bridge:
        await world.ari("DELETE", "/bridges/b")
        assert told([await world.events.next()]) == ["BridgeDestroyed"]


async def test_a_leg_is_deleted(world: World) -> None:
    media = await world.ari.leg()
    await world.events.until("StasisStart")
    await delete(media, world)
    assert told(await world.events.until("ChannelDestroyed"))[-1] == "Destroyed(16, None)"
    assert (await media.socket.receive(timeout=WITHIN)).data == 1000


async def test_a_leg_that_nobody_connected_is_deleted(world: World) -> None:
    await world.ari("POST", "/channels/externalMedia", LEG)
    # Asterisk answers first and dials in another thread: an earlier DELETE would find a leg that it has not dialled.
    assert told(await world.events.until("Dial")) == ["Dial()"]
    await world.ari("DELETE", "/channels/leg")
    assert told(await world.events.until("ChannelDestroyed")) == [
        "HangupRequest(32, None, soft)",
        "Dial(NOANSWER)",
        "Destroyed(16, None)",
    ]


async def test_marks_flow_control_and_silent_loss(world: World) -> None:
    media = await world.bridged()
    began = asyncio.get_running_loop().time()
    await media.push(5)
    await media.mark("a")
    assert await media.marks(1) == ["a"]
    # Phase and lateness of the timer: 20 ms either way.
    assert asyncio.get_running_loop().time() - began >= 0.08
    await media.command("PAUSE_MEDIA")
    await media.push(400)
    await media.push(400)
    assert (await media.status())["queue_full"] is False
    await media.push(100)
    assert (await media.event())["event"] == "MEDIA_XOFF"
    await media.push(200)
    await media.push(50)
    await media.mark("flushed away")
    status = await media.status()
    assert status == {
        "event": "STATUS",
        "channel_id": "leg",
        "queue_length": 1100,
        "xon_level": 800,
        "xoff_level": 900,
        "queue_full": True,
        "bulk_media": False,
        "media_paused": True,
    }
    await media.command("FLUSH_MEDIA")
    status = await media.status()
    assert (status["queue_length"], status["queue_full"], status["media_paused"]) == (0, True, True)
    await media.command("CONTINUE_MEDIA")
    assert (await media.event())["event"] == "MEDIA_XON"
    await media.command("START_MEDIA_BUFFERING")
    await media.socket.send_bytes(bytes(100))
    await media.command("STOP_MEDIA_BUFFERING", correlation_id="b")
    event = await media.event()
    assert (event["event"], event["correlation_id"]) == ("MEDIA_BUFFERING_COMPLETED", "b")
    await media.command("REPORT_QUEUE_DRAINED")
    assert (await media.event())["event"] == "QUEUE_DRAINED"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"command":"MARK_MEDIA","correlation_id":"x"}', "MARK_MEDIA not supported while media direction is 'in'"),
        ('{"command":"START_MEDIA_BUFFERING"}', "START_MEDIA_BUFFERING not supported while media direction is 'in'"),
        ('{"command":"CONTINUE_MEDIA"}', "CONTINUE_MEDIA not supported while media direction is 'in'"),
        (
            '{"command":"SET_MEDIA_DIRECTION","direction":"up"}',
            "'up' is not a valid direction for SET_MEDIA_DIRECTION.\n",
        ),
        ('{"command":"SET_MEDIA_DIRECTION"}', "SET_MEDIA_DIRECTION requires a 'direction' parameter.\n"),
        ("x", "Unable to parse JSON command"),
        ('{"command":"FLUSH_MEDIA"}', None),
        ('{"command":"SING"}', None),
        ('{"command":1}', None),
        ("[]", None),
        ("", None),
        ('{"command":"MARK_MEDIA","correlation_id":"' + "x" * 100 + '"}', None),
    ],
)
async def test_commands_to_a_leg_that_waits(world: World, text: str, error: str | None) -> None:
    media = await world.ari.leg()
    await media.socket.send_str(text)
    await media.command("GET_STATUS")
    event = await media.event()
    if error is None:
        assert event["event"] == "STATUS"
    else:
        assert event == {"event": "ERROR", "channel_id": "leg", "error_text": error}


@pytest.mark.parametrize(("off", "doubled"), [(0.1, False), (0.04, True)])
async def test_digits(world: World, off: float, *, doubled: bool) -> None:
    """Which of the tight digits ARI doubles varies a little; from the third on, all."""
    media = await world.bridged(Person(presses="1234567890", off=off))
    events: list[dict[str, Any]] = []
    while not (events and events[-1].get("digit") == "0"):
        events.append(await world.events.next())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            while True:
                events.append(await world.events.next())
    by_ari = "".join(event["digit"] for event in events if event["type"] == "ChannelDtmfReceived")
    assert by_ari.endswith("33445566778899" + "00") if doubled else by_ari == "1234567890"
    by_media: list[str] = []
    while len(by_media) < 10:
        event = await media.event()
        by_media += [event["digit"]] if event["event"] == "DTMF_END" else []
    assert by_media == list("1234567890")
    assert (await media.status())["event"] == "STATUS"
