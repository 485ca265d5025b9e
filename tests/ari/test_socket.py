"""The events socket: whatever comes over it, it is read on; when it is dead that shows within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from otpvoice.ari import errors
from otpvoice.ari import socket as module
from otpvoice.ari.rest import new_http
from otpvoice.ari.router import AriEvent
from otpvoice.ari.socket import EventsSocket
from tests.ari.rig import APP, OWN_APP, WITHIN, eventually
from tests.fakes import FakeAsterisk


@pytest.fixture
async def http(asterisk: FakeAsterisk) -> AsyncIterator[aiohttp.ClientSession]:
    async with new_http(asterisk.user, asterisk.password) as http:
        yield http


class Reading:
    """A socket that is being read, and what came."""

    def __init__(self, http: aiohttp.ClientSession, asterisk: FakeAsterisk) -> None:
        self.socket = EventsSocket(http, asterisk.url + "/", (APP, OWN_APP))
        self.events: list[AriEvent] = []
        self.task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        await self.socket.connect()
        self.task = asyncio.create_task(self.socket.read(self.events.append))

    async def ended(self, within: float = WITHIN) -> float:
        """Wait until ``read`` has returned; return how long that took."""
        assert self.task is not None
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.timeout(within):
            await self.task
        return loop.time() - began


@pytest.fixture
async def reading(http: aiohttp.ClientSession, asterisk: FakeAsterisk) -> AsyncIterator[Reading]:
    reading = Reading(http, asterisk)
    await reading.begin()
    yield reading
    assert reading.task is not None
    reading.task.cancel()
    await asyncio.gather(reading.task, return_exceptions=True)


def says(asterisk: FakeAsterisk, text: str | bytes) -> None:
    """Asterisk writes this on its events sockets."""
    for outbox in asterisk.stasis.sockets:
        outbox.send(text)


async def test_one_socket_serves_both_applications(reading: Reading, asterisk: FakeAsterisk) -> None:
    assert asterisk.stasis.active(APP)
    assert asterisk.stasis.active(OWN_APP)
    assert len(asterisk.requested("events")) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="half a message"),
        pytest.param("[]", id="no object"),
        pytest.param('{"type": 1}', id="a type that is none"),
        pytest.param("{}", id="no type"),
        pytest.param("null", id="null"),
        pytest.param("[" * 100_000, id="deeper than anybody needs"),
        pytest.param('"\\ud800"', id="half a character"),
    ],
)
async def test_what_is_no_event_is_counted_and_left(reading: Reading, asterisk: FakeAsterisk, text: str) -> None:
    says(asterisk, text)
    says(asterisk, '{"type": "SomethingNew", "added": {"in": "Asterisk 23"}}')
    await eventually(lambda: reading.events)
    assert [event["type"] for event in reading.events] == ["SomethingNew"]
    assert reading.socket.malformed == 1


async def test_binary_frames_are_left_alone(reading: Reading, asterisk: FakeAsterisk) -> None:
    says(asterisk, b"\x00\x01")
    says(asterisk, '{"type": "Next"}')
    await eventually(lambda: reading.events)


async def test_a_listener_that_breaks_loses_its_event_and_no_other(
    http: aiohttp.ClientSession, asterisk: FakeAsterisk
) -> None:
    """An event that lacks a field is a fault of one event, not of the calls on this connection."""
    seen: list[str] = []

    def route(event: AriEvent) -> None:
        seen.append(event["channel"]["id"])

    socket = EventsSocket(http, asterisk.url, (APP,))
    await socket.connect()
    task = asyncio.create_task(socket.read(route))
    says(asterisk, '{"type": "StasisStart"}')
    says(asterisk, '{"type": "StasisStart", "channel": {"id": "c1"}}')
    await eventually(lambda: seen or task.done())
    assert seen == ["c1"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_reset_ends_it(reading: Reading, asterisk: FakeAsterisk) -> None:
    asterisk.faults.cut_events()
    await reading.ended()


async def test_a_close_ends_it(reading: Reading, asterisk: FakeAsterisk) -> None:
    for outbox in asterisk.stasis.sockets:
        outbox.close(1001)
    await reading.ended()


async def test_a_message_beyond_all_measure_ends_it(
    http: aiohttp.ClientSession, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_EVENT", 1000)
    reading = Reading(http, asterisk)
    await reading.begin()
    says(asterisk, '{"type": "Huge", "x": "' + "x" * 2000 + '"}')
    await reading.ended()


async def test_a_connection_that_falls_silent_is_given_up_in_time(
    http: aiohttp.ClientSession, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No FIN, no events, no PONG: so many seconds after the last sign of life, and not at the ping that follows."""
    monkeypatch.setattr(module, "PING_EVERY", 0.4)
    monkeypatch.setattr(module, "SILENT_AFTER", 0.5)
    reading = Reading(http, asterisk)
    await reading.begin()
    says(asterisk, '{"type": "Next"}')
    await eventually(lambda: reading.events)
    asterisk.faults.black_hole_events()
    assert 0.4 < await reading.ended() < 0.7
    assert asterisk.stasis.active(OWN_APP), "Asterisk believes that it is still there"


async def test_a_connection_without_events_stays_while_pings_come_back(
    http: aiohttp.ClientSession, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_EVERY", 0.05)
    monkeypatch.setattr(module, "SILENT_AFTER", 0.15)
    reading = Reading(http, asterisk)
    await reading.begin()
    assert reading.task is not None
    done, _ = await asyncio.wait({reading.task}, timeout=0.4)
    assert not done
    says(asterisk, '{"type": "Next"}')
    await eventually(lambda: reading.events)
    await reading.socket.close()
    await reading.ended()


async def test_the_silence_that_is_suffered_is_ten_seconds_and_no_more() -> None:
    assert (module.PING_EVERY, module.SILENT_AFTER) == (5.0, 10.0)


async def test_a_booting_asterisk_is_unreachable(http: aiohttp.ClientSession, asterisk: FakeAsterisk) -> None:
    asterisk.booting = True
    with pytest.raises(errors.NotBooted):
        await EventsSocket(http, asterisk.url, (APP,)).connect()


async def test_wrong_credentials_are_refused(asterisk: FakeAsterisk) -> None:
    async with new_http(asterisk.user, "wrong") as http:
        with pytest.raises(errors.Refused) as refused:
            await EventsSocket(http, asterisk.url, (APP,)).connect()
    assert refused.value.status == 401


async def test_a_refused_connection_is_unreachable(http: aiohttp.ClientSession, asterisk: FakeAsterisk) -> None:
    async with asterisk.faults.refusing():
        with pytest.raises(errors.Unreachable):
            await EventsSocket(http, asterisk.url, (APP,)).connect()


async def test_reading_before_connecting_is_a_mistake(http: aiohttp.ClientSession, asterisk: FakeAsterisk) -> None:
    with pytest.raises(RuntimeError):
        await EventsSocket(http, asterisk.url, (APP,)).read(lambda _: None)
