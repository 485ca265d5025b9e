"""One Asterisk, kept connected: what is done at each connection, and what becomes of what was there before."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from otpvoice.ari import backoff as backoff_module
from otpvoice.ari import node as module
from otpvoice.ari import reaping
from otpvoice.ari import socket as socket_module
from otpvoice.ari.events import UNWANTED
from otpvoice.ari.leg import bridge_of
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.rest import AriRest, new_http
from tests.ari.rig import (
    APP,
    NUMBER,
    ORDER,
    OWN_APP,
    PREFIX,
    Watcher,
    a_node,
    a_while,
    eventually,
    leg_channels,
    node_settings,
    running,
)
from tests.fakes import FakeAsterisk


@pytest.fixture
async def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
async def node(asterisk: FakeAsterisk, watcher: Watcher) -> AsyncIterator[AsteriskNode]:
    async with a_node(asterisk, watcher) as node:
        yield node


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back at once."""
    monkeypatch.setattr(backoff_module, "FIRST", 0.02)


HALF_OF_FIVE = sum(0.02 * 2**attempt for attempt in range(5)) / 2
"""Seconds between the first and the sixth try with that, when chance shortens each wait by a half."""


def filters(asterisk: FakeAsterisk) -> list[str]:
    return [request.id for request in asterisk.requested("eventFilter") if request.status == 200]


async def back(node: AsteriskNode, watcher: Watcher, times: int = 2) -> None:
    """Wait until the node has been connected so often, and is."""
    await eventually(lambda: len(watcher.gaps) >= times and node.connected)


# --- connecting -------------------------------------------------------------------------------------------------------


async def test_the_events_that_nobody_needs_are_filtered_for_both_applications_at_each_connection(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk, quickly: None
) -> None:
    assert filters(asterisk) == [APP, OWN_APP]
    asterisk.faults.cut_events()
    await back(node, watcher)
    assert filters(asterisk) == [APP, OWN_APP] * 2
    for name in (APP, OWN_APP):
        app = asterisk.stasis.find(name)
        assert app is not None
        assert sorted(app.disallowed) == sorted(UNWANTED)
        assert app.allowed == [], "a list of allowed types drops what it does not name"


async def test_nothing_is_made_before_the_filter_is_set_and_the_past_is_reaped(asterisk: FakeAsterisk) -> None:
    async with a_node(asterisk):
        done = [request.operation for request in asterisk.requests]
        assert done.index("externalMedia") > max(
            done.index("eventFilter"), done.index("application"), done.index("listBridges")
        )


async def test_a_node_says_why_it_is_not_ready(asterisk: FakeAsterisk) -> None:
    async with asterisk.faults.refusing(), a_node(asterisk, connected=False) as node:
        assert not node.ready
        assert node.reason == "not connected yet"
        await eventually(lambda: "not connected" not in node.reason)
        assert not node.ready


async def test_an_asterisk_that_boots_is_asked_again_and_again_with_growing_patience(
    asterisk: FakeAsterisk, quickly: None
) -> None:
    asterisk.booting = True
    async with a_node(asterisk, connected=False) as node:
        await eventually(lambda: len(asterisk.requested("events")) == 6)
        asked = [request.at for request in asterisk.requested("events")]
        assert asked[-1] - asked[0] >= HALF_OF_FIVE
        assert not node.connected
        asterisk.booting = False
        await eventually(lambda: node.ready and node.pool.free)


async def test_rest_that_fails_while_the_socket_is_fine_is_asked_with_growing_patience_too(
    asterisk: FakeAsterisk, quickly: None
) -> None:
    asterisk.faults.not_booted("eventFilter", times=5)
    async with a_node(asterisk) as node:
        asked = [request.at for request in asterisk.requested("events")]
        assert len(asked) == 6
        assert asked[-1] - asked[0] >= HALF_OF_FIVE
        assert node.ready


async def test_who_was_connected_comes_back_at_once(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk
) -> None:
    """Patience grows with failures alone."""
    for times in (2, 3, 4, 5):
        asterisk.faults.cut_events()
        await back(node, watcher, times)
    asked = [request.at for request in asterisk.requested("events")]
    assert asked[-1] - asked[-2] < 0.4


async def test_a_socket_that_drops_during_reconciliation_is_no_harm(asterisk: FakeAsterisk, quickly: None) -> None:
    with asterisk.faults.hang("info", times=1):
        async with a_node(asterisk, connected=False) as node:
            await asterisk.until(lambda: bool(asterisk.requested("info")))
            asterisk.faults.cut_events()
            await eventually(lambda: node.ready)


@pytest.mark.parametrize("text", ["{", '{"type": "New"}', '{"type": "ChannelDestroyed", "channel": {"id": "ID"}}'])
async def test_an_event_that_nobody_understands_ends_nothing(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk, text: str
) -> None:
    """The last one lacks its time, and is about a channel that somebody listens to."""
    node.router.register("c1", lambda event: watcher.strangers.append({"at": event["timestamp"]}))
    for outbox in asterisk.stasis.sockets:
        outbox.send(text.replace("ID", "c1"))
        outbox.send(json.dumps({"type": "Next"}))
    await eventually(lambda: any(event.get("type") == "Next" for event in watcher.strangers))
    assert node.ready


# --- losing the connection --------------------------------------------------------------------------------------------


async def test_a_cut_socket_is_back_at_once_and_nothing_is_lost(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk
) -> None:
    legs = leg_channels(asterisk)
    asterisk.faults.cut_events()
    await eventually(lambda: not node.ready)
    assert "socket was lost" in node.reason
    await back(node, watcher)
    assert (node.ready, node.reason) == (True, "")
    assert watcher.gaps[-1] == (set(legs), False)
    assert leg_channels(asterisk) == legs, "the same Asterisk, the same legs"
    assert watcher.lost == 0


async def test_a_silent_socket_is_noticed_and_replaced(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_module, "PING_EVERY", 0.05)
    monkeypatch.setattr(socket_module, "SILENT_AFTER", 0.1)
    asterisk.faults.cut_events()  # a new socket, with the new times
    await back(node, watcher)
    asterisk.faults.black_hole_events()
    await back(node, watcher, times=3)
    assert node.ready
    assert not node.replaced, "the ApplicationReplaced of our own new socket goes to the old one"


async def test_the_calls_are_given_up_when_asterisk_stays_away(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOST_AFTER", 0.2)
    async with asterisk.faults.refusing():
        await eventually(lambda: watcher.lost)
    assert watcher.lost == 1
    await eventually(lambda: node.ready)


async def test_a_short_absence_gives_nothing_up(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOST_AFTER", 0.5)
    for times in (2, 3, 4):
        asterisk.faults.cut_events()
        await back(node, watcher, times)
    await a_while(0.6)
    assert watcher.lost == 0


async def test_another_asterisk_is_told_from_the_same(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk
) -> None:
    before = leg_channels(asterisk)
    await asterisk.restart()
    await back(node, watcher)
    assert watcher.gaps == [(set(), False), (set(), True)]
    await eventually(lambda: node.pool.free == 1)
    assert len(leg_channels(asterisk)) == 1
    assert leg_channels(asterisk) != before


# --- reaping ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def former_life(asterisk: FakeAsterisk) -> AsyncIterator[None]:
    """What a process that is about to die has there: a call that rings, a leg in its bridge, an empty bridge."""
    leg = {"channelId": f"{PREFIX}1", "app": OWN_APP, "transport": "websocket", "encapsulation": "none"}
    leg |= {"connection_type": "server", "format": "ulaw", "transport_data": "f(json)d(in)"}
    asterisk.callee(NUMBER).never_answers()
    async with (
        new_http(asterisk.user, asterisk.password) as http,
        http.ws_connect(f"{asterisk.url}/ari/events", params={"app": f"{APP},{OWN_APP}"}),
    ):
        rest = AriRest(http, asterisk.url)
        await rest.post("channels/call_former-1", ORDER)
        variables = (await rest.post("channels/externalMedia", leg))["channelvars"]
        async with http.ws_connect(f"{asterisk.url}/media/{variables['MEDIA_WEBSOCKET_CONNECTION_ID']}"):
            await asterisk.until(lambda: asterisk.switch.channels[f"{PREFIX}1"].app == OWN_APP)
            for bridge in (bridge_of(f"{PREFIX}1"), bridge_of(f"{PREFIX}0"), "somebody-else"):
                await rest.post(f"bridges/{bridge}")
            await rest.post(f"bridges/{bridge_of(f'{PREFIX}1')}/addChannel", {"channel": f"{PREFIX}1"})
            asterisk.faults.cut_events()
            yield


async def test_what_a_former_life_has_left_is_gone_before_anything_new_is_made(asterisk: FakeAsterisk) -> None:
    asterisk.enters("dialplan", caller="15550199", channel_id="stranger")
    async with former_life(asterisk), a_node(asterisk) as node:
        [ours] = leg_channels(asterisk)
        assert ours != f"{PREFIX}1", "an id that is in use would end Asterisk"
        assert set(asterisk.switch.channels) == {ours, "stranger"}
        assert set(asterisk.switch.bridges) == {bridge_of(ours), "somebody-else"}
        assert node.pool.free == 1
        events = [(event["type"], event.get("channel", {}).get("id")) for event in asterisk.events]
        ended = events.index(("ChannelDestroyed", f"{PREFIX}1"))
        assert ended < events.index(("StasisStart", ours))
        assert asterisk.callee(NUMBER).call.over


OUR_BRIDGES = (f"{PREFIX}99-bridge", "otpvoice-a-talk-call_1-2", "otpvoice-a-talk-call_1-3")
OTHERS_BRIDGES = (
    "otpvoice-a-leg-leg-99-bridge",
    "otpvoice-a-leg-5-talk-call_1-2",
    "otpvoice-a-talk-call_1-leg-7-bridge",
    "otpvoice-aa-leg-99-bridge",
    "somebody-else",
)
"""Those of instances whose names begin with ours."""


async def test_what_nobody_owns_after_a_gap_is_reaped_and_what_somebody_owns_stays(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk, quickly: None
) -> None:
    asterisk.callee(NUMBER).never_answers()
    for channel in ("ours-1", "nobodys-1"):
        node.router.register(channel, lambda _: None)
        await node.rest.post(f"channels/{channel}", ORDER)
    for bridge in OUR_BRIDGES + OTHERS_BRIDGES:
        await node.rest.post(f"bridges/{bridge}")
    node.router.register("otpvoice-a-talk-call_1-3", lambda _: None)
    node.router.forget("nobodys-1")
    asterisk.faults.cut_events()
    await back(node, watcher)
    [leg] = leg_channels(asterisk)
    assert set(asterisk.switch.channels) == {leg, "ours-1"}
    assert set(asterisk.switch.bridges) == {bridge_of(leg), "otpvoice-a-talk-call_1-3", *OTHERS_BRIDGES}


async def test_a_stranger_in_our_own_application_is_hung_up(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk
) -> None:
    """An order that was given up as lost, and carried out in the end: nobody would speak to whoever picks up."""
    asterisk.callee(NUMBER).never_answers()
    await node.rest.post("channels/call_late-1", ORDER)
    await asterisk.until(lambda: asterisk.callee(NUMBER).call.over)
    assert "call_late-1" not in asterisk.switch.channels


async def test_the_other_half_of_a_local_channel_has_an_owner(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk, quickly: None
) -> None:
    """Of a trunk like ``Local/{number}@context``: Asterisk tells of both halves, and we have registered one."""
    asterisk.callee(NUMBER).never_answers()
    node.router.register("call_1-1", lambda _: None)
    for half in ("call_1-1", "call_1-1%3B2", "call_2-1%3B2"):
        await node.rest.post(f"channels/{half}", ORDER)
    await asterisk.until(lambda: "call_2-1;2" not in asterisk.switch.channels)
    asterisk.faults.cut_events()
    await back(node, watcher)
    assert set(asterisk.switch.channels) - set(leg_channels(asterisk)) == {"call_1-1", "call_1-1;2"}


async def test_a_caller_from_the_dialplan_is_nobodys_orphan(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk
) -> None:
    call = asterisk.enters(APP, caller="15550199")
    await eventually(lambda: [event["type"] for event in watcher.strangers] == ["StasisStart"])
    asterisk.faults.cut_events()
    await back(node, watcher)
    assert not call.over


async def test_legs_that_do_not_go_keep_nobody_waiting_for_each_of_them(
    asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wedged Asterisk keeps its phantoms: many of them cost no more time than one."""
    monkeypatch.setattr(reaping, "GONE_TRIES", 4)
    async with a_node(asterisk, legs_minimum=8, legs_maximum=8):
        asterisk.faults.wedge_media()
    assert len(leg_channels(asterisk)) == 8
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with a_node(asterisk, connected=False) as node:
        await eventually(lambda: node.connected)
        assert loop.time() - began < 8 * 4 * reaping.GONE_EVERY


# --- another client with our name -------------------------------------------------------------------------------------


@asynccontextmanager
async def taken_over(asterisk: FakeAsterisk, apps: str) -> AsyncIterator[None]:
    async with (
        new_http(asterisk.user, asterisk.password) as http,
        http.ws_connect(f"{asterisk.url}/ari/events", params={"app": apps}),
    ):
        yield


@pytest.mark.parametrize("apps", [APP, f"{APP},{OWN_APP}"])
async def test_whoever_takes_our_name_has_it(
    node: AsteriskNode, watcher: Watcher, asterisk: FakeAsterisk, apps: str
) -> None:
    async with taken_over(asterisk, apps):
        await eventually(lambda: node.replaced)
        assert not node.ready
        assert "taken over" in node.reason
        assert len(asterisk.requested("events")) == 2


async def test_a_client_that_was_replaced_does_not_come_back_to_take_its_name_again(
    asterisk: FakeAsterisk, watcher: Watcher, quickly: None
) -> None:
    """Two that take it from each other would both stand down in the end."""
    node = AsteriskNode(node_settings(asterisk), watcher)
    run = asyncio.create_task(node.run())
    await eventually(lambda: node.ready)
    async with taken_over(asterisk, f"{APP},{OWN_APP}"):
        await eventually(lambda: node.replaced)
        asterisk.server.reset()
        async with asyncio.timeout(5):
            await run
    assert watcher.lost == 1, "nothing comes back, so the calls are given up at once"
    assert node.replaced
    assert not node.connected
    assert "taken over" in node.reason
    assert len(asterisk.requested("events")) == 2
    await node.disconnect()


async def test_a_client_whose_own_application_was_taken_leaves_everything_there_alone(
    asterisk: FakeAsterisk, watcher: Watcher
) -> None:
    """The other has the same instance name, so its legs may have the ids of ours."""

    def touched() -> int:
        return len(asterisk.requested("hangup", "destroyBridge", "externalMedia"))

    async with a_node(asterisk, watcher) as old, a_node(asterisk, legs_minimum=2) as new:
        await eventually(lambda: old.replaced)
        channels, before = set(asterisk.switch.channels), touched()
        await eventually(lambda: not old.connected)
        await a_while(0.3)
        assert set(asterisk.switch.channels) == channels
        assert touched() == before
        assert new.ready
        assert new.pool.free == 2


# --- closing ----------------------------------------------------------------------------------------------------------


async def test_a_node_that_is_closed_leaves_nothing_in_asterisk(asterisk: FakeAsterisk, watcher: Watcher) -> None:
    node = AsteriskNode(node_settings(asterisk, legs_minimum=3), watcher)
    async with running(node):
        await node.close()
        assert leg_channels(asterisk) == []
        assert asterisk.switch.bridges == {}


async def test_a_node_that_was_never_connected_closes_at_once(asterisk: FakeAsterisk) -> None:
    async with asterisk.faults.refusing(), a_node(asterisk, connected=False) as node:
        async with asyncio.timeout(1):
            await node.close()
