"""Calls while the events socket is away: what goes on, what ended unseen, and what nobody can know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from otpvoice.ari import backoff, line, making, pool, telephone
from otpvoice.ari import node as node_module
from otpvoice.ari import socket as socket_module
from otpvoice.ari.leg import bridge_of
from otpvoice.core import flow
from otpvoice.core.actions import Gather, Say, SayCode
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    CharacterPlayed,
    OriginateAccepted,
    PiecePlayed,
)
from otpvoice.core.secret import OtpCode
from otpvoice.stasis import NotTaken
from tests.ari.rig import (
    NUMBER,
    TONE,
    House,
    a_house,
    answers_within,
    call_channels,
    eventually,
    leg_channels,
    outcome,
    the_call,
)
from tests.fakes import FakeAsterisk

ASK = Gather(DigitRules(max_digits=2, first_digit_timeout=5.0), sensitive=False)
CODE = SayCode(OtpCode("482913"), times=1, gap=0.0, group=0)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "END_OF_CHANNEL", 0.5)
    monkeypatch.setattr(pool, "LEFT_WITHIN", 0.1)
    monkeypatch.setattr(line, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(backoff, "FIRST", 0.03)


async def back(house: House, connections: int = 2) -> None:
    """Wait until the events socket has been away, and is there again."""
    asked = house.asterisk.requested
    await eventually(
        lambda: [request.status for request in asked("events")].count(101) >= connections and house.node.ready
    )


@pytest.fixture
async def answered(house: House, asterisk: FakeAsterisk) -> str:
    """A call that waits for two keys."""
    asterisk.callee(NUMBER).answers()
    call_id = await house.place(ASK)
    await house.until(CallAnswered)
    await eventually(lambda: house.node.pool.free == 1)
    return call_id


@pytest.fixture
async def ringing(house: House, asterisk: FakeAsterisk) -> str:
    if not asterisk.callee(NUMBER).scripted:
        asterisk.callee(NUMBER).never_answers()
    call_id = await house.place(ASK)
    await house.until(CallProgressed)
    return call_id


async def tidy(house: House) -> None:
    """Every leg is back, and nothing of a call is left in Asterisk."""
    await house.legs_back()
    await eventually(lambda: not call_channels(house.asterisk))
    await eventually(lambda: len(leg_channels(house.asterisk)) == len(house.asterisk.switch.bridges))
    assert {bridge_of(leg) for leg in leg_channels(house.asterisk)} == set(house.asterisk.switch.bridges)
    assert len(house.ledger.finished) == len(house.ledger.accepted)


# --- the same Asterisk ------------------------------------------------------------------------------------------------


async def test_a_call_goes_on_over_a_gap_and_its_later_events_arrive(
    house: House, asterisk: FakeAsterisk, answered: str
) -> None:
    call = the_call(asterisk)
    asterisk.faults.cut_events()
    await call.press("1")  # keys come over the media socket
    await back(house)
    await call.press("2")
    summary = await house.summary(answered)
    assert outcome(summary) == ("completed", None, "plan")
    assert summary["collected"][0]["digits"] == "12"
    assert asterisk.originates.total() == 1
    await tidy(house)


async def test_what_ends_after_the_gap_is_seen_to_end(house: House, asterisk: FakeAsterisk, answered: str) -> None:
    asterisk.faults.cut_events()
    await back(house)
    the_call(asterisk).hang_up()
    assert outcome(await house.summary(answered)) == ("completed", None, "callee")
    await tidy(house)


async def test_a_phone_that_rings_on_over_a_gap_can_be_answered(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).rings().answers(0.5).hangs_up(0.1)
    call_id = await house.place(ASK)
    await house.until(CallProgressed)
    asterisk.faults.cut_events()
    await back(house)
    assert not house.happened(CallAnswered)
    assert outcome(await house.summary(call_id)) == ("completed", None, "callee")
    await tidy(house)


async def test_a_call_that_ended_in_the_gap_ends_as_such(house: House, asterisk: FakeAsterisk, answered: str) -> None:
    """The callee was reached; how the call ended nobody has told."""
    asterisk.faults.cut_events()
    the_call(asterisk).hang_up()
    summary = await house.summary(answered)
    assert outcome(summary) == ("completed", "events_lost", "asterisk")
    await tidy(house)


async def test_a_call_that_ended_in_the_gap_before_anybody_answered_is_indeterminate(
    house: House, asterisk: FakeAsterisk, ringing: str
) -> None:
    asterisk.faults.cut_events()
    asterisk.switch.failed(the_call(asterisk).channel, 486)
    summary = await house.summary(ringing)
    assert outcome(summary) == ("indeterminate", "events_lost", "asterisk")
    await tidy(house)


async def test_a_phone_that_began_to_ring_in_the_gap_is_told(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).rings(0.1)
    call_id = await house.place(ASK, ring_timeout=0.8)
    await house.until(CallDialed)
    await eventually(lambda: bool(asterisk.originates))
    asterisk.faults.black_hole_events()
    await asterisk.until(lambda: the_call(asterisk).channel.state == "Ringing")
    asterisk.faults.cut_events()
    await back(house)
    summary = await house.summary(call_id)
    assert outcome(summary) == ("no_answer", None, "timeout"), "and not unreachable"
    await tidy(house)


async def test_who_picked_up_in_a_silent_gap_is_spoken_to_after_it(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its StasisStart went into a black hole: Asterisk believed that we were there."""
    monkeypatch.setattr(socket_module, "PING_EVERY", 0.05)
    monkeypatch.setattr(socket_module, "SILENT_AFTER", 0.2)
    asterisk.faults.cut_events()  # a new socket, with the new times
    await back(house)
    asterisk.callee(NUMBER).rings().answers(0.1)
    call_id = await house.place(CODE)
    await house.until(CallProgressed)
    asterisk.faults.black_hole_events()
    await asterisk.until(lambda: the_call(asterisk).channel.app is not None)
    assert not house.happened(CallAnswered)
    summary = await house.summary(call_id)
    assert outcome(summary) == ("completed", None, "plan")
    assert summary["delivered"] is True
    await tidy(house)


@pytest.mark.parametrize(
    ("how", "times", "first", "expected"),
    [
        # The plan has not come to its end when the socket is back; it has; and nobody noticed yet that it is dead.
        ("cut", 9, 0.6, ("completed", "events_lost", "asterisk")),
        ("cut", 1, 9.0, ("completed", None, "plan")),
        ("black hole", 1, 9.0, ("completed", None, "plan")),
    ],
)
async def test_digits_that_were_played_while_nobody_could_tell_of_a_hang_up_do_not_count(
    *,
    house: House,
    asterisk: FakeAsterisk,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    times: int,
    first: float,
    expected: tuple[str, str | None, str],
) -> None:
    """After a hang-up the leg's queue drains on, and its marks keep coming."""
    monkeypatch.setattr(backoff, "FIRST", first)
    monkeypatch.setattr(telephone, "END_TOLD_WITHIN", 0.2)
    asterisk.callee(NUMBER).answers()
    call_id = await house.place(SayCode(OtpCode("4829"), times=times, gap=0.0, group=0, slow_down=0.0))
    await eventually(lambda: len(house.happened(CharacterPlayed)) == 2)
    if how == "cut":
        asterisk.faults.cut_events()
    else:
        asterisk.faults.black_hole_events()
    the_call(asterisk).hang_up()
    await eventually(lambda: len(house.happened(CharacterPlayed)) >= 4)
    summary = await house.summary(call_id)
    assert outcome(summary) == expected
    assert summary["delivered"] is False
    assert len(summary["played"]["digits"]) <= 2
    await house.legs_back()


async def test_a_call_that_we_end_in_the_gap_was_there_to_the_end(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asterisk has just hung it up for us, so what was played until then was played to somebody."""
    monkeypatch.setattr(backoff, "FIRST", 9.0)
    asterisk.callee(NUMBER).answers()
    call_id = await house.place(CODE)
    await eventually(lambda: len(house.happened(CharacterPlayed)) == 2)
    asterisk.faults.cut_events()
    summary = await house.summary(call_id)
    assert not house.node.connected
    assert outcome(summary) == ("completed", None, "plan")
    assert summary["delivered"] is True
    assert summary["errors"] == []


async def test_who_is_just_picking_up_when_we_look_is_spoken_to_when_that_is_done(
    house: House, asterisk: FakeAsterisk
) -> None:
    """The channel is up, and not in the application yet: its StasisStart is still to come."""
    asterisk.callee(NUMBER).rings().answers(0.5)
    call_id = await house.place(CODE)
    await house.until(CallProgressed)
    the_call(asterisk).channel.state = "Up"
    asterisk.faults.cut_events()
    await back(house)
    await eventually(lambda: [request.status for request in asterisk.requested("addChannel")].count(422))
    summary = await house.summary(call_id)
    assert outcome(summary) == ("completed", None, "plan")
    assert summary["delivered"] is True


async def test_digits_that_were_played_in_a_gap_that_the_call_outlived_count(
    house: House, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(NUMBER).answers()
    call_id = await house.place(CODE)
    await eventually(lambda: len(house.happened(CharacterPlayed)) == 2)
    asterisk.faults.cut_events()
    summary = await house.summary(call_id)
    assert summary["delivered"] is True
    assert len(summary["played"]["digits"]) == 6


async def test_a_leg_that_died_in_the_gap_ends_its_call_and_hangs_it_up(
    house: House, asterisk: FakeAsterisk, answered: str
) -> None:
    asterisk.faults.cut_events()
    asterisk.faults.kill_leg(the_call(asterisk).legs[0])
    summary = await house.summary(answered)
    assert outcome(summary)[0] == "failed"
    await asterisk.until(lambda: the_call(asterisk).over)
    await tidy(house)


# --- an order on its way ----------------------------------------------------------------------------------------------


async def test_an_order_that_is_carried_out_after_the_gap_is_a_call_like_any_other(
    house: House, asterisk: FakeAsterisk
) -> None:
    """When we look after the gap there is no such channel: not yet."""
    asterisk.callee(NUMBER).answers(after=0.05).hangs_up(0.2)
    with asterisk.faults.delay("originate", seconds=0.5):
        call_id = await house.place(*[Say("A long sentence.")] * 5)
        await house.until(CallDialed)
        asterisk.faults.cut_events()
        await back(house)
        assert not house.happened(CallEnded)
        assert outcome(await house.summary(call_id)) == ("completed", None, "callee")
    assert house.happened(CallAnswered)
    assert asterisk.originates.total() == 1
    await tidy(house)


async def test_an_order_that_is_carried_out_while_we_look_after_the_gap_is_a_call_like_any_other(
    house: House, asterisk: FakeAsterisk
) -> None:
    """It was not there when we asked who is; now it is, and confirmed."""
    asterisk.callee(NUMBER).answers(after=0.05).hangs_up(0.2)
    with asterisk.faults.delay("originate", seconds=0.4), asterisk.faults.delay("listBridges", seconds=0.7):
        call_id = await house.place(*[Say("A long sentence.")] * 5)
        await house.until(CallDialed)
        asterisk.faults.cut_events()
        await eventually(lambda: house.happened(OriginateAccepted))
        assert not house.node.connected
        assert outcome(await house.summary(call_id)) == ("completed", None, "callee")
    assert house.happened(CallAnswered)
    await tidy(house)


async def test_an_order_that_was_carried_out_and_ended_in_the_gap_while_we_looked_for_it_is_indeterminate(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otpvoice.ari.ordering.SETTLE", (0.4,))
    asterisk.callee(NUMBER).never_answers()
    asterisk.faults.cut_after("originate")
    asterisk.faults.not_booted("getChannel", times=1)
    call_id = await house.place(ASK)
    await house.until(CallProgressed)
    asterisk.faults.cut_events()
    asterisk.switch.failed(the_call(asterisk).channel, 486)
    summary = await house.summary(call_id)
    assert outcome(summary) == ("indeterminate", "events_lost", "asterisk")
    await tidy(house)


async def test_an_order_on_its_way_into_an_asterisk_that_dies_is_indeterminate(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otpvoice.ari.ordering.SETTLE", (0.05, 0.1, 0.3))
    asterisk.callee(NUMBER).never_answers()
    with asterisk.faults.hang("originate"):
        call_id = await house.place(ASK)
        await asterisk.until(lambda: bool(asterisk.requested("originate")))
        await asterisk.restart(booting=0.1)
        summary = await house.summary(call_id)
    assert outcome(summary)[:2] == ("indeterminate", "originate_unknown")
    assert asterisk.originates.total() == 0
    await tidy(house)


async def test_a_hang_up_in_the_gap_is_carried_out(house: House, asterisk: FakeAsterisk, ringing: str) -> None:
    """REST needs no events."""
    async with asterisk_without_events(asterisk):
        await eventually(lambda: not house.node.connected)
        house.stasis.hang_up(ringing)
        await asterisk.until(lambda: the_call(asterisk).over)
    assert outcome(await house.summary(ringing)) == ("canceled", None, "api")
    await tidy(house)


def asterisk_without_events(asterisk: FakeAsterisk) -> Any:
    """REST works, and the events socket does not come up."""

    class Away:
        async def __aenter__(self) -> None:
            self.fault = asterisk.faults.not_booted("eventFilter")
            asterisk.faults.cut_events()

        async def __aexit__(self, *_: object) -> None:
            self.fault.lift()

    return Away()


# --- another Asterisk, or none ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["answered", "ringing"])
async def test_a_call_on_an_asterisk_that_died_ends(
    house: House, asterisk: FakeAsterisk, state: str, request: pytest.FixtureRequest
) -> None:
    asterisk.callee(NUMBER).rings()
    if state == "answered":
        asterisk.callee(NUMBER).answers(0.05)
    call_id = await house.place(ASK)
    await house.until(CallAnswered if state == "answered" else CallProgressed)
    await asterisk.restart(booting=0.3)
    summary = await house.summary(call_id)
    assert outcome(summary) == ("failed", "asterisk_lost", "asterisk")
    await eventually(lambda: house.node.ready)
    asterisk.callee(NUMBER).next_time().answers()
    assert outcome(await house.summary(await house.place())) == ("completed", None, "plan")
    await tidy(house)


async def test_an_asterisk_that_died_is_known_to_have_died_though_the_first_look_fails(
    house: House, asterisk: FakeAsterisk, answered: str
) -> None:
    asterisk.faults.answer("listBridges", status=500, times=1)
    await asterisk.restart(booting=0.1)
    assert outcome(await house.summary(answered)) == ("failed", "asterisk_lost", "asterisk")
    await tidy(house)


async def test_calls_are_given_up_when_their_asterisk_stays_away_and_reaped_when_it_is_back(
    house: House, asterisk: FakeAsterisk, ringing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "LOST_AFTER", 0.3)
    monkeypatch.setattr(telephone, "TRIES", 2)
    async with asterisk.faults.refusing():
        assert outcome(await house.summary(ringing)) == ("failed", "asterisk_lost", "asterisk")
        assert not the_call(asterisk).over, "the network is broken, not the call"
    await asterisk.until(lambda: the_call(asterisk).over)
    await eventually(lambda: house.node.ready)
    await tidy(house)


async def test_calls_that_are_in_preparation_outlive_a_gap(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    house.voice.may_speak.clear()
    call_id = await house.place()
    asterisk.faults.cut_events()
    await back(house)
    house.voice.may_speak.set()
    assert outcome(await house.summary(call_id)) == ("completed", None, "plan")


async def test_a_call_that_was_given_up_in_preparation_rings_nobody(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "LOST_AFTER", 0.1)
    house.voice.may_speak.clear()
    call_id = await house.place()
    async with asterisk.faults.refusing():
        await eventually(lambda: not house.node.connected)
        await asyncio.sleep(0.15)
    await eventually(lambda: house.node.ready)
    house.voice.may_speak.set()
    assert outcome(await house.summary(call_id)) == ("failed", "asterisk_lost", "asterisk")
    assert asterisk.originates.total() == 0
    await tidy(house)


async def test_a_wedged_asterisk_takes_no_new_calls_and_keeps_the_old_ones(
    house: House, asterisk: FakeAsterisk, answered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "COMES_UP_WITHIN", 0.2)
    asterisk.faults.wedge_media()
    await house.place(ASK, number="15550199")  # with the leg that was there; and none comes after it
    await eventually(lambda: house.node.pool.wedged)
    with pytest.raises(NotTaken) as refused:
        await house.place(ASK, number="15550199")
    assert (refused.value.reason, refused.value.retry_after) == ("media_wedged", 30)
    await the_call(asterisk).press("12")
    assert outcome(await house.summary(answered)) == ("completed", None, "plan")


# --- two nodes --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def other() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as other:
        yield other


@pytest.mark.parametrize("how", ["gap", "restart", "lost"])
async def test_what_becomes_of_one_asterisk_is_no_end_of_the_calls_on_another(
    *,
    house: House,
    asterisk: FakeAsterisk,
    other: FakeAsterisk,
    answered: str,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(node_module, "LOST_AFTER", 0.2)
    async with a_house(other) as second:
        # One switchboard with two nodes, as it were.
        second.node._lookout = house.stasis
        match how:
            case "gap":
                other.faults.cut_events()
                await back(second)
            case "restart":
                await other.restart()
                await eventually(lambda: second.node.ready)
            case _:
                async with other.faults.refusing():
                    await asyncio.sleep(0.4)
                await eventually(lambda: second.node.ready)
        assert not house.happened(CallEnded)
        await the_call(asterisk).press("12")
        assert outcome(await house.summary(answered)) == ("completed", None, "plan")


async def test_speech_that_runs_over_a_gap_is_heard_whole(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    call_id = await house.place(*[Say("A long sentence.")] * 3)
    await house.until(PiecePlayed)
    asterisk.faults.cut_events()
    assert outcome(await house.summary(call_id)) == ("completed", None, "plan")
    assert the_call(asterisk).audio.count(b"w") == 3 * TONE


async def test_rest_that_is_away_after_a_gap_is_waited_for(
    house: House, asterisk: FakeAsterisk, answered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_within(monkeypatch, 0.1)
    with asterisk.faults.hang("application"):
        asterisk.faults.cut_events()
        await eventually(lambda: "reconcile" in house.node.reason)
    await eventually(lambda: house.node.ready)
    the_call(asterisk).hang_up()
    assert outcome(await house.summary(answered)) == ("completed", None, "callee")
