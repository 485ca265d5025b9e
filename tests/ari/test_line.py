"""Whole calls, with everything that can go wrong on the way to the phone and back. Nobody is ever rung twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from otpvoice.ari import backoff, handset, line, ordering, pool, telephone
from otpvoice.ari.channel import CallChannel, Originate, OriginateFailed
from otpvoice.ari.line import Line
from otpvoice.ari.party import OutboundParty
from otpvoice.ari.rest import AriRest, new_http
from otpvoice.core import flow, speaking
from otpvoice.core.actions import Gather, Say, SayCode
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    ActionCompleted,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    CharacterPlayed,
    DigitsCollected,
    OriginateAccepted,
    PiecePlayed,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.core.outcome import EndedParty, Fault, Outcome, OutcomeClass
from otpvoice.core.result import Result
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import Prepared, Script
from otpvoice.stasis import NotTaken, Trunk
from tests.ari import rig
from tests.ari.rig import (
    FRAME,
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

LONG = Say("A long sentence."), Say("And another."), Say("And one more.")
CODE = SayCode(OtpCode("4829"), times=1, gap=0.0, group=0)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "END_OF_CHANNEL", 0.3)
    monkeypatch.setattr(pool, "LEFT_WITHIN", 0.1)
    monkeypatch.setattr(line, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(backoff, "FIRST", 0.03)
    monkeypatch.setattr(handset, "NEW_LEG_WITHIN", 0.3)
    monkeypatch.setattr(ordering, "SETTLE", (0.02, 0.02, 0.02))
    monkeypatch.setattr(ordering, "LOOKING", 0.5)
    monkeypatch.setattr(ordering, "BOOTING", 0.1)


async def over(house: House, call_id: str) -> dict[str, Any]:
    """The summary; and with the call nothing is left in Asterisk, and every leg is back."""
    summary = await house.summary(call_id)
    await house.legs_back()
    await eventually(lambda: not call_channels(house.asterisk))
    assert len(house.ledger.finished) == len(house.ledger.accepted)
    await eventually(lambda: len(leg_channels(house.asterisk)) == len(house.asterisk.switch.bridges))
    return summary


async def ringing(house: House) -> str:
    """A call whose phone rings, while the pool has nothing to do."""
    call_id = await house.place()
    await house.until(CallProgressed)
    await eventually(lambda: house.node.pool.free == 1)
    return call_id


RESULT = Result(Outcome(OutcomeClass.COMPLETED, None, None, None, EndedParty.PLAN), None)


def nobody(number: int, to: str, caller_id: str | None, ring_timeout: float) -> OutboundParty:
    """There are no second parties in these calls."""
    raise AssertionError(number)


def placed(asterisk: FakeAsterisk) -> tuple[int, int]:
    """How often it was asked for a call, and how often it placed one."""
    return len(asterisk.requested("originate")), asterisk.originates.total()


# --- calls that go well -----------------------------------------------------------------------------------------------


async def test_a_callee_hears_the_code(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers(after=0.05)
    summary = await over(house, await house.place(CODE))
    assert outcome(summary) == ("completed", None, "plan")
    assert summary["delivered"] is True
    assert summary["played"]["readings"] == 1
    assert summary["legs"][0]["sip_call_id"]
    assert [bytes([frame.payload[0]]) for frame in the_call(asterisk).heard if frame.payload[0] in b"4829"] == [
        bytes([digit]) for digit in b"4829" for _ in range(TONE // FRAME)
    ]
    assert placed(asterisk) == (1, 1)


async def test_what_happens_in_a_call_is_told_in_order(house: House, asterisk: FakeAsterisk) -> None:
    """Of many calls at once, each in its own."""
    numbers = [f"1555010{digit}" for digit in range(4)]
    for number in numbers:
        asterisk.callee(number).rings(0.01).answers(0.03).presses("1", after=0.02)
    ids = [await house.place(Say("Hello."), number=number) for number in numbers]
    for call_id in ids:
        await house.summary(call_id)
        kinds = [type(event) for event in house.events(call_id)]
        story = [CallDialed, OriginateAccepted, CallProgressed, CallAnswered, SpeakingStarted, PiecePlayed]
        story += [SpeakingFinished, ActionCompleted, CallEnded]
        positions = [kinds.index(kind) for kind in story]
        assert positions == sorted(positions), kinds
        assert kinds.count(CallAnswered) == kinds.count(CallEnded) == 1
        assert kinds.count(CallProgressed) == 1, "Asterisk says it in two ways"


async def test_keys_of_the_callee_are_collected(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers().presses("77777#", on=0.04, off=0.02, after=0.1)
    call_id = await house.place(Gather(DigitRules(max_digits=9), sensitive=False))
    summary = await over(house, call_id)
    assert summary["collected"][0]["digits"] == "77777"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (lambda callee: callee.busy(0.02), ("busy", None, "callee")),
        (lambda callee: callee.rejects(404), ("invalid_number", None, "callee")),
        (lambda callee: callee.rings().rejects(603, 0.02), ("rejected", "declined", "callee")),
        (lambda callee: callee.never_answers(), ("no_answer", None, "timeout")),
        (lambda callee: callee.answers().hangs_up(0.1), ("completed", None, "callee")),
    ],
)
async def test_how_calls_end(
    house: House, asterisk: FakeAsterisk, script: Callable[[Any], Any], expected: tuple[str, str | None, str]
) -> None:
    script(asterisk.callee(NUMBER))
    summary = await over(house, await house.place(*LONG, ring_timeout=0.3))
    assert outcome(summary) == expected
    assert placed(asterisk) == (1, 1)


# --- the order --------------------------------------------------------------------------------------------------------


def order(**changes: Any) -> Originate:
    given = Originate("PJSIP/15550100@trunk", "otp", "+15550199", 20.5, 60.0, "call_1")
    return replace(given, **changes)


def test_an_order_is_bounded_by_asterisk_too_should_we_be_dead() -> None:
    body = order(headers={"X-Reference": "81"}).body()
    assert body["timeout"] == 26, "ours, and some seconds more; an integer, or Asterisk takes 30"
    assert body["variables"] == {
        "OTPVOICE_CALL": "call_1",
        "FORWARD_CONTEXT": "otpvoice-no-redirects",
        "TIMEOUT(absolute)": "111",
        "PJSIP_HEADER(add,X-Reference)": "81",
    }
    assert body["callerId"] == "+15550199"
    assert "callerId" not in order(caller_id=None).body()


async def test_an_order_whose_answer_is_lost_is_looked_up_and_the_call_goes_on(
    house: House, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(NUMBER).answers(after=0.1)
    asterisk.faults.cut_after("originate")
    summary = await over(house, await house.place())
    assert outcome(summary) == ("completed", None, "plan")
    assert summary["legs"][0]["sip_call_id"], "known from the look"
    assert placed(asterisk) == (1, 1)


async def test_an_order_whose_answer_is_lost_and_that_ended_at_once_is_told_by_its_events(
    house: House, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(NUMBER).busy()
    asterisk.faults.cut_after("originate")
    assert outcome(await over(house, await house.place())) == ("busy", None, "callee")
    assert placed(asterisk) == (1, 1)


async def test_an_order_that_can_not_be_looked_up_but_whose_events_come_is_a_call(
    house: House, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(NUMBER).answers(after=0.3)
    asterisk.faults.cut_after("originate")
    with asterisk.faults.not_booted("getChannel"):
        assert outcome(await over(house, await house.place())) == ("completed", None, "plan")
    assert placed(asterisk) == (1, 1)


@pytest.mark.parametrize(
    "fault", [lambda faults: faults.cut_before("originate"), lambda faults: faults.hang("originate")]
)
async def test_an_order_of_which_nothing_is_found_is_indeterminate_and_never_repeated(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch, fault: Callable[[Any], Any]
) -> None:
    answers_within(monkeypatch, 0.2)
    asterisk.callee(NUMBER).answers()
    with fault(asterisk.faults):
        summary = await over(house, await house.place())
    assert outcome(summary) == ("indeterminate", "originate_unknown", "us")
    assert placed(asterisk) == (1, 0)


async def test_a_channel_that_appears_at_the_last_look_is_found(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "SETTLE", (0.01, 0.3))
    answers_within(monkeypatch, 0.1)
    asterisk.callee(NUMBER).answers(after=0.5)
    with asterisk.faults.delay("originate", seconds=0.25):
        summary = await over(house, await house.place())
    assert outcome(summary) == ("completed", None, "plan")
    assert placed(asterisk) == (1, 1)


async def test_an_order_that_is_carried_out_after_it_was_given_up_leaves_no_phone_ringing(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_within(monkeypatch, 0.1)
    asterisk.callee(NUMBER).never_answers()
    with asterisk.faults.delay("originate", seconds=0.5):
        summary = await over(house, await house.place())
        assert outcome(summary)[0] == "indeterminate"
        await asterisk.until(lambda: asterisk.originates.total() == 1)
        await eventually(lambda: the_call(asterisk).over, within=0.5)
    assert not call_channels(asterisk)


async def test_a_duplicate_id_is_our_own_call_and_is_adopted(asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).never_answers()
    async with new_http(asterisk.user, asterisk.password) as http:
        channel = CallChannel(AriRest(http, asterisk.url), "call_1-1")
        first = await channel.originate(order())
        assert first
        assert await channel.originate(order()) == first
    assert placed(asterisk) == (2, 1)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (lambda faults: faults.not_booted("originate"), "asterisk_lost"),
        (lambda faults: faults.answer("originate", status=400, body={"message": "No"}), "originate_refused"),
        (lambda faults: faults.answer("originate", status=500, body={"error": "Allocation failed"}), "trunk_missing"),
    ],
)
async def test_an_order_that_is_refused_rings_nobody(
    house: House, asterisk: FakeAsterisk, fault: Callable[[Any], Any], reason: str
) -> None:
    fault(asterisk.faults)
    summary = await over(house, await house.place())
    assert outcome(summary) == ("failed", reason, "asterisk")
    assert placed(asterisk) == (1, 0)
    assert not asterisk.requested("hangup"), "nothing was placed, so nothing is hung up"


async def test_a_trunk_that_asterisk_does_not_have_is_missing(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rig, "TRUNK", Trunk("default", "PJSIP/{number}@nowhere"))
    assert outcome(await over(house, await house.place())) == ("failed", "trunk_missing", "asterisk")


async def test_a_connection_that_is_refused_is_no_call(asterisk: FakeAsterisk) -> None:
    async with new_http(asterisk.user, asterisk.password) as http, asterisk.faults.refusing():
        with pytest.raises(OriginateFailed) as failed:
            await CallChannel(AriRest(http, asterisk.url), "call_1-1").originate(order())
    assert failed.value.fault is Fault.ASTERISK_LOST


async def test_nobody_is_rung_while_the_node_is_not_connected(house: House, asterisk: FakeAsterisk) -> None:
    """Whoever picked up would hear nothing: the application is away, the call would not be."""
    house.voice.may_speak.clear()
    call_id = await house.place()
    async with asterisk.faults.refusing():
        await eventually(lambda: not house.node.connected)
        with pytest.raises(NotTaken) as refused:
            await house.place()
        assert refused.value.reason == "asterisk_unavailable"
        house.voice.may_speak.set()
        summary = await house.summary(call_id)
    assert outcome(summary) == ("failed", "asterisk_lost", "asterisk")
    assert placed(asterisk) == (0, 0)
    await house.legs_back()


# --- events and answers in any order ----------------------------------------------------------------------------------


async def test_an_answer_that_is_told_before_the_order_is_confirmed(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    asterisk.faults.answer_after("StasisStart", "originate")
    call_id = await house.place()
    assert outcome(await over(house, call_id)) == ("completed", None, "plan")
    kinds = [type(event) for event in house.events(call_id)]
    assert kinds.index(CallAnswered) < kinds.index(OriginateAccepted)


async def test_an_end_that_is_told_twice_is_one_end(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).busy()
    asterisk.faults.repeat_event("ChannelDestroyed")
    call_id = await house.place()
    assert outcome(await over(house, call_id)) == ("busy", None, "callee")
    assert len(house.happened(CallEnded, call_id)) == 1


async def test_an_answer_that_is_told_twice_is_one_answer(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    asterisk.faults.repeat_event("StasisStart")
    call_id = await house.place()
    assert outcome(await over(house, call_id)) == ("completed", None, "plan")
    assert len(house.happened(CallAnswered, call_id)) == 1
    assert len([r for r in asterisk.requested("addChannel") if r.body == {"channel": f"{call_id}-1"}]) == 1


async def test_an_end_that_is_told_before_the_answer(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers().hangs_up(0.02)
    asterisk.faults.hold_event("StasisStart", until="ChannelDestroyed")
    call_id = await house.place()
    summary = await over(house, call_id)
    assert outcome(summary) == ("completed", None, "callee")
    assert summary["answered_at"]


@pytest.mark.parametrize("seconds", [0.0, 0.05])
async def test_who_picks_up_and_hangs_up_before_we_can_speak_has_answered(
    house: House, asterisk: FakeAsterisk, seconds: float
) -> None:
    asterisk.callee(NUMBER).answers().hangs_up(seconds)
    with asterisk.faults.delay("addChannel", seconds=0.1):
        summary = await over(house, await house.place(CODE))
    assert outcome(summary) == ("completed", None, "callee")
    assert summary["answered_at"]
    assert summary["delivered"] is False
    assert summary["played"]["digits"] == []


async def test_an_end_that_nobody_tells_is_waited_for_in_vain_and_said_so(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    asterisk.faults.drop_event("ChannelDestroyed")
    summary = await over(house, await house.place())
    assert outcome(summary) == ("completed", None, "plan")
    assert [error["code"] for error in summary["errors"]] == ["end_not_seen"]


# --- joining ----------------------------------------------------------------------------------------------------------


async def test_a_join_whose_answer_is_lost_is_looked_up_and_the_call_goes_on(
    house: House, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(NUMBER).answers(after=0.1)
    call_id = await ringing(house)
    fault = asterisk.faults.cut_after("addChannel")
    assert outcome(await over(house, call_id)) == ("completed", None, "plan")
    assert fault.used == 1


@pytest.mark.parametrize(
    "fault",
    [
        lambda faults: faults.cut_before("addChannel"),
        lambda faults: faults.not_booted("addChannel", times=1),
        lambda faults: faults.answer("addChannel", status=404, body={"message": "Bridge not found"}, times=1),
        lambda faults: faults.answer("addChannel", status=409, body={"message": "Bridge not in Stasis"}, times=1),
        lambda faults: faults.answer("addChannel", status=500, body={"message": "Ouch"}, times=1),
    ],
)
async def test_a_callee_who_can_not_be_joined_is_not_left_in_silence(
    house: House, asterisk: FakeAsterisk, fault: Callable[[Any], Any]
) -> None:
    asterisk.callee(NUMBER).answers(after=0.1)
    call_id = await ringing(house)
    fault(asterisk.faults)
    loop = asyncio.get_running_loop()
    began = loop.time()
    summary = await over(house, call_id)
    assert outcome(summary) == ("failed", "media_lost", "us")
    assert the_call(asterisk).over
    assert loop.time() - began < 1.5, "not at the ring timeout"


# --- hanging up -------------------------------------------------------------------------------------------------------


async def test_a_call_is_hung_up_by_request(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    call_id = await house.place(*LONG)
    await house.until(PiecePlayed)
    house.stasis.hang_up(call_id)
    assert outcome(await over(house, call_id)) == ("completed", None, "api")
    assert the_call(asterisk).over


async def test_a_phone_stops_ringing_though_the_order_is_not_confirmed(house: House, asterisk: FakeAsterisk) -> None:
    """Its events say that the channel is there."""
    asterisk.callee(NUMBER).never_answers()
    with asterisk.faults.answer_after("ChannelDestroyed", "originate"):
        call_id = await house.place()
        await house.until(CallProgressed)
        assert not house.happened(OriginateAccepted)
        house.stasis.hang_up(call_id)
        await eventually(lambda: the_call(asterisk).over, within=0.3)
    assert outcome(await over(house, call_id)) == ("canceled", None, "api")


async def test_a_phone_does_not_ring_on_when_the_order_is_carried_out_after_the_hang_up(
    house: House, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(NUMBER).never_answers()
    with asterisk.faults.delay("originate", seconds=0.2):
        call_id = await house.place()
        await house.until(CallDialed)
        house.stasis.hang_up(call_id)
        assert outcome(await over(house, call_id)) == ("canceled", None, "api")
    assert asterisk.originates.total() == 1
    assert the_call(asterisk).over


async def test_a_hang_up_of_an_order_that_is_never_answered_comes_to_an_end(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_within(monkeypatch, 0.2)
    with asterisk.faults.hang("originate"):
        call_id = await house.place()
        await house.until(CallDialed)
        house.stasis.hang_up(call_id)
        assert outcome(await over(house, call_id)) == ("canceled", None, "api")
    assert placed(asterisk) == (1, 0)


@pytest.mark.parametrize(
    "fault",
    [
        lambda faults: faults.not_booted("hangup", times=3),
        lambda faults: faults.cut_before("hangup", times=3),
        lambda faults: faults.cut_after("hangup"),
        lambda faults: faults.answer("hangup", status=500, body=None, times=2),
    ],
)
async def test_a_hang_up_is_tried_again_while_rest_is_away(
    house: House, asterisk: FakeAsterisk, fault: Callable[[Any], Any]
) -> None:
    asterisk.callee(NUMBER).answers()
    fault(asterisk.faults)
    assert outcome(await over(house, await house.place())) == ("completed", None, "plan")
    assert the_call(asterisk).over


async def test_a_call_that_can_not_be_hung_up_is_reaped_at_the_next_connection(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telephone, "TRIES", 2)
    asterisk.callee(NUMBER).answers()
    with asterisk.faults.not_booted("hangup"):
        call_id = await house.place()
        summary = await house.summary(call_id)
        assert outcome(summary) == ("completed", None, "plan")
        assert [error["code"] for error in summary["errors"]] == ["end_not_seen"]
        await house.legs_back()
        assert not the_call(asterisk).over
    asterisk.faults.cut_events()
    await asterisk.until(lambda: the_call(asterisk).over)


async def test_a_call_that_is_given_up_leaves_no_phone_ringing(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).never_answers()
    call_id = await ringing(house)
    house.stasis.node_lost(house.node)
    assert outcome(await over(house, call_id)) == ("failed", "asterisk_lost", "asterisk")
    assert the_call(asterisk).over


async def test_a_line_whose_call_is_over_dials_nobody(house: House, asterisk: FakeAsterisk) -> None:
    told: list[object] = []
    party = OutboundParty(house.node, "call_1-1", order())
    line_ = Line(house.node, party, await house.node.pool.take(1.0), second=nobody)
    line_.listen(told.append)
    line_.node_lost()
    await line_.dial()
    await line_.hang_up(RESULT)
    await line_.close()
    assert [type(event) for event in told] == [CallEnded]
    assert placed(asterisk) == (0, 0)
    await house.legs_back()


async def test_a_hang_up_during_preparation_rings_nobody(house: House, asterisk: FakeAsterisk) -> None:
    house.voice.may_speak.clear()
    call_id = await house.place()
    await house.voice.asked.wait()
    house.stasis.hang_up(call_id)
    house.voice.may_speak.set()
    summary = await over(house, call_id)
    assert outcome(summary) == ("canceled", None, "api")
    assert placed(asterisk) == (0, 0)


async def test_a_voice_that_breaks_rings_nobody_and_keeps_no_leg(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours before anything was ordered: there is nothing to hang up, and nothing to wait for."""

    async def prepare(script: Script, /) -> Prepared:
        raise RuntimeError("a fault of the voice")

    monkeypatch.setattr(house.voice, "prepare", prepare)
    assert outcome(await over(house, await house.place())) == ("failed", "internal_error", "us")
    assert placed(asterisk) == (0, 0)


# --- legs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("maximum", [1, 4])
async def test_a_leg_that_dies_while_the_phone_rings_is_replaced(asterisk: FakeAsterisk, maximum: int) -> None:
    asterisk.callee(NUMBER).answers(after=0.1)
    async with a_house(asterisk, legs_maximum=maximum) as house:
        call_id = await house.place()
        await house.until(CallProgressed)
        asterisk.faults.cut_media(leg_channels(asterisk)[0])
        summary = await over(house, call_id)
    assert outcome(summary) == ("completed", None, "plan")
    assert summary["errors"] == []
    assert the_call(asterisk).audio


async def test_a_leg_that_dies_while_the_phone_rings_and_can_not_be_replaced_ends_the_call(
    house: House, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(NUMBER).answers(after=0.3)
    call_id = await ringing(house)
    asterisk.faults.wedge_media()
    for leg in list(leg_channels(asterisk)):
        asterisk.leg(leg).cut()
    summary = await house.summary(call_id)
    assert outcome(summary) == ("failed", "media_lost", "us")
    assert the_call(asterisk).over
    await asterisk.restart()
    await house.legs_back()


@pytest.mark.parametrize("how", ["cut_media", "kill_leg"])
async def test_a_leg_that_dies_in_the_call_ends_it(house: House, asterisk: FakeAsterisk, how: str) -> None:
    asterisk.callee(NUMBER).answers()
    call_id = await house.place(*LONG, CODE)
    await house.until(PiecePlayed)
    leg = next(leg for leg in the_call(asterisk).legs)
    getattr(asterisk.faults, how)(leg)
    summary = await over(house, call_id)
    assert outcome(summary) == ("failed", "media_lost", "us")
    assert summary["delivered"] is False
    assert the_call(asterisk).over
    assert leg not in leg_channels(asterisk)


async def test_a_mark_that_never_comes_back_ends_the_call_in_time(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "SLACK_OF_SPEECH", 0.2)
    asterisk.callee(NUMBER).answers()
    asterisk.faults.lose_marks()
    call_id = await house.place(CODE)
    summary = await house.summary(call_id)
    assert outcome(summary) == ("failed", "media_lost", "us")
    assert [error["code"] for error in summary["errors"]] == ["speech_stalled"]
    assert summary["delivered"] is False
    assert not house.happened(CharacterPlayed, call_id)
    await eventually(lambda: the_call(asterisk).over)


async def test_no_call_hears_anything_of_another_over_the_same_leg(asterisk: FakeAsterisk) -> None:
    """Hung up in mid-code, so that there is something left in the queue; then the next one, at once."""
    asterisk.callee(NUMBER).answers().hangs_up(0.15)
    asterisk.callee("15550101").answers()
    async with a_house(asterisk, legs_maximum=1) as house:
        legs = leg_channels(asterisk)
        await over(house, await house.place(SayCode(OtpCode("1111"), times=3, gap=0.0, group=0)))
        second = await over(house, await house.place(SayCode(OtpCode("2222"), times=1, gap=0.0), number="15550101"))
        assert second["delivered"] is True
        assert leg_channels(asterisk) == legs, "it proved clean"
    heard = asterisk.callee("15550101").call.audio
    assert b"1" not in heard
    assert heard.count(b"2") == 4 * TONE


async def test_digits_that_come_while_the_prompt_is_cut_are_counted(house: House, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers().presses("1", after=0.1)
    call_id = await house.place(Gather(DigitRules(max_digits=2), prompt=(CODE, *LONG), sensitive=False))
    await house.until(CallAnswered)
    asterisk.faults.digit_in_mid_flush(the_call(asterisk), "2")
    summary = await over(house, call_id)
    assert summary["collected"][0]["digits"] == "12"
    assert len(house.happened(DigitsCollected, call_id)) == 1
