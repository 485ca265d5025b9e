"""Applications, variables and refusals, with the fake and with a real Asterisk: the same answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.plain_client import APP, LEG, told
from tests.fakes.two_worlds import Person, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_applications(world: World) -> None:
    assert await world.ari("PUT", f"/applications/{APP}/eventFilter", {"disallowed": [{"type": "Dial"}]}) == (
        200,
        {
            "name": APP,
            "channel_ids": [],
            "bridge_ids": [],
            "endpoint_ids": [],
            "events_allowed": [],
            "events_disallowed": [{"type": "Dial"}],
        },
    )
    await world.place(Person())
    assert told(await world.events.until("StasisStart")) == ["Ringing", "Up", "StasisStart"]
    second = await world.ari.events(f"other,{APP}")
    assert told([await world.events.next()]) == ["ApplicationReplaced"]
    await world.events.socket.close()
    await world.ari("DELETE", "/channels/c1")
    assert told(await second.until("ChannelDestroyed"))[-1] == "Destroyed(16, None)"


async def test_variables(world: World) -> None:
    await world.answered()
    path = "/channels/c1/variable"
    assert await world.ari("GET", path, variable="TIMEOUT(absolute)") == (200, {"value": "0"})
    assert (await world.ari("POST", path, variable="TIMEOUT(absolute)", value="100"))[0] == 204
    left = (await world.ari("GET", path, variable="TIMEOUT(absolute)"))[1]["value"]
    assert 90 < float(left) <= 100
    assert (await world.ari("POST", path, {"variable": "A", "value": "1"}))[0] == 204
    assert await world.ari("GET", path, variable="A") == (200, {"value": "1"})
    assert (await world.ari("POST", path, variable="NO_SUCH_FUNCTION(x)", value="1"))[0] == 204
    assert await world.ari("GET", path, variable="CHANNEL(state)") == (200, {"value": "Up"})


@pytest.mark.parametrize(
    ("request_line", "body", "status", "answer"),
    [
        ("POST /channels/c2", {"endpoint": "PJSIP/1@nowhere", "app": APP}, 500, {"error": "Allocation failed"}),
        ("POST /channels/c2", {"endpoint": "SIP/1@trunk", "app": APP}, 500, {"error": "Allocation failed"}),
        ("POST /channels/c1", {"endpoint": "PJSIP/1@trunk", "app": APP}, 409, "already exists"),
        ("POST /channels", {"endpoint": "PJSIP/1@trunk", "app": APP, "channelId": "c1"}, 409, "already exists"),
        ("POST /channels/c2", {"endpoint": "PJSIP/1@trunk", "app": APP, "variables": {"A": 1}}, 400, "must be a"),
        ("POST /channels/c2", {"endpoint": "PJSIP/1@trunk"}, 400, "Application or extension"),
        ("POST /channels/c2", {"app": APP}, 400, "Endpoint must"),
        (f"POST /channels/{'x' * 150}", {"endpoint": "PJSIP/1@trunk", "app": APP}, 400, "maximum of 149"),
        ("GET /channels/nobody", None, 404, "Channel not found"),
        ("DELETE /channels/nobody", None, 404, "Channel not found"),
        ("DELETE /channels/c1?reason=tired", None, 400, "Invalid reason"),
        ("POST /channels/ringing/answer", None, 409, "not in Stasis"),
        ("POST /channels/nobody/answer", None, 404, "Channel not found"),
        ("GET /channels/c1/variable?variable=NONE", None, 404, "variable was not found"),
        ("GET /channels/c1/variable?variable=SHELL(ls)", None, 500, "Unable to read"),
        ("POST /channels/ringing/variable?variable=A&value=1", None, 409, "not in Stasis"),
        ("GET /bridges/none", None, 404, "Bridge not found"),
        ("POST /bridges/none/addChannel", {"channel": "c1"}, 404, "Bridge not found"),
        ("POST /bridges/b/addChannel", {"channel": "nobody"}, 400, "Channel not found"),
        ("POST /bridges/b/addChannel", {"channel": "ringing"}, 422, "not in Stasis"),
        ("POST /bridges/b/addChannel", {}, 400, "Missing parameter"),
        ("POST /bridges/b/removeChannel", {"channel": "c1"}, 422, "not in this bridge"),
        ("POST /bridges/b", None, 409, "already exists"),
        ("GET /applications/none", None, 404, "Application not found"),
        ("PUT /applications/otp/eventFilter", {"allowed": ["Dial"]}, 400, "Invalid format"),
        ("POST /channels/externalMedia", LEG | {"encapsulation": "rtp"}, 400, "must be 'none'"),
        ("POST /channels/externalMedia", LEG | {"format": "mp3"}, 500, "internal error"),
        ("POST /channels/externalMedia", LEG | {"direction": "up"}, 400, "Invalid direction"),
        ("GET /nothing", None, 404, "Resource not found"),
        ("PUT /channels/c1", None, 405, "Invalid method"),
    ],
)
async def test_what_is_refused(world: World, request_line: str, body: Any, status: int, answer: Any) -> None:
    await world.answered()
    await world.place(Person(0), "ringing")
    await world.ari("POST", "/bridges/b")
    method, path = request_line.split()
    code, said = await world.ari(method, path, body)
    assert code == status
    assert said == answer if isinstance(answer, dict) else answer in said["message"]
