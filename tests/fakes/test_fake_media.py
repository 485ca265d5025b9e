"""Media legs: the socket, the queue seen through it, and who hears what."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import aiohttp
import pytest

from tests.fakes.call import SILENCE
from tests.fakes.media_queue import MESSAGE_MAX
from tests.fakes.plain_client import LEG, NUMBER, WITHIN, Rig, told


async def test_a_leg_comes_up(fast: Rig) -> None:
    status, made = await fast.ari("POST", "/channels/externalMedia", LEG | {"variables": {"REF": "7"}})
    connection_id = made["channelvars"]["MEDIA_WEBSOCKET_CONNECTION_ID"]
    assert (status, made["channelvars"]["MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE"]) == (200, "160")
    media = await fast.ari.media(connection_id)
    start = await media.event()
    assert start.pop("channel").startswith("WebSocket/INCOMING")
    assert start == {
        "event": "MEDIA_START",
        "connection_id": connection_id,
        "channel_id": "leg",
        "format": "ulaw",
        "optimal_frame_size": 160,
        "ptime": 20,
        "channel_variables": {"REF": "7"} | made["channelvars"],
    }
    events = await fast.events.until("StasisStart")
    assert told(events) == ["Dial()", "Up", "Dial(ANSWER)", "StasisStart"]
    assert events[-1]["args"] == ["media", "1"]

    for path, expected in ((connection_id, 409), ("no-such-id", 404)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await fast.ari.media(path)
        assert refused.value.status == expected


async def test_a_leg_that_nobody_connects_dies_after_thirty_seconds(fast: Rig) -> None:
    await fast.ari("POST", "/channels/externalMedia", LEG)
    assert told(await fast.events.until("ChannelDestroyed")) == ["Dial()", "Destroyed(19, None)"]


async def test_marks_come_back_when_what_was_before_them_was_taken(real: Rig) -> None:
    media = await real.talking_leg()
    began = asyncio.get_running_loop().time()
    await media.push(5)
    await media.mark("a")
    await media.push(3)
    await media.mark("b")
    assert await media.marks(1) == ["a"]
    assert asyncio.get_running_loop().time() - began >= 0.1
    assert await media.marks(1) == ["b"]
    assert asyncio.get_running_loop().time() - began >= 0.16
    heard = real.asterisk.callee(NUMBER).heard
    assert [after.at - before.at for before, after in itertools.pairwise(heard)] == pytest.approx([0.02] * 7)


async def test_a_mark_on_an_idle_leg_comes_back_at_the_next_tick_also_after_a_flush(real: Rig) -> None:
    media = await real.talking_leg()
    await media.push(250)
    await media.push(250)
    await media.mark("flushed away")
    await media.command("FLUSH_MEDIA")
    began = asyncio.get_running_loop().time()
    await media.mark("clean")
    assert await media.marks(1) == ["clean"]
    assert asyncio.get_running_loop().time() - began < 0.5
    status = await media.status()
    assert (status["queue_length"], status["bulk_media"], status["media_paused"]) == (0, False, False)


async def test_flow_control_and_silent_loss_beyond_a_thousand_frames(fast: Rig) -> None:
    media = await fast.talking_leg()
    await media.command("PAUSE_MEDIA")
    await media.push(400)
    await media.push(400)
    assert (await media.status())["queue_full"] is False
    await media.push(100)
    assert (await media.event())["event"] == "MEDIA_XOFF"
    await media.push(200)  # taken whole, at 900
    await media.push(50)  # lost whole, at 1100
    await media.mark("behind the loss")
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
    await media.command("CONTINUE_MEDIA")
    assert (await media.event())["event"] == "MEDIA_XON"
    assert (await media.status())["queue_length"] < 800
    assert await media.marks(1) == ["behind the loss"]
    assert len(fast.asterisk.callee(NUMBER).heard) == 1100


async def test_the_odd_end_of_a_message_is_lost_unless_buffering(fast: Rig) -> None:
    media = await fast.talking_leg()
    await media.socket.send_bytes(b"a" * 250)
    await media.command("START_MEDIA_BUFFERING")
    for _ in range(3):
        await media.socket.send_bytes(b"b" * 100)
    await media.command("STOP_MEDIA_BUFFERING", correlation_id="done")
    event = await media.event()
    assert (event["event"], event["correlation_id"]) == ("MEDIA_BUFFERING_COMPLETED", "done")
    assert fast.asterisk.callee(NUMBER).call.audio == b"a" * 160 + b"b" * 300


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ({"command": "MARK_MEDIA", "correlation_id": "x"}, "MARK_MEDIA not supported while media direction is 'in'"),
        ({"command": "PAUSE_MEDIA"}, "PAUSE_MEDIA not supported while media direction is 'in'"),
        ({"command": "SET_MEDIA_DIRECTION", "direction": "up"}, "'up' is not a valid direction"),
        ("not json", "Unable to parse JSON command"),
        ({"command": "SING"}, None),
        ({"command": "MARK_MEDIA", "correlation_id": "x" * 100}, None),
    ],
)
async def test_commands_that_a_waiting_leg_refuses_or_ignores(fast: Rig, command: Any, error: str | None) -> None:
    media = await fast.ari.leg()
    await media.socket.send_str(command if isinstance(command, str) else json.dumps(command))
    await media.command("GET_STATUS")
    event = await media.event()
    if error is None:
        assert event["event"] == "STATUS"
        assert len(fast.asterisk.complaints) == 1
    else:
        assert event["event"] == "ERROR"
        assert error in event["error_text"]


async def test_a_flush_leaves_the_pause(fast: Rig) -> None:
    media = await fast.talking_leg()
    await media.command("PAUSE_MEDIA")
    await media.push(10)
    await media.command("FLUSH_MEDIA")
    status = await media.status()
    assert (status["queue_length"], status["media_paused"]) == (0, True)


async def test_a_message_that_is_too_long_costs_the_leg(fast: Rig) -> None:
    media = await fast.talking_leg()
    await media.socket.send_bytes(bytes(MESSAGE_MAX + 1))
    message = await media.socket.receive(timeout=WITHIN)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)
    assert told(await fast.events.until("ChannelDestroyed"))[-1] == "Destroyed(38, 1001)"


async def test_a_leg_that_ended_is_forgotten(fast: Rig) -> None:
    media = await fast.ari.leg()
    await fast.events.until("StasisStart")
    fast.asterisk.faults.cut_media("leg")
    assert told(await fast.events.until("ChannelDestroyed")) == [
        "HangupRequest(38, 1001)",
        "StasisEnd",
        "Destroyed(0, 1001)",
    ]
    assert (await media.socket.receive(timeout=WITHIN)).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    assert fast.asterisk.legs == {}


async def test_only_who_is_in_the_bridge_and_not_on_hold_hears(real: Rig) -> None:
    media = await real.talking_leg()
    call = real.asterisk.callee(NUMBER).call
    await media.push(60)
    await media.mark("end")
    await real.asterisk.until(lambda: len(call.heard) == 5)
    call.hold()
    await real.asterisk.until(lambda: real.asterisk.leg("leg").queue.length <= 50)
    call.unhold()
    await real.asterisk.until(lambda: len(call.heard) >= 10)
    call.hang_up()
    count = len(call.heard)
    assert await media.marks(1) == ["end"]  # the queue drains on, to nobody
    assert len(call.heard) == count < 60


async def test_a_leg_hears_the_callee_only_while_there_is_audio(fast: Rig) -> None:
    media = await fast.talking_leg("in")
    call = fast.asterisk.callee(NUMBER).call
    call.say(b"\x01" * 400)
    await fast.asterisk.until(lambda: not call.speaking)
    await media.status()
    assert media.audio == [b"\x01" * 160, b"\x01" * 160, b"\x01" * 80]


async def test_an_open_microphone_sends_silence(fast: Rig) -> None:
    fast.asterisk.callee(NUMBER).has_open_microphone().answers()
    media = await fast.talking_leg("in")
    for _ in range(3):
        message = await media.socket.receive(timeout=WITHIN)
        assert message.data == SILENCE


async def test_a_destroyed_bridge_lets_its_channels_go(fast: Rig) -> None:
    await fast.talking_leg()
    await fast.events.until("ChannelEnteredBridge", "c1")
    assert (await fast.ari("GET", "/applications/otp"))[1]["bridge_ids"] == ["b"]
    assert (await fast.ari("DELETE", "/bridges/b"))[0] == 204
    assert told([await fast.events.next() for _ in range(2)]) == ["ChannelLeftBridge"] * 2
    assert "BridgeDestroyed" not in {event["type"] for event in fast.asterisk.events}
    assert (await fast.ari("GET", "/bridges")) == (200, [])
    assert {channel["id"] for channel in (await fast.ari("GET", "/channels"))[1]} == {"leg", "c1"}
    assert (await fast.ari("GET", "/applications/otp"))[1]["bridge_ids"] == []


async def test_bridges_are_announced_to_who_subscribed_to_all(fast: Rig) -> None:
    everything = await fast.ari.events("watcher", subscribeAll="true")
    await fast.ari("POST", "/bridges/b", {"type": "mixing", "name": "n"})
    await fast.ari("DELETE", "/bridges/b")
    assert told([await everything.next() for _ in range(2)]) == ["BridgeCreated", "BridgeDestroyed"]
