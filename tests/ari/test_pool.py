"""The pool of media legs: ahead of need, one at a time, and none is used again that is not proven clean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from otpvoice.ari import errors, making
from otpvoice.ari import pool as module
from otpvoice.ari.leg import MediaLeg, bridge_of
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.pool import LegPool, NoLegFree
from tests.ari.rig import NUMBER, PREFIX, a_call_on, a_node, a_while, eventually, leg_channels
from tests.fakes import FakeAsterisk, Request
from tests.fakes.channels import Json
from tests.fakes.media_socket import MediaLeg as FakeLeg


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Legs come up within 5 ms here; the product's patience is tested as a number."""
    monkeypatch.setattr(making, "COMES_UP_WITHIN", 0.3)
    monkeypatch.setattr(making, "GONE_WITHIN", 0.3)
    monkeypatch.setattr(module, "LEFT_WITHIN", 0.1)
    monkeypatch.setattr(module, "RETRY", 0.02)


@pytest.fixture
async def node(asterisk: FakeAsterisk) -> AsyncIterator[AsteriskNode]:
    """Two legs are kept free; there are never more than five."""
    async with a_node(asterisk, legs_minimum=2, legs_maximum=5) as node:
        yield node


@pytest.fixture
def pool(node: AsteriskNode) -> LegPool:
    return node.pool


async def full(pool: LegPool, free: int, taken: int) -> None:
    """Wait until so many legs are there, and nothing more is to be done."""
    await eventually(lambda: (pool.free, pool.taken) == (free, taken))


async def used(leg: MediaLeg) -> MediaLeg:
    """A leg over which something was said."""
    await leg.open()
    return leg


class Journal:
    """When legs come and go, on a fake whose legs take a moment to die.

    A leg comes from its order to its StasisStart, and goes from our CLOSE or DELETE to its ChannelDestroyed.
    """

    def __init__(self, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.came = self.went = 0
        self.coming: set[str] = set()
        self.going: set[str] = set()
        self.overlaps: list[str] = []
        journal, hang_up = self, FakeLeg._hang_up

        def slowly(leg: FakeLeg, cause: int, tech_cause: int, *, close: int | None = None) -> None:
            journal.goes(leg.channel.id)
            asterisk.clock.later(0.02, lambda: hang_up(leg, cause, tech_cause, close=close))

        class Requests(list[Request]):
            def append(self, request: Request) -> None:
                super().append(request)
                leg = request.path.rpartition("/")[2]
                if request.operation == "hangup" and leg in asterisk.switch.channels and leg.startswith(PREFIX):
                    journal.goes(leg)
                elif request.operation == "externalMedia":
                    journal.comes()

        class Events(list[Json]):
            def append(self, event: Json) -> None:
                super().append(event)
                leg = str((event.get("channel") or {}).get("id"))
                if leg.startswith(PREFIX) and event["type"] == "StasisStart":
                    journal.coming.clear()
                    journal.came += 1
                elif leg.startswith(PREFIX) and event["type"] == "ChannelDestroyed":
                    journal.coming.clear()  # one that never got as far as its StasisStart
                    journal.going.discard(leg)
                    journal.went += 1

        asterisk.requests = Requests(asterisk.requests)
        asterisk.stasis.events = Events(asterisk.stasis.events)
        monkeypatch.setattr(FakeLeg, "_hang_up", slowly)

    def comes(self) -> None:
        if self.coming or self.going:
            self.overlaps.append(f"one comes while {self.coming or self.going} does not wait")
        self.coming.add("one")

    def goes(self, leg: str) -> None:
        if self.coming or self.going - {leg}:
            self.overlaps.append(f"{leg} goes while {self.coming or self.going} does not wait")
        self.going.add(leg)


@pytest.fixture
def journal(pool: LegPool, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """Of what happens once the minimum is there."""
    return Journal(asterisk, monkeypatch)


# --- how many ---------------------------------------------------------------------------------------------------------


async def test_the_minimum_is_there_before_anybody_calls(pool: LegPool, asterisk: FakeAsterisk) -> None:
    assert (pool.free, pool.taken) == (2, 0)
    assert len(leg_channels(asterisk)) == 2
    for leg_id in leg_channels(asterisk):
        leg = asterisk.leg(leg_id)
        assert leg.queue.direction == "in", "no playout timer runs for a leg that waits"
        assert leg.codec == "ulaw"
        bridge = leg.channel.bridge
        assert bridge is not None
        assert bridge.id == bridge_of(leg_id)
        assert bridge.channels == [leg.channel], "each waits alone"


async def test_legs_are_made_ahead_of_need_up_to_the_maximum(pool: LegPool, asterisk: FakeAsterisk) -> None:
    for taken, free in ((1, 2), (2, 2), (3, 2), (4, 1), (5, 0)):
        await pool.take(1.0)
        await full(pool, free, taken)
    assert len(leg_channels(asterisk)) == 5
    with pytest.raises(NoLegFree):
        await pool.take(0.05)
    assert len(leg_channels(asterisk)) == 5


async def test_a_leg_is_not_made_on_the_path_of_a_call(pool: LegPool, asterisk: FakeAsterisk) -> None:
    with asterisk.faults.hang("externalMedia"):
        async with asyncio.timeout(0.1):
            await pool.take(1.0)
            await pool.take(1.0)


async def test_what_a_rush_left_over_goes_when_it_is_quiet_and_one_at_a_time(
    pool: LegPool, asterisk: FakeAsterisk, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    legs = [await pool.take(1.0) for _ in range(5)]
    monkeypatch.setattr(module, "QUIET", 0.05)
    for leg in legs:
        await pool.give_back(leg)
    assert pool.free == 5
    await full(pool, free=4, taken=0)
    await eventually(lambda: len(leg_channels(asterisk)) == len(asterisk.switch.bridges) == 4)
    assert (journal.came, journal.went, journal.overlaps) == (3, 1, [])
    await a_while(0.2)
    assert pool.free == 4, "twice the minimum is not too many"


# --- one at a time ----------------------------------------------------------------------------------------------------


async def test_no_leg_comes_while_another_comes_or_goes(
    pool: LegPool, asterisk: FakeAsterisk, journal: Journal
) -> None:
    """When that happens Asterisk can lose the lock of its media registry for good."""
    asterisk.faults.delay("externalMedia", "getChannel", seconds=0.005)
    for _ in range(4):
        legs = await asyncio.gather(*(pool.take(2.0) for _ in range(5)))
        for leg in legs[:3]:
            await used(leg)
            asterisk.leg(leg.channel_id).queue.paused = True  # not clean: to be retired
        await asyncio.gather(*(pool.give_back(leg) for leg in legs))
    await eventually(lambda: pool.free >= 2 and len(leg_channels(asterisk)) == pool.free)
    assert journal.overlaps == []
    assert journal.went == 12
    assert journal.came >= 12


async def test_a_leg_that_failed_to_come_up_is_gone_before_the_next_is_tried(
    asterisk: FakeAsterisk, pool: LegPool, journal: Journal
) -> None:
    asterisk.faults.answer("createBridge", status=500, body={"message": "Ouch"}, times=2)
    await pool.take(1.0)
    await full(pool, free=2, taken=1)
    assert (journal.came, journal.went, journal.overlaps) == (3, 2, [])
    assert len(leg_channels(asterisk)) == len(asterisk.switch.bridges) == 3


# --- waiting ----------------------------------------------------------------------------------------------------------


async def test_whoever_waits_first_is_served_first(pool: LegPool) -> None:
    legs = [await pool.take(1.0) for _ in range(5)]
    served: list[int] = []

    async def wait(number: int) -> MediaLeg:
        leg = await pool.take(2.0)
        served.append(number)
        return leg

    waiting = []
    for number in range(4):
        waiting.append(asyncio.create_task(wait(number)))
        await asyncio.sleep(0)
    for leg in legs[:4]:
        await pool.give_back(leg)
    await asyncio.gather(*waiting)
    assert served == [0, 1, 2, 3]
    assert (pool.free, pool.taken) == (0, 5)


async def test_waiting_is_bounded(pool: LegPool) -> None:
    legs = [await pool.take(1.0) for _ in range(5)]
    with pytest.raises(NoLegFree):
        await pool.take(0.02)
    await pool.give_back(legs[0])
    assert pool.free == 1, "nobody waits any more"


@pytest.mark.parametrize("moment", ["before", "with", "after"])
async def test_a_caller_who_goes_away_while_waiting_loses_no_leg(pool: LegPool, moment: str) -> None:
    legs = [await pool.take(1.0) for _ in range(5)]
    waiting = asyncio.create_task(pool.take(2.0))
    await asyncio.sleep(0)
    if moment == "before":
        waiting.cancel()
    given = asyncio.create_task(pool.give_back(legs[0]))
    if moment == "with":
        await eventually(lambda: pool.taken == 5 and given.done())
    await given
    if moment == "after":
        await asyncio.sleep(0)
    waiting.cancel()
    [ended] = await asyncio.gather(waiting, return_exceptions=True)
    if isinstance(ended, MediaLeg):
        await pool.give_back(ended)
    await full(pool, free=1, taken=4)


async def test_a_leg_whose_return_is_canceled_is_not_lost(pool: LegPool, asterisk: FakeAsterisk) -> None:
    leg = await used(await pool.take(1.0))
    await full(pool, free=2, taken=1)
    asterisk.faults.lose_marks()
    returning = asyncio.create_task(pool.give_back(leg))
    await asyncio.sleep(0.01)
    returning.cancel()
    await asyncio.gather(returning, return_exceptions=True)
    await full(pool, free=2, taken=0)
    await eventually(lambda: leg.channel_id not in leg_channels(asterisk))


# --- proven clean -----------------------------------------------------------------------------------------------------


async def test_a_clean_leg_is_used_again(node: AsteriskNode, pool: LegPool, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    leg = await pool.take(1.0)
    channel = await a_call_on(node, leg)
    await eventually(lambda: asterisk.leg(leg.channel_id).queue.direction == "out")
    await channel.hang_up()
    await pool.give_back(leg)
    await full(pool, free=3, taken=0)
    await eventually(lambda: asterisk.leg(leg.channel_id).queue.direction == "in")
    assert not [request for request in asterisk.requested("hangup") if request.id == leg.channel_id]


async def test_a_leg_that_is_given_back_twice_is_there_once(pool: LegPool) -> None:
    leg = await pool.take(1.0)
    await full(pool, free=2, taken=1)
    await pool.give_back(leg)
    await pool.give_back(leg)
    await full(pool, free=3, taken=0)


async def test_a_leg_that_was_never_used_is_clean(pool: LegPool) -> None:
    await pool.give_back(await pool.take(1.0))
    await eventually(lambda: pool.free >= 2 and pool.taken == 0)


def paused(leg: FakeLeg) -> None:
    leg.queue.paused = True


def not_empty(leg: FakeLeg) -> None:
    leg.queue.audio(bytes(1600), 0.0)


def buffering(leg: FakeLeg) -> None:
    leg.queue.buffering = True


def xoff(leg: FakeLeg) -> None:
    leg.queue.full = True


@pytest.mark.parametrize(
    ("command", "dirt"),
    [
        ("GET_STATUS", paused),
        ("GET_STATUS", not_empty),
        ("GET_STATUS", buffering),
        ("GET_STATUS", xoff),
        ("MARK_MEDIA", paused),
        ("FLUSH_MEDIA", paused),
    ],
)
async def test_a_leg_that_is_not_clean_is_retired(
    pool: LegPool, asterisk: FakeAsterisk, command: str, dirt: Callable[[FakeLeg], None]
) -> None:
    leg = await used(await pool.take(1.0))
    asterisk.faults.at_command(command, dirt)
    await pool.give_back(leg)
    await full(pool, free=2, taken=0)
    await eventually(lambda: leg.bridge_id not in asterisk.switch.bridges)
    assert leg.channel_id not in leg_channels(asterisk)


async def test_a_leg_whose_mark_does_not_come_back_is_retired(pool: LegPool, asterisk: FakeAsterisk) -> None:
    leg = await used(await pool.take(1.0))
    asterisk.faults.lose_marks(times=1)
    await pool.give_back(leg)
    await eventually(lambda: leg.channel_id not in leg_channels(asterisk))
    await full(pool, free=2, taken=0)


async def test_a_leg_with_somebody_in_its_bridge_is_retired(
    node: AsteriskNode, pool: LegPool, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(NUMBER).answers()
    leg = await pool.take(1.0)
    await a_call_on(node, leg)
    await pool.give_back(leg)
    await eventually(lambda: leg.channel_id not in leg_channels(asterisk))
    await full(pool, free=2, taken=0)


async def test_a_guest_who_left_while_nobody_told_us_is_looked_for(
    node: AsteriskNode, pool: LegPool, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(NUMBER).answers()
    leg = await pool.take(1.0)
    channel = await a_call_on(node, leg)
    asterisk.faults.drop_event("ChannelLeftBridge")
    await channel.hang_up()
    await asterisk.until(lambda: asterisk.callee(NUMBER).call.over)
    await pool.give_back(leg)
    await full(pool, free=3, taken=0)


async def test_what_is_said_of_a_former_call_reaches_nobody(pool: LegPool, asterisk: FakeAsterisk) -> None:
    leg = await used(await pool.take(1.0))
    heard: list[object] = []
    leg.listener = heard.append
    await pool.give_back(leg)
    asterisk.leg(leg.channel_id).digit("5")
    await pool.give_back(await pool.take(1.0))
    assert heard == []


# --- losing legs ------------------------------------------------------------------------------------------------------


async def replaced(pool: LegPool, asterisk: FakeAsterisk, leg: str) -> None:
    """Wait until there are two free legs again, and that one is none of them."""
    await eventually(lambda: pool.free == len(leg_channels(asterisk)) == 2 and leg not in leg_channels(asterisk))


@pytest.mark.parametrize("how", ["cut_media", "kill_leg"])
async def test_a_leg_that_dies_while_it_waits_is_replaced(pool: LegPool, asterisk: FakeAsterisk, how: str) -> None:
    first, second = leg_channels(asterisk)
    getattr(asterisk.faults, how)(first)
    await replaced(pool, asterisk, first)
    assert set(asterisk.switch.bridges) == {bridge_of(leg) for leg in leg_channels(asterisk)}
    assert (await pool.take(1.0)).channel_id == second


async def test_a_leg_that_asterisk_forgets_in_a_gap_is_replaced(
    node: AsteriskNode, pool: LegPool, asterisk: FakeAsterisk
) -> None:
    """Its socket says nothing of it: half of the connection is gone."""
    first, second = leg_channels(asterisk)
    pool.after_gap({second})
    await replaced(pool, asterisk, first)
    assert second in leg_channels(asterisk)


async def test_a_retired_leg_whose_end_nobody_tells_is_asked_for(pool: LegPool, asterisk: FakeAsterisk) -> None:
    asterisk.faults.drop_event("ChannelDestroyed")
    first, _ = leg_channels(asterisk)
    asterisk.faults.kill_leg(first)
    await replaced(pool, asterisk, first)


async def test_a_socket_that_is_cut_in_mid_retirement_leaves_nothing_behind(
    node: AsteriskNode, pool: LegPool, asterisk: FakeAsterisk
) -> None:
    with asterisk.faults.delay("getChannel", seconds=0.2, times=1):
        asterisk.faults.kill_leg(leg_channels(asterisk)[0])
        await asterisk.until(lambda: bool(asterisk.requested("getChannel")))
        asterisk.faults.cut_events()
    await eventually(lambda: not node.connected)
    await eventually(lambda: node.connected and pool.free == 2)
    assert len(leg_channels(asterisk)) == len(asterisk.switch.bridges) == 2
    assert len(node.router) == 4, "a channel and a bridge for each"


@pytest.mark.parametrize("operation", ["externalMedia", "createBridge", "addChannel"])
async def test_a_socket_that_is_cut_while_a_leg_comes_up_leaves_nothing_behind(
    node: AsteriskNode, pool: LegPool, asterisk: FakeAsterisk, operation: str
) -> None:
    with asterisk.faults.delay(operation, seconds=0.03, times=1):
        before = len(asterisk.requested(operation))
        await pool.take(1.0)
        await asterisk.until(lambda: len(asterisk.requested(operation)) > before)
        asterisk.faults.cut_events()
    await eventually(lambda: not node.connected)
    await eventually(lambda: node.connected and pool.free == 2)
    await eventually(lambda: len(leg_channels(asterisk)) == len(asterisk.switch.bridges) == 3)


# --- wedged -----------------------------------------------------------------------------------------------------------


def test_the_watchdog_barks_within_two_seconds() -> None:
    """Read from the module's text: the fixture above has shortened it."""
    source = making.__file__
    assert source is not None
    with open(source, encoding="utf-8") as text:
        assert "COMES_UP_WITHIN: Final = 2.0\n" in text.read()


async def test_a_wedged_registry_is_noticed_and_only_a_restart_cures_it(
    node: AsteriskNode, pool: LegPool, asterisk: FakeAsterisk
) -> None:
    asterisk.faults.wedge_media()
    await pool.take(1.0)
    await eventually(lambda: pool.wedged, within=0.6)
    assert not node.ready
    await pool.take(1.0)  # what is there still works
    with pytest.raises(errors.MediaWedged):
        await pool.take(1.0)
    await asterisk.restart()
    await eventually(lambda: node.ready and pool.free >= 2)
    assert not pool.wedged
    await pool.take(1.0)


@pytest.mark.parametrize("maximum", [2, 5])
async def test_an_asterisk_that_was_slow_for_a_moment_is_found_to_be_well_though_no_leg_is_wanted(
    asterisk: FakeAsterisk, maximum: int
) -> None:
    async with a_node(asterisk, legs_minimum=1, legs_maximum=maximum) as node:
        pool = node.pool
        legs = [await pool.take(1.0)]
        await full(pool, free=1, taken=1)
        asterisk.faults.kill_leg(pool._free[0].channel_id)
        with asterisk.faults.hang("externalMedia"):
            await eventually(lambda: pool.wedged)
            await pool.give_back(legs[0])
            await a_while(0.1)
            assert pool.wedged
        await eventually(lambda: not pool.wedged)
        assert node.ready
        await eventually(lambda: len(leg_channels(asterisk)) <= maximum)
        assert pool.free <= maximum


async def test_whoever_waits_when_it_shows_that_nothing_comes_is_told_at_once(
    pool: LegPool, asterisk: FakeAsterisk
) -> None:
    for _ in range(4):
        await pool.take(1.0)
    await full(pool, free=1, taken=4)
    asterisk.faults.kill_leg(pool._free[0].channel_id)
    await eventually(lambda: pool.free == 0)
    asterisk.faults.wedge_media()
    with pytest.raises(errors.MediaWedged):
        await pool.take(5.0)


async def test_while_nobody_is_connected_nothing_is_said_to_be_wedged(
    node: AsteriskNode, pool: LegPool, asterisk: FakeAsterisk
) -> None:
    with asterisk.faults.hang("externalMedia"):
        await pool.take(1.0)
        await eventually(lambda: pool.wedged)
        async with asterisk.faults.refusing():
            await eventually(lambda: not node.connected)
            assert not pool.wedged
    await eventually(lambda: node.ready and pool.free == 2)


async def test_a_wedged_asterisk_is_not_asked_for_a_leg_every_moment(
    pool: LegPool, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request that hangs there costs a thread and a session of its HTTP server, which calls need."""
    monkeypatch.setattr(making, "COMES_UP_WITHIN", 0.02)
    monkeypatch.setattr(making, "GONE_WITHIN", 0.02)
    asterisk.faults.wedge_media()
    await pool.take(1.0)
    await eventually(lambda: len(asterisk.requested("externalMedia")) == 7)
    asked = [request.at for request in asterisk.requested("externalMedia")][2:]
    assert asked[-1] - asked[0] >= 0.02 * (1 + 2 + 4 + 8)


@pytest.mark.parametrize(
    "fault",
    [
        lambda faults: faults.cut_before("externalMedia"),
        lambda faults: faults.cut_after("externalMedia"),
        lambda faults: faults.not_booted("externalMedia", times=1),
        lambda faults: faults.answer("externalMedia", status=500, body={"message": "Ouch"}, times=1),
        lambda faults: faults.answer("externalMedia", status=200, body={"id": "no variables"}, times=1),
        lambda faults: faults.cut_after("createBridge"),
        lambda faults: faults.cut_after("addChannel"),
    ],
)
async def test_a_leg_that_fails_for_another_reason_is_tried_again_and_nothing_is_wedged(
    node: AsteriskNode, pool: LegPool, asterisk: FakeAsterisk, fault: Callable[[Any], Any]
) -> None:
    wedged: list[bool] = []
    fault(asterisk.faults)
    await pool.take(1.0)

    def there() -> bool:
        wedged.append(pool.wedged)
        return (pool.free, pool.taken) == (2, 1)

    await eventually(there)
    assert not any(wedged)
    await eventually(lambda: len(leg_channels(asterisk)) == len(asterisk.switch.bridges) == 3)


async def test_a_leg_whose_start_is_told_before_its_socket_says_so_comes_up(
    pool: LegPool, asterisk: FakeAsterisk
) -> None:
    asterisk.faults.stasis_start_before_media_start()
    asterisk.faults.answer_after("Dial", "externalMedia")
    await pool.take(1.0)
    await full(pool, free=2, taken=1)


async def test_a_leg_that_comes_up_after_it_was_given_up_is_hung_up(pool: LegPool, asterisk: FakeAsterisk) -> None:
    with asterisk.faults.delay("externalMedia", seconds=0.6, times=1):
        await pool.take(1.0)
        await full(pool, free=2, taken=1)
    await eventually(lambda: len(leg_channels(asterisk)) == 4)
    await eventually(lambda: len(leg_channels(asterisk)) == 3)


# --- closing ----------------------------------------------------------------------------------------------------------


async def test_closing_retires_the_free_legs_in_turn_and_those_of_calls_when_they_come_back(
    pool: LegPool, asterisk: FakeAsterisk, journal: Journal
) -> None:
    leg = await used(await pool.take(1.0))
    await full(pool, free=2, taken=1)
    await pool.close()
    assert leg_channels(asterisk) == [leg.channel_id]
    await pool.give_back(leg)
    await eventually(lambda: not leg_channels(asterisk) and not asterisk.switch.bridges)
    assert (journal.came, journal.went, journal.overlaps) == (1, 3, [])
    assert (pool.free, pool.taken) == (0, 0)


async def test_closing_waits_for_a_leg_that_is_just_coming_up(pool: LegPool, asterisk: FakeAsterisk) -> None:
    with asterisk.faults.delay("createBridge", seconds=0.1):
        leg = await pool.take(1.0)
        before = len(asterisk.requested("createBridge"))
        await asterisk.until(lambda: len(asterisk.requested("createBridge")) > before)
        await pool.close()
    assert leg_channels(asterisk) == [leg.channel_id]
