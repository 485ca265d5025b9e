"""A caller who is answered, and a second party: called, connected, parted, whatever breaks meanwhile.

After each test nobody is left on the line, no bridge and no leg is kept, and every end was told once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import pytest

from otpvoice.ari import backoff, handset, line, making, telephone
from otpvoice.ari import second as second_module
from otpvoice.ari.channel import Originate
from otpvoice.ari.inbound import InboundParty
from otpvoice.ari.line import Line
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.party import OutboundParty
from otpvoice.ari.router import AriEvent
from otpvoice.core.digits import Collected, EndedBy
from otpvoice.core.events import (
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    CallReleased,
    DigitReceived,
    DigitsNotSent,
    DigitsSent,
    Happening,
    MediaLost,
    MediaUnavailable,
    OnSecond,
    OriginateAccepted,
    PartiesConnected,
    PartiesParted,
    PiecePlayed,
    QualitySampled,
)
from otpvoice.core.outcome import EndedParty, Fault, Outcome, OutcomeClass
from otpvoice.core.result import Result
from otpvoice.core.secret import Keys
from otpvoice.media.playout import Piece
from tests.ari.rig import APP, OWN_APP, PREFIX, TONE, Watcher, a_while, answers_within, eventually, running
from tests.ari.rig import node_settings as settings_of
from tests.fakes import Call, FakeAsterisk, Request
from tests.fakes.dialplan import Dialplan

CALLER, SECOND = "15550111", "15550122"
TALK = "otpvoice-a-talk-call_1-2"
RESULT = Result(
    Outcome(OutcomeClass.COMPLETED, None, 16, None, EndedParty.PLAN),
    delivered=True,
    collected=Collected(Keys("4711"), EndedBy.TERMINATOR, valid=True, ignored=0),
)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephone, "END_TOLD_WITHIN", 0.2)
    monkeypatch.setattr(backoff, "FIRST", 0.03)
    monkeypatch.setattr(line, "LOOK_EVERY", 0.005)
    monkeypatch.setattr(line, "FIRST_LEG_WITHIN", 0.5)
    monkeypatch.setattr(handset, "NEW_LEG_WITHIN", 0.5)
    monkeypatch.setattr(handset, "LEFT_WITHIN", 0.2)
    monkeypatch.setattr(second_module, "ENTERS_WITHIN", 0.3)


class Exchange(Watcher):
    """One caller, whose line is connected to what the node tells."""

    def __init__(self, asterisk: FakeAsterisk) -> None:
        super().__init__()
        self.asterisk = asterisk
        self.told: list[Happening] = []
        self.line: Line | None = None
        self.call: Call | None = None
        self.node: AsteriskNode

    def stranger(self, node: AsteriskNode, event: AriEvent) -> None:
        super().stranger(node, event)
        if event["type"] == "StasisStart" and event["application"] == APP:
            self.line = Line(node, InboundParty(node, event), second=self._second)
            self.line.listen(self.told.append)

    def after_gap(self, node: AsteriskNode, alive: Any, *, restarted: bool) -> None:
        super().after_gap(node, alive, restarted=restarted)
        if self.line is not None:
            self.line.after_gap(alive, restarted=restarted)

    def node_lost(self, node: AsteriskNode) -> None:
        super().node_lost(node)
        if self.line is not None:
            self.line.node_lost()

    def _second(self, number: int, to: str, caller_id: str | None, ring_timeout: float) -> OutboundParty:
        order = Originate(f"PJSIP/{to}@{self.trunk}", OWN_APP, caller_id, ring_timeout, 60.0, "call_1")
        return OutboundParty(self.node, f"call_1-{number + 1}", order)

    trunk = "trunk"

    async def arrives(self) -> Line:
        self.call = self.asterisk.inbound(APP, caller=CALLER, state="Ring", dialplan=Dialplan(waits=None))
        await eventually(lambda: self.line)
        assert self.line is not None
        return self.line

    async def answered(self) -> Line:
        line_ = await self.arrives()
        await line_.answer()
        await self.until(CallAnswered)
        return line_

    async def dialled(self) -> Line:
        """The second party has picked up."""
        line_ = await self.answered()
        if not self.asterisk.callee(SECOND).scripted:
            self.asterisk.callee(SECOND).answers()
        await line_.dial_second(1, SECOND, "+15550199", 10.0)
        await self.until_second(CallAnswered)
        return line_

    async def ringing(self) -> Line:
        """The second party's phone rings."""
        self.asterisk.callee(SECOND).never_answers()
        line_ = await self.answered()
        await line_.dial_second(1, SECOND, None, 10.0)
        await self.until_second(CallProgressed)
        return line_

    async def talking(self) -> Line:
        line_ = await self.dialled()
        await line_.connect(1)
        await self.until(PartiesConnected)
        return line_

    def happened(self, kind: type[Happening]) -> list[Happening]:
        return [event for event in self.told if isinstance(event, kind)]

    def of_second(self, kind: Any) -> list[Any]:
        return [e.event for e in self.told if isinstance(e, OnSecond) and isinstance(e.event, kind)]

    async def until(self, kind: type[Happening]) -> None:
        await eventually(lambda: self.happened(kind))

    async def until_second(self, kind: Any) -> None:
        await eventually(lambda: self.of_second(kind))

    @property
    def first(self) -> Call:
        assert self.call is not None
        return self.call

    @property
    def second(self) -> Call:
        return self.asterisk.callee(SECOND).call


@pytest.fixture
async def exchange(asterisk: FakeAsterisk) -> AsyncIterator[Exchange]:
    exchange = Exchange(asterisk)
    exchange.node = AsteriskNode(settings_of(asterisk), exchange)
    async with running(exchange.node) as node:
        yield exchange
        for fault in asterisk.faults._rest:
            fault.lift()
        if exchange.line is not None:
            await exchange.line.close()
        await eventually(lambda: node.connected and node.pool.taken == 0 and node.pool.free >= 1)
        ours = [c for c in asterisk.switch.channels.values() if c.app and not c.id.startswith(PREFIX)]
        await eventually(lambda: all(channel.gone for channel in ours if channel.app))
        assert not [b for b in asterisk.switch.bridges if "-talk-" in b]
        await eventually(lambda: len(node.router) == 2 * len(node.pool.ids))
        assert len(exchange.happened(CallEnded)) + len(exchange.happened(CallReleased)) <= 1
        numbers = [e.number for e in exchange.told if isinstance(e, OnSecond) and isinstance(e.event, CallEnded)]
        assert len(numbers) == len(set(numbers))


async def hears(exchange: Exchange, text: bytes = b"x") -> None:
    """Whoever is first on the line hears us."""
    assert exchange.line is not None
    count = len(exchange.happened(PiecePlayed))
    await exchange.line.speak(f"u{count}", [Piece(text * TONE, 0), Piece(b"\xff" * TONE)])
    await eventually(lambda: len(exchange.happened(PiecePlayed)) > count)
    await eventually(lambda: text in exchange.first.audio)


def is_about_first(exchange: Exchange, request: Request) -> bool:
    return exchange.first.channel.id in (request.id, request.text("channel"))


# --- the caller -------------------------------------------------------------------------------------------------------


async def test_a_caller_is_answered_and_hears_us(exchange: Exchange) -> None:
    await exchange.answered()
    assert exchange.first.channel.state == "Up"
    await hears(exchange)
    await exchange.first.press("7")
    await exchange.until(DigitReceived)
    await a_while(0.02)
    assert len(exchange.happened(DigitReceived)) == 1, "by the leg; what ARI tells of it does not count"
    assert "digit" not in repr(exchange.happened(DigitReceived))


async def test_a_caller_for_whom_there_is_no_leg_is_not_answered(exchange: Exchange) -> None:
    pool = exchange.node.pool
    taken = [await pool.take(1.0) for _ in range(4)]
    line_ = await exchange.arrives()
    await line_.answer()
    assert [type(e) for e in exchange.told] == [MediaUnavailable]
    assert exchange.first.channel.state == "Ring"
    await line_.release(RESULT)
    assert exchange.happened(CallReleased)
    for leg in taken:
        await pool.give_back(leg)


async def test_a_caller_on_a_wedged_asterisk_is_not_answered(
    exchange: Exchange, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "COMES_UP_WITHIN", 0.1)
    leg = await exchange.node.pool.take(1.0)
    asterisk.faults.wedge_media()
    while exchange.node.pool.free:
        await exchange.node.pool.take(0.1)
    line_ = await exchange.arrives()
    await line_.answer()
    assert exchange.happened(MediaUnavailable)
    await line_.release(RESULT)
    await asterisk.restart()
    await exchange.node.pool.give_back(leg)


async def test_an_answer_that_is_refused_is_no_answer(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    asterisk.faults.answer("answer", status=412, body={"message": "Channel in invalid state"})
    line_ = await exchange.arrives()
    await line_.answer()
    assert [type(e) for e in exchange.told] == [MediaUnavailable]


async def test_who_hangs_up_while_we_wait_for_a_leg_keeps_nobody_waiting(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "FIRST_LEG_WITHIN", 30.0)
    pool = exchange.node.pool
    taken = [await pool.take(1.0) for _ in range(4)]
    line_ = await exchange.arrives()
    answering = asyncio.create_task(line_.answer())
    await a_while(0.02)
    exchange.first.hang_up()
    async with asyncio.timeout(1.0):
        await answering
    assert [type(e) for e in exchange.told] == [CallEnded]
    for leg in taken:
        await pool.give_back(leg)


@pytest.mark.parametrize("operation", ["answer", "addChannel"])
async def test_who_hangs_up_while_being_answered_has_ended(
    exchange: Exchange, asterisk: FakeAsterisk, operation: str
) -> None:
    line_ = await exchange.arrives()
    with asterisk.faults.delay(operation, seconds=0.1):
        answering = asyncio.create_task(line_.answer())
        await asterisk.until(
            lambda: any(is_about_first(exchange, request) for request in asterisk.requested(operation))
        )
        exchange.first.hang_up()
        await answering
    await exchange.until(CallEnded)
    assert not exchange.happened(MediaLost)
    assert len(exchange.happened(CallAnswered)) == (operation == "addChannel"), "picked up, and heard nothing"


async def test_an_answered_caller_who_can_not_be_joined_is_told_of(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    asterisk.faults.answer("addChannel", status=500, times=1)
    line_ = await exchange.arrives()
    await eventually(lambda: exchange.node.pool.free)
    await line_.answer()
    await exchange.until(MediaLost)
    await line_.release(RESULT)
    assert exchange.happened(CallReleased)


async def test_a_released_caller_takes_the_result_along(exchange: Exchange) -> None:
    line_ = await exchange.answered()
    await line_.release(RESULT)
    assert exchange.happened(CallReleased)
    seen = exchange.first.then[0].variables
    assert {name: seen[name] for name in seen if name.startswith("OTPVOICE_")} == {
        "OTPVOICE_STATUS": "completed",
        "OTPVOICE_REASON": "",
        "OTPVOICE_ERROR": "",
        "OTPVOICE_DELIVERED": "1",
        "OTPVOICE_DIGITS": "4711",
        "OTPVOICE_DIGITS_ENDED_BY": "terminator",
    }
    assert not exchange.first.over


async def test_who_hangs_up_leaves_what_was_known_by_then(exchange: Exchange) -> None:
    line_ = await exchange.answered()
    await line_.report(RESULT)
    exchange.first.hang_up()
    await exchange.until(CallEnded)
    seen = exchange.first.then[-1].variables
    assert {name: seen[name] for name in seen if name.startswith("OTPVOICE_")} == {
        "OTPVOICE_DELIVERED": "1",
        "OTPVOICE_DIGITS": "4711",
        "OTPVOICE_DIGITS_ENDED_BY": "terminator",
    }
    before = len(exchange.asterisk.requested("setVariable", "setVariables"))
    await line_.report(RESULT)
    assert len(exchange.asterisk.requested("setVariable", "setVariables")) == before, "there is nobody to be told"


async def test_a_caller_who_is_hung_up_leaves_the_result(exchange: Exchange) -> None:
    line_ = await exchange.answered()
    await line_.hang_up(RESULT)
    await exchange.until(CallEnded)
    assert exchange.first.then[-1].variables["OTPVOICE_DIGITS"] == "4711"


async def test_a_caller_who_is_not_answered_can_be_released_and_hung_up(exchange: Exchange) -> None:
    line_ = await exchange.arrives()
    await line_.hang_up(RESULT)
    await exchange.until(CallEnded)
    await line_.answer()
    assert not exchange.happened(CallAnswered)


# --- calling the second -----------------------------------------------------------------------------------------------


async def test_what_happens_to_a_second_party_is_told_of_it(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    asterisk.callee(SECOND).rings(0.01).answers(0.02).hangs_up(0.05)
    await exchange.dialled()
    await exchange.until_second(CallEnded)
    kinds = [type(e.event) for e in exchange.told if isinstance(e, OnSecond)]
    assert [k for k in kinds if k is not OriginateAccepted] == [CallDialed, CallProgressed, CallAnswered, CallEnded]
    assert exchange.second.channel.variables["OTPVOICE_CALL"] == "call_1"
    assert exchange.second.channel.id == "call_1-2"
    assert not exchange.happened(CallEnded), "the first is still there"
    await hears(exchange)


@pytest.mark.parametrize(
    ("trunk", "fault", "expected"),
    [
        ("nowhere", None, Fault.TRUNK_MISSING),
        ("trunk", (400, "No"), Fault.ORIGINATE_REFUSED),
        ("trunk", (503, "Asterisk not booted"), Fault.ASTERISK_LOST),
    ],
)
async def test_a_second_party_that_can_not_be_called_has_ended(
    exchange: Exchange, asterisk: FakeAsterisk, trunk: str, fault: tuple[int, str] | None, expected: Fault
) -> None:
    line_ = await exchange.answered()
    exchange.trunk = trunk
    if fault is not None:
        asterisk.faults.answer("originate", status=fault[0], body={"message": fault[1]})
    await line_.dial_second(1, SECOND, None, 10.0)
    [ended] = exchange.of_second(CallEnded)
    assert ended.fault is expected
    await hears(exchange)


@pytest.mark.parametrize("status", [486, 404, 603])
async def test_a_second_party_that_does_not_want_to_has_ended(
    exchange: Exchange, asterisk: FakeAsterisk, status: int
) -> None:
    asterisk.callee(SECOND).rejects(status)
    line_ = await exchange.answered()
    await line_.dial_second(1, SECOND, None, 10.0)
    await exchange.until_second(CallEnded)
    [ended] = exchange.of_second(CallEnded)
    assert ended.sip_status == status


async def test_a_second_party_that_is_hung_up_while_it_rings_has_ended(
    exchange: Exchange, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(SECOND).never_answers()
    line_ = await exchange.answered()
    await line_.dial_second(1, SECOND, None, 10.0)
    await exchange.until_second(CallProgressed)
    await line_.hang_up_second(1)
    await exchange.until_second(CallEnded)
    assert exchange.second.over


async def test_a_second_party_that_answers_in_the_moment_of_the_hang_up_is_not_left_on_the_line(
    exchange: Exchange, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(SECOND).never_answers()
    line_ = await exchange.answered()
    await line_.dial_second(1, SECOND, None, 10.0)
    await exchange.until_second(CallProgressed)
    with asterisk.faults.delay("hangup", seconds=0.05):
        hanging_up = asyncio.create_task(line_.hang_up_second(1))
        await asterisk.until(lambda: bool(asterisk.requested("hangup")))
        asterisk.switch.answered(exchange.second.channel, OWN_APP, [])
        await hanging_up
    await exchange.until_second(CallEnded)
    assert exchange.second.over


async def test_a_second_party_is_not_called_when_the_first_has_gone(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    line_ = await exchange.answered()
    exchange.first.hang_up()
    await exchange.until(CallEnded)
    await line_.dial_second(1, SECOND, None, 10.0)
    await line_.hang_up_second(1)
    assert len(exchange.of_second(CallEnded)) == 1
    assert not asterisk.requested("originate")


async def test_a_second_party_ends_and_is_told_of_when_the_first_has_gone(
    exchange: Exchange, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(SECOND).never_answers()
    line_ = await exchange.answered()
    await line_.dial_second(1, SECOND, None, 10.0)
    await exchange.until_second(CallProgressed)
    exchange.first.hang_up()
    await exchange.until(CallEnded)
    await line_.hang_up_second(1)
    await exchange.until_second(CallEnded)
    assert exchange.second.over


async def test_a_call_that_is_closed_leaves_no_second_party_ringing(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    asterisk.callee(SECOND).never_answers()
    line_ = await exchange.answered()
    await line_.dial_second(1, SECOND, None, 10.0)
    await line_.close()
    await asterisk.until(lambda: exchange.second.over)


# --- an extension -----------------------------------------------------------------------------------------------------


async def test_keys_are_pressed_at_the_second_party_and_told_as_its_own(exchange: Exchange) -> None:
    line_ = await exchange.dialled()
    await line_.send_digits_to_second(1, "12#")
    await exchange.until_second(DigitsSent)
    assert (exchange.second.digits, exchange.first.digits) == ("12#", "")
    assert not exchange.happened(DigitsSent)
    await line_.connect(1)
    await exchange.until(PartiesConnected)


async def test_keys_that_are_refused_at_the_second_party_are_told(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    line_ = await exchange.dialled()
    asterisk.faults.answer("sendDTMF", status=500)
    await line_.send_digits_to_second(1, "12#")
    await exchange.until_second(DigitsNotSent)
    assert not exchange.happened(DigitsNotSent)


async def test_keys_for_a_second_party_that_nobody_called_are_nobodys(exchange: Exchange) -> None:
    line_ = await exchange.answered()
    await line_.send_digits_to_second(1, "1")
    assert not exchange.asterisk.requested("sendDTMF")


@pytest.mark.parametrize("who", ["the second hangs up", "we hang up the second", "the first hangs up", "closed"])
async def test_whoever_leaves_meanwhile_ends_the_pressing(exchange: Exchange, asterisk: FakeAsterisk, who: str) -> None:
    line_ = await exchange.dialled()
    await line_.send_digits_to_second(1, "1" + "w" * 40)
    # It has sounded, and what remains is waiting.
    await eventually(lambda: [request for request in asterisk.requested("answer") if request.id == "call_1-2"])
    match who:
        case "the second hangs up":
            exchange.second.hang_up()
        case "we hang up the second":
            await line_.hang_up_second(1)
        case "the first hangs up":
            exchange.first.hang_up()
            await exchange.until(CallEnded)
            assert line_._pressing._pressing is not None
            await eventually(line_._pressing._pressing.done)
            await line_.hang_up_second(1)
        case _:
            await line_.close()
            return
    await exchange.until_second(CallEnded)
    assert line_._pressing._pressing is not None
    await eventually(line_._pressing._pressing.done)
    assert not exchange.of_second(DigitsSent)


# --- talking ----------------------------------------------------------------------------------------------------------


async def test_two_parties_talk_and_the_first_comes_back(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    line_ = await exchange.talking()
    assert {c.id for c in asterisk.switch.bridges[TALK].channels} == {exchange.first.channel.id, "call_1-2"}
    exchange.first.say(b"a" * 480)
    exchange.second.say(b"b" * 480)
    await asterisk.until(lambda: b"a" in exchange.second.audio and b"b" in exchange.first.audio)
    exchange.second.hang_up()
    await exchange.until_second(CallEnded)
    await line_.part()
    assert exchange.happened(PartiesParted)
    assert TALK not in asterisk.switch.bridges
    await hears(exchange)
    assert not exchange.happened(MediaLost)


async def test_keys_of_both_are_told_while_they_talk_and_only_then(exchange: Exchange) -> None:
    line_ = await exchange.dialled()
    exchange.second.press_now("1")
    exchange.first.press_now("2")
    await exchange.until(DigitReceived)
    await line_.connect(1)
    exchange.second.press_now("3")
    exchange.first.press_now("4")
    await exchange.until_second(DigitReceived)
    await eventually(lambda: len(exchange.happened(DigitReceived)) == 2)
    exchange.second.hang_up()
    await exchange.until_second(CallEnded)
    await line_.part()
    exchange.first.press_now("5")
    await eventually(lambda: len(exchange.happened(DigitReceived)) == 3)
    digits = [e.digit for e in exchange.told if isinstance(e, DigitReceived)]
    assert digits == ["2", "4", "5"]
    assert [e.digit for e in exchange.of_second(DigitReceived)] == ["3"]


async def test_the_second_can_be_called_a_second_time(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    line_ = await exchange.talking()
    exchange.second.hang_up()
    await exchange.until_second(CallEnded)
    await line_.part()
    await line_.dial_second(2, SECOND, None, 10.0)
    await eventually(lambda: len(exchange.of_second(CallAnswered)) == 2)
    await line_.connect(2)
    assert len(exchange.happened(PartiesConnected)) == 2
    assert exchange.second.channel.id == "call_1-3"


async def test_quality_is_asked_for_both(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    line_ = await exchange.talking()
    sampled = QualitySampled(1.0, 4.0, 1.0, 0.0, 20.0)

    async def sample(_: telephone.Telephone) -> QualitySampled:
        return sampled

    monkeypatch.setattr(telephone.Telephone, "sample", sample)
    await line_.sample()
    assert exchange.told[-2:] == [sampled, OnSecond(1, sampled)]
    exchange.second.hang_up()
    await exchange.until_second(CallEnded)
    await line_.sample()
    assert exchange.told[-1] == sampled


@pytest.mark.parametrize("operation", ["createBridge", "addChannel"])
@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "not_booted"])
async def test_what_rest_loses_on_the_way_is_done_again_or_told(
    exchange: Exchange, asterisk: FakeAsterisk, operation: str, fault: str
) -> None:
    line_ = await exchange.dialled()
    await eventually(lambda: exchange.node.pool.free)  # the pool has nothing to do now
    getattr(asterisk.faults, fault)(operation, times=1)
    await line_.connect(1)
    if operation == "createBridge" or fault == "cut_after":
        assert exchange.happened(PartiesConnected)
    else:
        assert exchange.happened(MediaLost)


async def test_a_bridge_that_can_not_be_made_is_told(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    line_ = await exchange.dialled()
    await eventually(lambda: exchange.node.pool.free)
    with asterisk.faults.not_booted("createBridge"):
        await line_.connect(1)
    assert exchange.happened(MediaLost)
    assert not exchange.happened(PartiesConnected)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("operation", ["createBridge", "addChannel"])
@pytest.mark.parametrize("who", ["first", "second"])
async def test_who_leaves_while_they_are_connected_has_ended_and_they_are_not_connected(
    *, exchange: Exchange, asterisk: FakeAsterisk, who: str, operation: str, lost: bool
) -> None:
    line_ = await exchange.dialled()
    await eventually(lambda: exchange.node.pool.free)
    before = len(asterisk.requested(operation))
    if lost:
        asterisk.faults.drop_event("StasisEnd" if who == "first" else "ChannelDestroyed")
    with asterisk.faults.delay(operation, seconds=0.1, times=1):
        connecting = asyncio.create_task(line_.connect(1))
        await asterisk.until(lambda: len(asterisk.requested(operation)) > before)
        getattr(exchange, who).hang_up()
        await connecting
    await (exchange.until(CallEnded) if who == "first" else exchange.until_second(CallEnded))
    assert not exchange.happened(PartiesConnected)
    assert not exchange.happened(MediaLost)
    if who == "second":
        await line_.part()
        assert exchange.happened(PartiesParted)
        await hears(exchange)
    else:
        await line_.hang_up_second(1)
        await exchange.until_second(CallEnded)


async def test_a_second_that_leaves_while_the_first_is_moved_gives_the_first_back(
    exchange: Exchange, asterisk: FakeAsterisk
) -> None:
    line_ = await exchange.dialled()
    await eventually(lambda: exchange.node.pool.free)
    before = len(asterisk.requested("addChannel"))
    connecting = asyncio.create_task(line_.connect(1))
    await asterisk.until(lambda: len(asterisk.requested("addChannel")) > before)
    asterisk.faults.delay("addChannel", seconds=0.1, times=1)
    await asterisk.until(lambda: len(asterisk.requested("addChannel")) > before + 1)
    exchange.second.hang_up()
    await connecting
    assert not exchange.happened(PartiesConnected)
    await line_.part()
    assert exchange.happened(PartiesParted)
    await hears(exchange)


async def test_orders_to_connect_and_to_part_that_cross_are_carried_out_in_turn(
    exchange: Exchange, asterisk: FakeAsterisk
) -> None:
    line_ = await exchange.dialled()
    with asterisk.faults.delay("createBridge", seconds=0.05):
        connecting = asyncio.create_task(line_.connect(1))
        await asterisk.until(lambda: TALK in [request.id for request in asterisk.requested("createBridge")])
        await line_.part()
        await connecting
    kinds = [type(e) for e in exchange.told if isinstance(e, PartiesConnected | PartiesParted)]
    assert kinds == [PartiesConnected, PartiesParted]
    await hears(exchange)


async def test_the_first_that_leaves_the_talk_leaves_the_second_to_be_hung_up(exchange: Exchange) -> None:
    line_ = await exchange.talking()
    exchange.first.hang_up()
    await exchange.until(CallEnded)
    await line_.hang_up_second(1)
    await exchange.until_second(CallEnded)
    assert exchange.second.over


@pytest.mark.parametrize("how", ["release", "hang_up"])
async def test_the_first_can_be_let_go_out_of_the_talk(exchange: Exchange, how: str) -> None:
    line_ = await exchange.talking()
    await getattr(line_, how)(RESULT)
    await line_.hang_up_second(1)
    await exchange.until_second(CallEnded)
    await exchange.until(CallReleased if how == "release" else CallEnded)


async def test_a_part_that_finds_the_first_gone_leaves_it_to_its_end(
    exchange: Exchange, asterisk: FakeAsterisk
) -> None:
    line_ = await exchange.talking()
    exchange.second.hang_up()
    await exchange.until_second(CallEnded)
    asterisk.faults.drop_event("StasisEnd")
    exchange.first.hang_up()
    await line_.part()
    await exchange.until(CallEnded)
    assert not exchange.happened(PartiesParted)
    assert not exchange.happened(MediaLost)


@pytest.mark.parametrize("how", ["cut_media", "kill_leg"])
async def test_a_leg_that_dies_while_they_talk_is_replaced(
    exchange: Exchange, asterisk: FakeAsterisk, how: str
) -> None:
    line_ = await exchange.dialled()
    [leg] = exchange.first.legs
    await line_.connect(1)
    getattr(asterisk.faults, how)(leg)
    await asterisk.until(lambda: leg not in asterisk.switch.channels)
    exchange.second.hang_up()
    await exchange.until_second(CallEnded)
    await line_.part()
    assert exchange.happened(PartiesParted)
    assert not exchange.happened(MediaLost)
    await hears(exchange)
    assert exchange.first.legs != [leg]


@pytest.mark.parametrize("how", ["cut_media", "kill_leg"])
async def test_a_leg_that_dies_while_the_first_is_on_its_way_back_is_replaced(
    exchange: Exchange, asterisk: FakeAsterisk, how: str
) -> None:
    line_ = await exchange.dialled()
    [leg] = exchange.first.legs
    await line_.connect(1)
    with asterisk.faults.delay("addChannel", seconds=0.2, times=1):
        parting = asyncio.create_task(line_.part())
        known = len(asterisk.requested("addChannel"))
        await asterisk.until(lambda: len(asterisk.requested("addChannel")) > known)
        getattr(asterisk.faults, how)(leg)
        await parting
    assert exchange.happened(PartiesParted)
    assert not exchange.happened(MediaLost)
    await hears(exchange)
    assert exchange.first.legs != [leg]


async def test_a_leg_that_dies_while_they_talk_and_can_not_be_replaced_is_told(
    exchange: Exchange, asterisk: FakeAsterisk
) -> None:
    line_ = await exchange.dialled()
    [leg] = exchange.first.legs
    taken = [await exchange.node.pool.take(1.0) for _ in range(3)]
    await line_.connect(1)
    asterisk.faults.answer("externalMedia", status=500)
    asterisk.faults.kill_leg(leg)
    exchange.second.hang_up()
    await exchange.until_second(CallEnded)
    await line_.part()
    assert exchange.happened(MediaLost)
    assert not exchange.happened(PartiesParted)
    for other in taken:
        await exchange.node.pool.give_back(other)


async def test_a_part_whose_bridge_can_not_be_taken_away_is_made_up_for_later(
    exchange: Exchange, asterisk: FakeAsterisk
) -> None:
    line_ = await exchange.talking()
    exchange.second.hang_up()
    await exchange.until_second(CallEnded)
    with asterisk.faults.not_booted("destroyBridge"):
        await line_.part()
    assert exchange.happened(PartiesParted)
    assert TALK in asterisk.switch.bridges
    asterisk.faults.cut_events()
    await asterisk.until(lambda: TALK not in asterisk.switch.bridges)


async def test_somebody_whom_we_called_can_talk_as_well(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    asterisk.callee(CALLER).answers()
    asterisk.callee(SECOND).answers().hangs_up(0.2)
    order = Originate(f"PJSIP/{CALLER}@trunk", OWN_APP, None, 10.0, 60.0, "call_1")
    party = OutboundParty(exchange.node, "call_1-1", order)
    exchange.line = Line(exchange.node, party, await exchange.node.pool.take(1.0), second=exchange._second)
    exchange.line.listen(exchange.told.append)
    await exchange.line.dial()
    await exchange.until(CallAnswered)
    exchange.call = asterisk.callee(CALLER).call
    await exchange.line.dial_second(1, SECOND, None, 10.0)
    await exchange.until_second(CallAnswered)
    await exchange.line.connect(1)
    exchange.first.press_now("4")
    await exchange.until(DigitReceived)
    await exchange.until_second(CallEnded)
    await exchange.line.part()
    await hears(exchange)
    await exchange.line.release(RESULT)
    await exchange.until(CallEnded)
    assert exchange.first.over, "there is no dialplan in which it could go on"


async def test_a_key_that_is_told_in_a_broken_event_is_not_logged(
    exchange: Exchange, capsys: pytest.CaptureFixture[str]
) -> None:
    line_ = await exchange.talking()
    channel = {"id": exchange.first.channel.id}
    event = {"type": "ChannelDtmfReceived", "digit": "DIGIT", "timestamp": "never", "channel": channel}
    assert exchange.node._socket is not None
    exchange.node._socket._route(json.dumps(event), exchange.node.router.route)
    out = capsys.readouterr().out
    assert "ari.event_not_understood" in out
    assert "DIGIT" not in out
    await line_.part()


async def test_a_fault_of_ours_ends_the_call_and_lets_the_caller_go_on(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def join(*_: object) -> bool:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(handset.Handset, "join", join)
    line_ = await exchange.arrives()
    await line_.answer()
    await exchange.until(CallEnded)
    [ended] = exchange.happened(CallEnded)
    assert isinstance(ended, CallEnded)
    assert ended.fault is Fault.INTERNAL_ERROR
    await line_.close()
    assert exchange.first.then[0].variables["OTPVOICE_STATUS"] == "failed"
    assert not exchange.first.over


# --- gaps -------------------------------------------------------------------------------------------------------------


async def back(exchange: Exchange, gaps: int = 2) -> None:
    await eventually(lambda: len(exchange.gaps) >= gaps and exchange.node.connected)


Reach: TypeAlias = Callable[[Exchange], Coroutine[Any, Any, Line]]
STATES: list[Reach] = [Exchange.arrives, Exchange.answered, Exchange.ringing, Exchange.dialled, Exchange.talking]
WITH_SECOND = STATES[2:]


@pytest.mark.parametrize("reach", STATES)
async def test_a_call_outlives_a_gap_in_each_of_its_states(
    exchange: Exchange, asterisk: FakeAsterisk, reach: Reach
) -> None:
    line_ = await reach(exchange)
    asterisk.faults.cut_events()
    await back(exchange)
    await a_while(0.1)
    assert not exchange.happened(CallEnded)
    assert not exchange.of_second(CallEnded)
    if reach is Exchange.arrives:
        await line_.answer()
        await exchange.until(CallAnswered)
    if reach is Exchange.ringing:
        asterisk.switch.answered(exchange.second.channel, OWN_APP, [])
        await exchange.until_second(CallAnswered)
    if reach in WITH_SECOND:
        if reach is not Exchange.talking:
            await line_.connect(1)
        assert TALK in asterisk.switch.bridges
        exchange.second.hang_up()
        await exchange.until_second(CallEnded)
        await line_.part()
        assert exchange.happened(PartiesParted)
    await hears(exchange)


@pytest.mark.parametrize("who", ["first", "second"])
@pytest.mark.parametrize("reach", WITH_SECOND)
async def test_who_left_in_a_gap_has_ended_unseen(
    exchange: Exchange, asterisk: FakeAsterisk, reach: Reach, who: str
) -> None:
    line_ = await reach(exchange)
    asterisk.faults.cut_events()
    getattr(exchange, who).hang_up()
    await (exchange.until(CallEnded) if who == "first" else exchange.until_second(CallEnded))
    [ended] = exchange.happened(CallEnded) if who == "first" else exchange.of_second(CallEnded)
    assert isinstance(ended, CallEnded)
    assert ended.fault is Fault.EVENTS_LOST
    if who == "second":
        await line_.part()
        assert exchange.happened(PartiesParted)
        await hears(exchange)


async def test_a_second_who_picked_up_in_a_gap_can_be_talked_with(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    """Its StasisStart went into a black hole; it is found by a look."""
    asterisk.callee(SECOND).never_answers()
    line_ = await exchange.answered()
    await line_.dial_second(1, SECOND, None, 10.0)
    await exchange.until_second(CallProgressed)
    asterisk.faults.black_hole_events()
    asterisk.switch.answered(exchange.second.channel, OWN_APP, [])
    asterisk.faults.cut_events()
    await exchange.until_second(CallAnswered)
    await line_.connect(1)
    assert exchange.happened(PartiesConnected)


async def test_a_second_who_is_just_picking_up_after_a_gap_is_waited_for(
    exchange: Exchange, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(SECOND).never_answers()
    line_ = await exchange.answered()
    await line_.dial_second(1, SECOND, None, 10.0)
    await exchange.until_second(CallProgressed)
    exchange.second.channel.state = "Up"
    asterisk.faults.cut_events()
    await exchange.until_second(CallAnswered)
    connecting = asyncio.create_task(line_.connect(1))
    await eventually(lambda: 422 in [request.status for request in asterisk.requested("addChannel")])
    asterisk.switch.answered(exchange.second.channel, OWN_APP, [])
    await connecting
    assert exchange.happened(PartiesConnected)
    assert len(exchange.of_second(CallAnswered)) == 1


@asynccontextmanager
async def without_events(exchange: Exchange) -> AsyncIterator[None]:
    """REST works, and the events socket does not come up."""
    gaps = len(exchange.gaps)
    with exchange.asterisk.faults.not_booted("eventFilter"):
        exchange.asterisk.faults.cut_events()
        await eventually(lambda: not exchange.node.connected)
        yield
    await back(exchange, gaps + 1)


async def test_who_is_answered_while_the_events_are_away_hears_us(exchange: Exchange) -> None:
    line_ = await exchange.arrives()
    async with without_events(exchange):
        await line_.answer()
        await exchange.until(CallAnswered)
        await hears(exchange)
    assert len(exchange.happened(CallAnswered)) == 1


async def test_parties_are_connected_and_parted_while_the_events_are_away(exchange: Exchange) -> None:
    line_ = await exchange.dialled()
    async with without_events(exchange):
        await line_.connect(1)
        assert exchange.happened(PartiesConnected)
        exchange.second.hang_up()
        await line_.part()
        assert exchange.happened(PartiesParted)
        await hears(exchange)
    await exchange.until_second(CallEnded)


async def test_a_second_party_is_not_rung_while_the_events_are_away(exchange: Exchange, asterisk: FakeAsterisk) -> None:
    """Whoever picked up would hear nothing."""
    line_ = await exchange.answered()
    async with without_events(exchange):
        await line_.dial_second(1, SECOND, None, 10.0)
    [ended] = exchange.of_second(CallEnded)
    assert ended.fault is Fault.ASTERISK_LOST
    assert not asterisk.requested("originate")


@pytest.mark.parametrize("how", ["release", "hang_up"])
@pytest.mark.parametrize("reach", STATES)
async def test_both_are_let_go_while_the_events_are_away(exchange: Exchange, reach: Reach, how: str) -> None:
    line_ = await reach(exchange)
    async with without_events(exchange):
        await getattr(line_, how)(RESULT)
        if reach in WITH_SECOND:
            await line_.hang_up_second(1)
            await exchange.until_second(CallEnded)
        await exchange.until(CallReleased if how == "release" else CallEnded)
        await eventually(lambda: exchange.first.then)
        assert exchange.first.then[0].variables["OTPVOICE_DIGITS"] == "4711"
    assert exchange.first.over == (how == "hang_up")


@pytest.mark.parametrize("reach", STATES)
async def test_an_asterisk_that_dies_ends_both(exchange: Exchange, asterisk: FakeAsterisk, reach: Reach) -> None:
    await reach(exchange)
    await asterisk.restart(booting=0.05)
    await exchange.until(CallEnded)
    if reach in WITH_SECOND:
        await exchange.until_second(CallEnded)
    for ended in (*exchange.happened(CallEnded), *exchange.of_second(CallEnded)):
        assert isinstance(ended, CallEnded)
        assert ended.fault is Fault.ASTERISK_LOST


@pytest.mark.parametrize("reach", STATES)
async def test_a_node_that_stays_away_ends_both(exchange: Exchange, reach: Reach) -> None:
    await reach(exchange)
    exchange.node_lost(exchange.node)
    assert len(exchange.happened(CallEnded)) == 1
    assert len(exchange.of_second(CallEnded)) == (reach in WITH_SECOND)


async def test_rest_that_hangs_while_they_are_connected_is_told(
    exchange: Exchange, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_within(monkeypatch, 0.1)
    line_ = await exchange.dialled()
    await eventually(lambda: exchange.node.pool.free)
    with asterisk.faults.hang("addChannel"):
        await line_.connect(1)
    assert exchange.happened(MediaLost)
