"""Each fault does what its name says, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from tests.fakes.plain_client import APP, LEG, NUMBER, WITHIN, Rig, told


async def test_an_answer_that_is_lost_after_the_call_was_placed(fast: Rig) -> None:
    fast.asterisk.callee(NUMBER).answers()
    with fast.asterisk.faults.cut_after("originate"), pytest.raises(aiohttp.ClientError):
        await fast.ari.originate()
    assert fast.asterisk.originates == {"c1": 1}
    assert (await fast.ari.originate())[0] == 409
    [lost, refused] = fast.asterisk.requested("originate")
    assert (lost.status, refused.status) == (None, 409)
    assert lost.body["appArgs"] == "out,1"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (lambda faults: faults.not_booted("originate", times=1), 503),
        (lambda faults: faults.answer("originate", status=500, body={"message": "Ouch"}, times=1), 500),
        (lambda faults: faults.cut_before("originate"), None),
        (lambda faults: faults.delay("originate", seconds=2, times=1), 200),
    ],
)
async def test_requests_that_go_wrong_once(fast: Rig, fault: Callable[[Any], Any], status: int | None) -> None:
    fast.asterisk.callee(NUMBER).never_answers()
    rule = fault(fast.asterisk.faults)
    began = fast.asterisk.clock.now()
    if status is None:
        with pytest.raises(aiohttp.ClientError):
            await fast.ari.originate("c1")
    else:
        assert (await fast.ari.originate("c1"))[0] == status
    assert fast.asterisk.originates == ({"c1": 1} if status == 200 else {})
    assert status != 200 or fast.asterisk.clock.now() - began >= 2
    assert rule.used == 1
    assert (await fast.ari.originate("c2"))[0] == 200


async def test_a_refused_connection(fast: Rig) -> None:
    async with fast.asterisk.faults.refusing():
        with pytest.raises(aiohttp.ClientConnectorError):
            await fast.ari("GET", "/asterisk/ping")
    assert (await fast.ari("GET", "/asterisk/ping"))[0] == 200


async def test_a_request_that_hangs_until_it_is_let_go(fast: Rig) -> None:
    # A POST: aiohttp's client sends a GET again by itself when a kept connection drops.
    with fast.asterisk.faults.hang("createBridge"):
        asking = asyncio.create_task(fast.ari("POST", "/bridges/b"))
        await fast.asterisk.until(lambda: bool(fast.asterisk.requested("createBridge")))
        assert (await fast.ari("GET", "/asterisk/info"))[0] == 200
        assert not asking.done()
    with pytest.raises(aiohttp.ClientError):
        await asking
    assert (await fast.ari("GET", "/bridges")) == (200, [])


async def test_a_wedged_registry_is_cured_by_a_restart_only(fast: Rig) -> None:
    media = await fast.ari.leg()
    await fast.events.until("StasisStart")
    fast.asterisk.faults.wedge_media()
    asking = asyncio.create_task(fast.ari("POST", "/channels/externalMedia", LEG | {"channelId": "leg2"}))
    await media.socket.close()
    await fast.events.until("StasisEnd")
    assert (await fast.ari("DELETE", "/channels/leg"))[0] == 204
    assert (await fast.ari("GET", "/channels/leg"))[0] == 200  # a phantom
    assert not asking.done()
    await fast.asterisk.restart()
    with pytest.raises(aiohttp.ClientError):
        await asking
    assert (await fast.ari("GET", "/channels")) == (200, [])
    fast.events = await fast.ari.events()
    await fast.ari.leg()


async def test_a_restart_forgets_everything(fast: Rig) -> None:
    media = await fast.talking_leg()
    before = (await fast.ari("GET", "/asterisk/info"))[1]["status"]["startup_time"]
    restarting = asyncio.create_task(fast.asterisk.restart(booting=4.0))
    # What was on the way is still read; no CLOSE comes, and no ChannelDestroyed.
    while (message := await fast.events.socket.receive(timeout=WITHIN)).type is aiohttp.WSMsgType.TEXT:
        assert json.loads(message.data)["type"] not in {"StasisEnd", "ChannelDestroyed"}
    assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    assert (await media.socket.receive(timeout=WITHIN)).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    assert await fast.ari("GET", "/asterisk/ping") == (503, {"message": "Asterisk not booted"})
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await fast.ari.events()
    await restarting
    assert (await fast.ari("GET", "/asterisk/info"))[1]["status"]["startup_time"] > before
    assert (await fast.ari("GET", "/channels"))[1] == (await fast.ari("GET", "/bridges"))[1] == []
    assert (await fast.ari("GET", "/applications/otp"))[0] == 404
    call = fast.asterisk.callee(NUMBER).call
    assert (call.over, call.cause) == (True, None)


@pytest.mark.parametrize("fields", [{"transport_data": "f(xml)"}, {"channelId": "c1"}], ids=["format", "taken id"])
async def test_what_kills_asterisk(fast: Rig, fields: dict[str, str]) -> None:
    await fast.answered_call()
    with pytest.raises(aiohttp.ClientError):
        await fast.ari("POST", "/channels/externalMedia", LEG | fields)
    assert fast.asterisk.calls[0].over
    assert (await fast.ari("GET", "/channels")) == (200, [])


async def test_the_events_socket_is_cut_and_the_channels_stay(fast: Rig) -> None:
    await fast.answered_call()
    fast.asterisk.faults.cut_events()
    message = await fast.events.socket.receive(timeout=WITHIN)
    assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    assert (await fast.ari("GET", "/channels/c1"))[0] == 200
    assert not fast.asterisk.stasis.active(APP)


async def test_a_black_hole_says_nothing_and_answers_no_ping(fast: Rig) -> None:
    await fast.answered_call()
    await fast.events.socket.ping()
    fast.asterisk.faults.black_hole_events()
    fast.asterisk.callee(NUMBER).call.press_now("1")
    await fast.events.socket.ping()
    with pytest.raises(TimeoutError):
        await fast.events.socket.receive(timeout=0.2)
    assert fast.asterisk.stasis.active(APP)
    second = await fast.ari.events()
    fast.asterisk.callee(NUMBER).call.press_now("2")
    assert (await second.next())["digit"] == "2"


async def test_an_event_arrives_before_the_answer_to_its_request(fast: Rig) -> None:
    fast.asterisk.callee(NUMBER).answers()
    with fast.asterisk.faults.answer_after("StasisStart", "originate"):
        asking = asyncio.create_task(fast.ari.originate())
        await fast.events.until("StasisStart")
        assert not asking.done()
        assert (await asking)[1]["state"] == "Down"


async def test_the_start_of_a_leg_overtakes_its_media_start(fast: Rig) -> None:
    fast.asterisk.faults.stasis_start_before_media_start()
    _, made = await fast.ari("POST", "/channels/externalMedia", LEG)
    media = await fast.ari.media(made["channelvars"]["MEDIA_WEBSOCKET_CONNECTION_ID"])
    reading = asyncio.create_task(media.event())
    await fast.events.until("StasisStart")
    assert not reading.done()
    assert (await reading)["event"] == "MEDIA_START"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (lambda faults: faults.repeat_event("ChannelDestroyed"), ["Start", "End", "Destroyed", "Destroyed"]),
        (lambda faults: faults.drop_event("StasisEnd"), ["Start", "Destroyed"]),
        (
            lambda faults: faults.hold_event("StasisStart", until="ChannelDestroyed"),
            ["End", "Destroyed", "Start"],
        ),
    ],
)
async def test_events_twice_lost_and_in_the_wrong_order(
    fast: Rig, fault: Callable[[Any], Any], expected: list[str]
) -> None:
    fault(fast.asterisk.faults)
    fast.asterisk.callee(NUMBER).answers().hangs_up(after=0.1)
    await fast.ari.originate()
    await fast.asterisk.until(lambda: bool(fast.asterisk.calls) and fast.asterisk.calls[0].over)
    words = [event["type"].removeprefix("Stasis").removeprefix("Channel") for event in fast.asterisk.events]
    assert [word for word in words if word in {"Start", "End", "Destroyed"}] == expected


async def test_a_digit_crosses_a_flush(fast: Rig) -> None:
    media = await fast.talking_leg()
    fast.asterisk.faults.digit_in_mid_flush(fast.asterisk.callee(NUMBER).call, "5")
    await media.push(100)
    await media.command("FLUSH_MEDIA")
    assert (await media.event())["digit"] == "5"
    assert (await media.status())["queue_length"] == 0


async def test_marks_that_never_come_back(fast: Rig) -> None:
    media = await fast.talking_leg()
    with fast.asterisk.faults.lose_marks("b"):
        for name in "abc":
            await media.push(1)
            await media.mark(name)
        assert await media.marks(2) == ["a", "c"]


async def test_a_leg_dies_while_it_waits(fast: Rig) -> None:
    media = await fast.ari.leg()
    await fast.events.until("StasisStart")
    fast.asterisk.faults.kill_leg("leg")
    assert (await media.socket.receive(timeout=WITHIN)).type is aiohttp.WSMsgType.CLOSE
    assert told(await fast.events.until("ChannelDestroyed"))[-1] == "Destroyed(0, None)"
