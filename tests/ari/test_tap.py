"""Taps against the fake: who is listened to notices nothing, and of each tap there is one summary, whatever breaks.

After each test no snoop and no bridge is left in Asterisk, and every leg is back in the pool, proven clean.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from otpvoice.ari import backoff, pool, snoop, telephone
from otpvoice.ari.leg import MediaLeg
from otpvoice.core.events import ActionFailed, CallAnswered, Event, StreamStarted
from otpvoice.core.record import CallRecord
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialplan import DialplanDoor
from otpvoice.stasis import tap as module
from tests.ari.relays import Recorded, Relays, frame, frames
from tests.ari.rig import APP, PREFIX, TRUNK, House, a_house, assert_clean, eventually, of, outcome
from tests.fakes import Call, FakeAsterisk
from tests.fakes.channels import Json
from tests.fakes.dialplan import Dialplan

STAYS: Final = Dialplan(waits=None)
URL: Final = "wss://relay.example/"
TAP: Final = f"stream={URL}one,mode=listen,then=continue"
DEFAULTS: Final = CallDefaults(
    trunks={"default": TrunkOffer("default")},
    destinations=Destinations((), (), anywhere=True),
    language="en",
    lead_in=0.0,
    tail=0.0,
    check_url=lambda *_, **__: None,
)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephone, "END_TOLD_WITHIN", 0.2)
    monkeypatch.setattr(backoff, "FIRST", 0.02)
    monkeypatch.setattr(backoff, "LONGEST", 0.05)
    monkeypatch.setattr(snoop, "LEG_WITHIN", 0.1)
    monkeypatch.setattr(snoop, "ENTERS_WITHIN", 0.3)
    monkeypatch.setattr(pool, "LEFT_WITHIN", 0.2)
    monkeypatch.setattr(pool, "RETRY", 0.02)
    monkeypatch.setattr(module, "LISTENS_WITHIN", 0.5)
    monkeypatch.setattr(module, "LOOK_EVERY", 0.02)


class Tapped:
    """A house whose dialplan taps callers."""

    def __init__(self, house: House, relays: Relays) -> None:
        self.house, self.asterisk, self.relays = house, house.asterisk, relays

    def comes_in(self, arguments: str = TAP, **changes: Any) -> Call:
        given: dict[str, Any] = {"state": "Up", "dialplan": STAYS} | changes
        return self.asterisk.inbound(f"{APP},{arguments}", **given)

    async def listened_to(self, arguments: str = TAP, **changes: Any) -> tuple[Call, Recorded]:
        """Somebody who is in its dialplan again, and a stream that runs."""
        count = len(self.relays.opened)
        call = self.comes_in(arguments, **changes)
        seen = await self.gone_on(call)
        assert (seen["STATUS"], seen["REASON"]) == ("completed", "")
        recorded = self.relays.opened[count]
        recorded.connects()
        return call, recorded

    async def gone_on(self, call: Call, times: int = 1) -> dict[str, str]:
        """Wait for the line after ``Stasis()``. Returns our variables as they are there."""
        await eventually(lambda: len(call.then) >= times)
        variables = call.then[times - 1].variables
        return {name[9:]: value for name, value in variables.items() if name.startswith("OTPVOICE_")}

    async def summary(self, number: int = 1) -> Json:
        await eventually(lambda: len(self.house.ledger.finished) >= number)
        return self.house.ledger.finished[number - 1]

    def snoops(self) -> list[str]:
        return [channel.id for channel in self.asterisk.switch.channels.values() if channel.snoop is not None]

    async def nothing_left(self) -> None:
        """Wait until all is as it was, but for those who are in their dialplan."""
        node, switch = self.house.node, self.asterisk.switch
        await eventually(lambda: node.connected and not self.house.stasis.count)
        await self.house.legs_back()
        await eventually(lambda: not self.snoops())
        await eventually(lambda: len(node.pool.ids) == node.pool.free)
        await eventually(lambda: {c for c in switch.channels if c.startswith(PREFIX)} == node.pool.ids)
        assert len(switch.bridges) == node.pool.free
        assert len(node.router) == 2 * node.pool.free
        await assert_clean(node)
        ids = [summary["id"] for summary in self.house.ledger.finished]
        assert len(ids) == len(set(ids)), "one summary each"


@pytest.fixture
async def tapped(asterisk: FakeAsterisk) -> AsyncIterator[Tapped]:
    async with a_house(asterisk, legs_minimum=2) as house:
        tapped = Tapped(house, Relays())
        house.stasis.relays = tapped.relays
        house.stasis.door = DialplanDoor(house.stasis, "default", DEFAULTS, {"default": TRUNK})
        yield tapped
        for fault in asterisk.faults._rest:
            fault.lift()
        await house.stasis.end_all()
        await tapped.nothing_left()


def errors(summary: Json) -> list[str]:
    return [error["code"] for error in summary["errors"]]


def media(summary: Json) -> tuple[str, str | None, str | None]:
    [one] = summary["media"]
    return one["status"], one["disconnected_by"], one["error"]


# --- what is heard, and what the dialplan sees ------------------------------------------------------------------------


async def test_a_caller_is_heard_and_hears_nothing_of_it(tapped: Tapped) -> None:
    call, recorded = await tapped.listened_to()
    assert recorded.order.tracks == ("near", "far")
    assert (recorded.facts.direction, recorded.facts.caller, recorded.facts.callee) == ("inbound", "15550111", "100")
    assert recorded.mouth is None
    call.say(frames(0, 10))
    await eventually(lambda: len(recorded.sounds("near")) == 10)
    assert recorded.numbers("near") == list(range(10))
    assert not recorded.sounds("far")
    assert not call.heard
    assert not of(tapped.asterisk.requests, "answer")
    call.hang_up()
    summary = await tapped.summary()
    assert outcome(summary) == ("completed", None, "callee")
    assert (media(summary), errors(summary)) == (("completed", "call", None), [])
    assert (summary["door"], summary["legs"][0]["channel"]) == ("dialplan", call.channel.id)
    assert summary["answered_at"] is not None
    await tapped.nothing_left()


async def test_the_dialplan_has_its_own_limit_again_and_all_the_variables(tapped: Tapped) -> None:
    call, _ = await tapped.listened_to(variables={"TIMEOUT(absolute)": "30000"})
    seen = await tapped.gone_on(call)
    [record] = [tapped_.record for tapped_ in tapped.house.stasis._calls.values()]
    assert seen.pop("LIMIT") == "", "ours was shorter while we had it"
    assert seen == {
        "STATUS": "completed",
        "REASON": "",
        "ERROR": "",
        "DELIVERED": "0",
        "DIGITS": "",
        "DIGITS_ENDED_BY": "",
        "CALL": record.id,
    }
    assert call.channel.absolute_at is not None
    left = call.channel.absolute_at - tapped.asterisk.clock.now()
    assert 29900 < left <= 30000
    assert not call.over


async def test_without_a_limit_of_its_own_it_has_none_again(tapped: Tapped) -> None:
    call, _ = await tapped.listened_to()
    assert call.channel.absolute_at is None


async def test_a_limit_that_is_over_ends_the_tap_with_its_channel(tapped: Tapped) -> None:
    call, _ = await tapped.listened_to(variables={"TIMEOUT(absolute)": "0.6"})
    summary = await tapped.summary()
    assert call.over
    assert outcome(summary) == ("completed", None, "callee")


async def test_one_track_alone_takes_one_leg(tapped: Tapped) -> None:
    _, recorded = await tapped.listened_to(f"{TAP},tracks=far")
    assert recorded.order.tracks == ("far",)
    assert len(tapped.snoops()) == tapped.house.node.pool.taken == 1


async def test_a_channel_that_is_not_up_yet_is_answered_when_it_is(tapped: Tapped) -> None:
    call, recorded = await tapped.listened_to(state="Ring")
    assert call.channel.state == "Ring", "nobody but its dialplan answers it"
    assert not tapped.house.happened(CallAnswered)
    tapped.asterisk.switch.answer(call.channel)
    await tapped.house.until(CallAnswered)
    call.say(frame(1))
    await eventually(lambda: recorded.sounds("near"))
    call.hang_up()
    summary = await tapped.summary()
    assert summary["answered_at"] is not None
    assert outcome(summary) == ("completed", None, "callee")
    assert len(tapped.house.happened(CallAnswered)) == 1


async def test_a_caller_whom_nobody_ever_answers_has_canceled(tapped: Tapped) -> None:
    call, _ = await tapped.listened_to(state="Ring")
    call.hang_up()
    summary = await tapped.summary()
    assert (outcome(summary)[0], summary["answered_at"]) == ("canceled", None)


async def test_an_asterisk_that_can_not_say_whether_it_is_up_is_asked_again(tapped: Tapped) -> None:
    call, _ = await tapped.listened_to(state="Ring")
    fault = tapped.asterisk.faults.not_booted("get", "getChannel", times=3)
    tapped.asterisk.switch.answer(call.channel)
    await tapped.house.until(CallAnswered)
    fault.lift()
    call.hang_up()
    await tapped.summary()


async def test_several_taps_of_one_channel_at_once(tapped: Tapped) -> None:
    call, first = await tapped.listened_to(f"{TAP},tracks=near")
    call.channel.pbx.stasis(f"{APP},stream={URL}two,mode=listen,tracks=near")  # type: ignore[union-attr]
    await tapped.gone_on(call, 2)
    second = tapped.relays.opened[1]
    assert (first.order.url, second.order.url) == (f"{URL}one", f"{URL}two")
    call.say(frames(0, 10))
    await eventually(lambda: len(first.sounds("near")) == len(second.sounds("near")) == 10)
    assert first.numbers("near") == second.numbers("near") == list(range(10))
    second.ends()
    assert (await tapped.summary())["media"][0]["disconnected_by"] == "peer"
    call.say(frames(10, 5))
    await eventually(lambda: len(first.sounds("near")) == 15)
    assert len(second.sounds("near")) == 10
    call.hang_up()
    assert outcome(await tapped.summary(2)) == ("completed", None, "callee")


async def test_the_channel_comes_again_for_a_call_while_it_is_tapped(tapped: Tapped) -> None:
    call, recorded = await tapped.listened_to()
    call.channel.pbx.stasis(f"{APP},gather=1")  # type: ignore[union-attr]
    await tapped.asterisk.until(lambda: any(leg.channel.bridge and leg.channel.bridge.calls for leg in legs(tapped)))
    call.say(frames(0, 5))
    await eventually(lambda: len(recorded.sounds("near")) == 5)
    await call.press("7")
    seen = await tapped.gone_on(call, 2)
    assert (seen["STATUS"], seen["DIGITS"]) == ("completed", "7")
    summary = await tapped.summary()
    assert (summary["id"], summary["media"]) == (seen["CALL"], [])
    assert tapped.house.stasis.count == 1, "the tap goes on"
    call.say(frames(5, 5))
    await eventually(lambda: len(recorded.sounds("near")) == 10)
    call.hang_up()
    assert outcome(await tapped.summary(2)) == ("completed", None, "callee")


def legs(tapped: Tapped) -> list[Any]:
    return list(tapped.asterisk.legs.values())


# --- how it ends ------------------------------------------------------------------------------------------------------


async def test_the_peer_leaves_and_the_channel_does_not_notice(tapped: Tapped) -> None:
    call, recorded = await tapped.listened_to()
    recorded.ends()
    assert (await asyncio.wait_for(tapped.summary(), 1.0))["media"][0]["disconnected_by"] == "peer"
    await tapped.nothing_left()
    assert not call.over
    assert recorded.finished == [], "it has ended by itself"
    assert outcome(await tapped.summary()) == ("completed", None, "plan")


async def test_a_stream_that_fails_is_an_error_of_the_tap(tapped: Tapped) -> None:
    call, recorded = await tapped.listened_to()
    recorded.ends("dns")
    summary = await tapped.summary()
    assert (media(summary), errors(summary)) == (("failed", "error", "dns"), ["stream_failed"])
    assert not call.over


async def test_a_stream_that_nobody_takes_while_the_tap_is_set_up(tapped: Tapped) -> None:
    with tapped.asterisk.faults.hang("snoop"):
        call = tapped.comes_in()
        await eventually(lambda: tapped.relays.opened)
        tapped.relays.opened[0].ends("refused")
        assert (await tapped.gone_on(call))["STATUS"] == "completed"
    summary = await tapped.summary()
    assert (media(summary), errors(summary)) == (("failed", "error", "refused"), ["stream_failed"])


async def test_it_is_hung_up_over_the_api_and_the_channel_lives(tapped: Tapped) -> None:
    call, recorded = await tapped.listened_to()
    call_id = recorded.facts.call_id
    assert tapped.house.stasis.find("default", call_id) is not None
    tapped.house.stasis.hang_up(call_id)
    tapped.house.stasis.hang_up(call_id)
    summary = await tapped.summary()
    assert outcome(summary) == ("completed", None, "api")
    assert media(summary) == ("completed", "call", None)
    await tapped.nothing_left()
    assert not call.over
    assert recorded.finished == ["call"]


async def test_it_is_hung_up_while_it_is_set_up(tapped: Tapped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LISTENS_WITHIN", 30.0)
    with tapped.asterisk.faults.hang("snoop"):
        call = tapped.comes_in()
        await eventually(lambda: tapped.relays.opened)
        tapped.house.stasis.hang_up(tapped.relays.opened[0].facts.call_id)
        assert (await tapped.gone_on(call))["STATUS"] == "completed"
    assert outcome(await tapped.summary())[2] == "api"
    assert not call.over


async def test_whoever_drains_ends_it(tapped: Tapped) -> None:
    call, recorded = await tapped.listened_to()
    await tapped.house.stasis.drain(0.01)
    summary = await tapped.summary()
    assert outcome(summary) == ("completed", "shutdown", "us")
    assert media(summary) == ("completed", "us", None)
    assert recorded.finished == ["us"]
    await tapped.nothing_left()
    assert not call.over


async def test_it_is_abandoned_with_what_is_known(tapped: Tapped) -> None:
    call, _ = await tapped.listened_to()
    [tap] = tapped.house.stasis._calls.values()
    tap.abandon()
    summary = await tapped.summary()
    assert (outcome(summary), media(summary)[1]) == (("completed", "shutdown", "us"), "us")
    await tapped.nothing_left()
    assert not call.over


async def test_it_is_abandoned_while_it_is_set_up_and_the_caller_goes_on(tapped: Tapped) -> None:
    with tapped.asterisk.faults.hang("snoop"):
        call = tapped.comes_in()
        await tapped.asterisk.until(lambda: len(of(tapped.asterisk.requests, "snoop")) == 2)
        [tap] = tapped.house.stasis._calls.values()
        tap.abandon()
        await eventually(lambda: call.then)
    assert outcome(await tapped.summary())[2] == "us"
    assert not call.over


@pytest.mark.parametrize("at", ["snoop", "addChannel"])
async def test_the_caller_hangs_up_while_it_is_set_up(tapped: Tapped, at: str) -> None:
    with tapped.asterisk.faults.delay(at, seconds=0.1):
        call = tapped.comes_in()
        await tapped.asterisk.until(lambda: bool(of(tapped.asterisk.requests, at)[-1:]) and bool(tapped.relays.opened))
        call.hang_up()
        summary = await tapped.summary()
    assert outcome(summary) == ("completed", None, "callee")
    assert errors(summary) == []
    assert media(summary)[1] == "call"


async def test_the_caller_hangs_up_while_asterisk_says_nothing_of_the_snoops(tapped: Tapped) -> None:
    fault = tapped.asterisk.faults.hang("snoop")
    call = tapped.comes_in()
    await eventually(lambda: fault.used == 2)
    call.hang_up()
    summary = await tapped.summary()
    assert outcome(summary) == ("completed", None, "callee")
    assert errors(summary) == []


# --- what breaks ------------------------------------------------------------------------------------------------------


async def test_without_a_leg_the_caller_goes_on_and_knows_why(tapped: Tapped) -> None:
    pool_ = tapped.house.node.pool
    taken = [await pool_.take(1.0) for _ in range(4)]
    call = tapped.comes_in()
    seen = await tapped.gone_on(call)
    assert (seen["STATUS"], seen["REASON"]) == ("failed", "media_unavailable")
    summary = await tapped.summary()
    assert outcome(summary) == ("failed", "media_unavailable", "us")
    assert "media_unavailable" in errors(summary)
    assert media(summary)[1] == "error"
    assert not call.over
    for leg in taken:
        await pool_.give_back(leg)


def test_the_caller_waits_for_two_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert module.LISTENS_WITHIN <= 2.0


async def test_who_hangs_up_while_no_leg_is_free_has_hung_up(tapped: Tapped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LISTENS_WITHIN", 30.0)  # nobody waits for that
    pool_ = tapped.house.node.pool
    taken = [await pool_.take(1.0) for _ in range(4)]
    call = tapped.comes_in()
    await eventually(lambda: tapped.relays.opened)
    call.hang_up()
    summary = await tapped.summary()
    assert outcome(summary) == ("completed", None, "callee")
    assert "media_unavailable" not in errors(summary)
    for leg in taken:
        await pool_.give_back(leg)


async def test_an_opener_that_raises_is_a_fault_of_ours_and_the_caller_goes_on(tapped: Tapped) -> None:
    tapped.relays.refuses = True
    call = tapped.comes_in()
    seen = await tapped.gone_on(call)
    assert (seen["STATUS"], seen["REASON"]) == ("failed", "internal_error")
    summary = await tapped.summary()
    assert outcome(summary) == ("failed", "internal_error", "us")
    assert media(summary) == ("failed", "error", "internal")
    assert not call.over


@pytest.mark.parametrize("raises", ["arrived", "finish"])
async def test_a_stream_that_raises_costs_itself_alone(tapped: Tapped, raises: str) -> None:
    call, recorded = await tapped.listened_to()
    before = tapped.house.node.pool.ids
    recorded.raises = {raises}
    if raises == "finish":
        call.hang_up()
    summary = await tapped.summary()
    assert (media(summary), errors(summary)) == (("failed", "error", "internal"), ["stream_failed"])
    assert recorded.raised == 1
    await tapped.nothing_left()
    assert before <= tapped.house.node.pool.ids, "no leg was lost by it"
    assert call.over == (raises == "finish")


async def test_a_follower_that_breaks_ends_the_tap_and_leaves_nothing(tapped: Tapped) -> None:
    def breaks(record: CallRecord, event: Event) -> None:
        if isinstance(event, StreamStarted):
            raise ZeroDivisionError

    tapped.house.stasis.followers = (*tapped.house.stasis.followers, breaks)
    call, _ = await tapped.listened_to()
    assert outcome(await tapped.summary()) == ("failed", "internal_error", "us")
    await tapped.nothing_left()
    assert not call.over


async def test_a_leg_that_dies_while_none_is_free_silences_one_track_for_a_while(tapped: Tapped) -> None:
    call, recorded = await tapped.listened_to()
    taken = await deafened(tapped, "near")
    await tapped.house.until(ActionFailed)
    heard = len(recorded.tracks["far"])
    await eventually(lambda: len(recorded.tracks["far"]) > heard + 3)
    tries = len(recorded.tracks["near"])
    await eventually(lambda: len(recorded.tracks["far"]) > heard + 8)
    assert len(recorded.tracks["near"]) == tries, "it is deaf"
    for leg in taken:
        await tapped.house.node.pool.give_back(leg)
    await eventually(lambda: len(recorded.tracks["near"]) > tries)
    call.say(frames(0, 5))
    await eventually(lambda: len(recorded.sounds("near")) >= 5)
    call.hang_up()
    summary = await tapped.summary()
    assert errors(summary) == ["track_silent"]
    assert "near" in summary["errors"][0]["message"]
    assert outcome(summary) == ("completed", None, "callee")


async def deafened(tapped: Tapped, *tracks: str) -> list[MediaLeg]:
    """Have the legs of these tracks die while no other is free. Returns those that are in the way."""
    pool_, switch = tapped.house.node.pool, tapped.asterisk.switch
    taken = [await pool_.take(1.0) for _ in range(2)]
    # Who waits first has what takes the place of the dead.
    waiting = [asyncio.create_task(pool_.take(5.0)) for _ in tracks]
    await eventually(lambda: len(pool_._waiters) == len(tracks))
    for track in tracks:
        [spying] = [c for c in switch.channels.values() if c.snoop is not None and f"-tap-{track}" in c.id]
        assert spying.bridge is not None
        [leg] = spying.bridge.legs
        tapped.asterisk.faults.kill_leg(leg.channel.id)
    return taken + await asyncio.gather(*waiting)


async def test_the_caller_hangs_up_while_nobody_is_heard(tapped: Tapped) -> None:
    """Nothing is left that could end with it: it is asked for."""
    call, _ = await tapped.listened_to()
    taken = await deafened(tapped, "near", "far")
    await eventually(lambda: len(tapped.house.happened(ActionFailed)) == 2)
    call.hang_up()
    summary = await tapped.summary()
    assert outcome(summary) == ("completed", None, "callee")
    assert errors(summary) == ["track_silent", "track_silent"]
    for leg in taken:
        await tapped.house.node.pool.give_back(leg)


async def test_asterisk_restarts(tapped: Tapped) -> None:
    _, recorded = await tapped.listened_to()
    await tapped.asterisk.restart(0.05)
    summary = await tapped.summary()
    assert outcome(summary) == ("failed", "asterisk_lost", "asterisk")
    assert media(summary)[:2] == ("completed", "error")
    assert recorded.finished == ["error"]


async def test_asterisk_restarts_at_once(tapped: Tapped) -> None:
    """It knows nobody of before, and answers so before anybody has told us who it is."""
    await tapped.listened_to()
    with tapped.asterisk.faults.delay("applicationFilter", "eventFilter", "filter", seconds=0.2):
        tapped.asterisk.crash()
        summary = await tapped.summary()
    assert outcome(summary) == ("failed", "asterisk_lost", "asterisk")


async def test_a_gap_of_the_events_is_outlived(tapped: Tapped) -> None:
    call, recorded = await tapped.listened_to()
    tapped.asterisk.faults.cut_events()
    await eventually(lambda: not tapped.house.node.connected)
    await eventually(lambda: tapped.house.node.connected)
    call.say(frames(0, 5))
    await eventually(lambda: len(recorded.sounds("near")) == 5)
    assert tapped.house.stasis.count == 1


async def test_a_caller_who_hangs_up_in_a_gap_has_hung_up(tapped: Tapped) -> None:
    call, _ = await tapped.listened_to()
    tapped.asterisk.faults.cut_events()
    snoops = tapped.snoops()
    call.hang_up()
    for name in snoops:
        tapped.asterisk.switch.end(tapped.asterisk.switch.channels[name], 0)
    summary = await tapped.summary()
    assert outcome(summary) == ("completed", None, "callee")


async def test_an_asterisk_that_stays_away_is_lost(tapped: Tapped) -> None:
    await tapped.listened_to()
    tapped.house.stasis.node_lost(tapped.house.node)
    summary = await tapped.summary()
    assert (outcome(summary), media(summary)[1]) == (("failed", "asterisk_lost", "asterisk"), "error")


async def test_nobody_carries_streams(tapped: Tapped) -> None:
    tapped.house.stasis.relays = None
    call = tapped.comes_in()
    seen = await tapped.gone_on(call)
    assert (seen["STATUS"], seen["REASON"]) == ("failed", "internal_error")
    assert not tapped.house.ledger.finished


async def test_who_has_left_at_the_door_is_not_tapped(tapped: Tapped) -> None:
    with tapped.asterisk.faults.delay("setVariable", "setVariables", seconds=0.1, times=1):
        call = tapped.comes_in()
        await eventually(lambda: tapped.asterisk.requested("setVariable", "setVariables"))
        call.hang_up()
        await eventually(lambda: not tapped.house.stasis.door or not tapped.house.stasis.door.arriving)
    assert not tapped.relays.opened
    assert not tapped.house.ledger.finished
