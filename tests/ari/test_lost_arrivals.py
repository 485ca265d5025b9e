"""Callers of whom no event ever told: found without a new connection, and let go; and nobody else is touched."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from otpvoice.ari import node as node_module
from otpvoice.ari import reaping
from otpvoice.ari.application import channels_in
from otpvoice.ari.channel import CallChannel
from otpvoice.ari.errors import AnswerLost
from otpvoice.ari.limit import KEPT
from otpvoice.ari.node import AsteriskNode
from tests.ari.rig import APP, Watcher, a_while, eventually, node_settings, running
from tests.ari.test_inbound import STAYS, Arrivals, a_guest, seconds_left
from tests.fakes import Call, FakeAsterisk


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_module, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(reaping, "OWNER_COMES_WITHIN", 0.1)


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals()


@pytest.fixture
async def node(asterisk: FakeAsterisk, arrivals: Arrivals) -> AsyncIterator[AsteriskNode]:
    async with running(AsteriskNode(node_settings(asterisk), arrivals)) as node:
        yield node


def unheard_of(asterisk: FakeAsterisk, data: str = APP, **variables: str) -> Call:
    asterisk.faults.drop_event("StasisStart")
    return asterisk.inbound(data, state="Ring", dialplan=STAYS, variables=variables)


async def went_on(asterisk: FakeAsterisk, call: Call) -> dict[str, str]:
    await asterisk.until(lambda: bool(call.then))
    return call.then[0].variables


@pytest.mark.parametrize("data", [APP, f'"{APP}","say=Hello, you"', f"\\{APP},a=1"])
async def test_who_came_unheard_of_goes_on_in_the_dialplan(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals, data: str
) -> None:
    call = unheard_of(asterisk, data, OTPVOICE_STATUS="completed", OTPVOICE_DELIVERED="1", OTPVOICE_CALL="call_0")
    seen = await went_on(asterisk, call)
    assert (seen["OTPVOICE_STATUS"], seen["OTPVOICE_REASON"]) == ("failed", "events_lost")
    assert (seen["OTPVOICE_DELIVERED"], seen["OTPVOICE_CALL"]) == ("0", ""), "that was the Stasis() before"
    assert not call.over
    assert not arrivals.gaps[1:], "the connection is the same"


@pytest.mark.usefixtures("node")
async def test_whose_channel_can_not_be_written_down_is_let_go_too(asterisk: FakeAsterisk) -> None:
    """An extension that is no UTF-8: ``GET /channels/{id}`` answers 200, and nothing."""
    with asterisk.faults.answer("getChannel", status=200):
        await went_on(asterisk, unheard_of(asterisk))


@pytest.mark.usefixtures("node")
async def test_who_has_an_owner_is_left_to_it(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals)
    before = len(asterisk.requested("application"))
    await asterisk.until(lambda: len(asterisk.requested("application")) > before + 2)
    assert not guest.call.then
    assert not guest.told


@pytest.mark.usefixtures("node")
async def test_whose_owner_comes_in_the_next_moment_is_left_to_it(
    asterisk: FakeAsterisk, arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaping, "OWNER_COMES_WITHIN", 0.4)
    late = asterisk.faults.hold_event("StasisStart", until="ChannelHold")
    call = asterisk.inbound(APP, state="Up", dialplan=STAYS)
    before = len(asterisk.requested("application"))
    await asterisk.until(lambda: len(asterisk.requested("application")) > before)
    call.hold()
    await eventually(lambda: arrivals.parties)
    late.lift()
    await a_while(0.6)
    assert not call.then


@pytest.mark.usefixtures("node")
async def test_who_can_not_go_on_is_hung_up(asterisk: FakeAsterisk) -> None:
    with asterisk.faults.answer("continue", status=412, body={"message": "Channel in invalid state"}):
        call = unheard_of(asterisk)
        await asterisk.until(lambda: call.over)


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "not_booted"])
@pytest.mark.parametrize("operation", ["continue", "setVariables", "getVariable", "application"])
@pytest.mark.usefixtures("node")
async def test_what_fails_is_tried_again_at_the_next_look(asterisk: FakeAsterisk, operation: str, fault: str) -> None:
    getattr(asterisk.faults, fault)(operation, times=1)
    call = unheard_of(asterisk)
    assert (await went_on(asterisk, call))["OTPVOICE_STATUS"] == "failed"
    assert not call.over
    assert len(call.then) == 1


@pytest.mark.usefixtures("node")
async def test_a_channel_that_is_in_the_dialplan_is_left_alone_and_that_is_said_once(asterisk: FakeAsterisk) -> None:
    """Its ``Stasis()`` failed (an argument was no UTF-8), and the application's subscription to it stays."""
    asterisk.faults.drop_event("StasisStart")
    call = asterisk.inbound("nobody", state="Up", dialplan=STAYS)
    with capture_logs() as logs:
        asterisk.stasis.subscribe_channel(APP, call.channel)
        await asterisk.until(lambda: len(asterisk.requested("setVariable", "setVariables")) > 2)
    assert len(call.then) == 1
    assert not call.over
    assert [line["log_level"] for line in logs if line["event"] == "ari.left_alone"] == ["info"]


async def test_an_application_that_another_client_has_is_that_one_s(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    async with node._sockets.ws_connect(asterisk.url + "/ari/events", params={"app": APP}):
        await eventually(lambda: node.replaced)
        call = unheard_of(asterisk)
        before = len(asterisk.requested("application"))
        await a_while(0.4)
        assert len(asterisk.requested("application")) == before
        assert not call.then


async def test_an_error_that_nobody_has_thought_of_is_heard_and_does_not_end_the_search(
    node: AsteriskNode, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = CallChannel.go_on
    tried = 0

    async def breaks_once(self: CallChannel) -> None:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise TypeError("nobody has thought of it")
        await works(self)

    monkeypatch.setattr(CallChannel, "go_on", breaks_once)
    with capture_logs() as logs:
        call = unheard_of(asterisk)
        await went_on(asterisk, call)
    assert [line for line in logs if line["event"] == "errand.broken"]


@pytest.mark.parametrize(("own", "after"), [(None, 0.0), ("600", 600.0), ("20", 20.0)])
async def test_the_next_life_gives_a_channel_its_own_limit_back(
    asterisk: FakeAsterisk, own: str | None, after: float
) -> None:
    """We are dead, and somebody was on the line: what was heard and pressed until then stays as it was told."""
    arrivals = Arrivals()
    async with running(AsteriskNode(node_settings(asterisk), arrivals)):
        guest = await a_guest(asterisk, arrivals, variables={"TIMEOUT(absolute)": own} if own else {})
        await guest.party.guard("call_1", 60.0)
        await guest.party.report({"OTPVOICE_DELIVERED": "1"})
        assert 0 < seconds_left(asterisk, guest.call) <= 90
    with capture_logs(processors=[merge_contextvars]) as logs:
        async with running(AsteriskNode(node_settings(asterisk, last_leg=200), Watcher())):
            seen = await went_on(asterisk, guest.call)
            await eventually(lambda: "ari.let_go" in str(logs))
    assert [line["call"] for line in logs if line["event"] == "ari.let_go"] == ["call_1"]
    assert (seen["OTPVOICE_STATUS"], seen["OTPVOICE_REASON"]) == ("failed", "app_lost")
    assert (seen["OTPVOICE_CALL"], seen["OTPVOICE_DELIVERED"]) == ("call_1", "1")
    assert seen.get(KEPT, "") == ""
    assert seconds_left(asterisk, guest.call) == pytest.approx(after, abs=2)


@pytest.mark.usefixtures("node")
async def test_a_limit_that_was_never_ours_is_not_touched(asterisk: FakeAsterisk) -> None:
    call = unheard_of(asterisk, **{"TIMEOUT(absolute)": "600"})
    await went_on(asterisk, call)
    assert seconds_left(asterisk, call) == pytest.approx(600, abs=2)


async def test_an_application_that_asterisk_has_forgotten_has_nobody(
    node: AsteriskNode, asterisk: FakeAsterisk
) -> None:
    assert await channels_in(node.rest, "never-was") == set()
    with asterisk.faults.answer("application", status=200), pytest.raises(AnswerLost):
        await channels_in(node.rest, APP)
    with asterisk.faults.answer("getChannel", status=200):
        channel = CallChannel(node.rest, "x")
        assert (await channel.state(), await channel.application()) == ("", "")
    assert (await channel.state(), await channel.application()) == (None, None)
