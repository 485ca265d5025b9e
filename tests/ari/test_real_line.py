"""A caller, a second party, and what is released, on a real Asterisk: what the fake was taught is true of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from otpvoice.ari import node as node_module
from otpvoice.ari.application import channels_in
from otpvoice.ari.channel import CallChannel, Originate
from otpvoice.ari.inbound import InboundParty
from otpvoice.ari.line import Line
from otpvoice.ari.node import AsteriskNode, NodeSettings
from otpvoice.ari.party import OutboundParty
from otpvoice.ari.router import AriEvent
from otpvoice.core.digits import Collected, EndedBy
from otpvoice.core.events import (
    CallAnswered,
    CallEnded,
    CallReleased,
    DigitReceived,
    DigitsSent,
    Happening,
    OnSecond,
    PartiesConnected,
    PartiesParted,
    PiecePlayed,
)
from otpvoice.core.outcome import EndedParty, Outcome, OutcomeClass
from otpvoice.core.result import Result
from otpvoice.core.secret import Keys
from otpvoice.media.playout import Piece
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, Invite, Scenario
from tests.ari.rig import APP, OWN_APP, Watcher, eventually, running
from tests.fakes.two_callers import Arrival, Caller, RealCaller, RealExchange, dialplan_text

pytestmark = pytest.mark.asterisk

SECOND = "15550122"
LOUD = bytes([0x2A, 0xAA] * 80)
RESULT = Result(
    Outcome(OutcomeClass.COMPLETED, None, 16, None, EndedParty.PLAN),
    delivered=True,
    collected=Collected(Keys("4711"), EndedBy.TERMINATOR, valid=True, ignored=0),
)
MODULES = {"modules.conf": "load = func_global.so"}


class House(Watcher):
    """Takes in who comes."""

    def __init__(self) -> None:
        super().__init__()
        self.party: InboundParty | None = None
        self.line: Line | None = None
        self.told: list[Happening] = []
        self.open = True

    def stranger(self, node: AsteriskNode, event: AriEvent) -> None:
        super().stranger(node, event)
        if event["type"] != "StasisStart" or event["application"] != APP or not self.open:
            return

        def second(number: int, to: str, caller_id: str | None, ring_timeout: float) -> OutboundParty:
            order = Originate(f"PJSIP/{to}@trunk", OWN_APP, caller_id, ring_timeout, 60.0, "call_1")
            return OutboundParty(node, f"call_1-{number + 1}", order)

        self.party = InboundParty(node, event)
        self.line = Line(node, self.party, second=second)
        self.line.listen(self.told.append)

    def count(self, kind: type[Happening]) -> int:
        return sum(isinstance(event, kind) for event in self.told)

    def second(self, kind: type[object]) -> int:
        return sum(isinstance(event, OnSecond) and isinstance(event.event, kind) for event in self.told)


class Town:
    """The exchange, our node, and who picks up behind it."""

    def __init__(self, exchange: RealExchange, node: AsteriskNode, house: House) -> None:
        self.exchange, self.node, self.house = exchange, node, house

    async def comes(self, arrival: Arrival) -> tuple[Caller, Line]:
        call = await self.exchange.comes(replace(arrival, waits=3.0))
        await eventually(lambda: self.house.line)
        assert self.house.line is not None
        return call, self.house.line


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    def choose(invite: Invite) -> Scenario:
        return Scenario.answers(ring=0.1).presses("5", start=1.5).hangs_up(after=3.0)

    async with (
        CalleeAgent(choose) as agent,
        await AsteriskInstance.start(
            tmp_path / "run", trunk=agent.address, rtp_ports=40, extra_config=MODULES
        ) as asterisk,
    ):
        settings = NodeSettings(
            name="one",
            url=asterisk.ari_url,
            user=asterisk.ari_user,
            password=asterisk.ari_password,
            app=APP,
            instance="a",
            law="ulaw",
            silence=b"\xff",
            legs_minimum=1,
            legs_maximum=4,
        )
        house = House()
        async with running(AsteriskNode(settings, house)) as node:
            yield Town(RealExchange(asterisk, agent), node, house)
            if house.line is not None:
                await house.line.close()
            await eventually(lambda: node.pool.taken == 0)
            await node.close()
            async with asyncio.timeout(5):
                while await node.rest.get("bridges"):  # noqa: ASYNC110 - one that was deleted is there for a moment
                    await asyncio.sleep(0.05)


async def hears(town: Town, call: Caller) -> None:
    """Half a second of ours."""
    assert town.house.line is not None
    before, count = call.heard(), town.house.count(PiecePlayed)
    await town.house.line.speak(f"u{count}", [Piece(LOUD * 25, 0), Piece(b"\xff" * 1600)])
    await eventually(lambda: town.house.count(PiecePlayed) > count)
    await eventually(lambda: call.heard() > before + 0.3)


async def seen(call: Caller, variables: str) -> None:
    """The line after ``Stasis()`` is reached, and sees these."""
    async with asyncio.timeout(5):
        while await call.then("next") is None:  # noqa: ASYNC110 - told by the console alone
            await asyncio.sleep(0.05)
    assert await call.then("next") == variables


async def test_a_caller_talks_with_a_second_party_comes_back_and_goes_on(town: Town) -> None:
    house = town.house
    call, line = await town.comes(Arrival(f"{APP},a=1", "Ring", variables={"PIN": "4829", "TIMEOUT(absolute)": "600"}))
    party = house.party
    assert party is not None
    assert party.arguments == ("a=1",)
    assert await party.read(("PIN", "UNSET", "PJSIP_HEADER(read,X-None)")) == {
        "PIN": "4829",
        "UNSET": None,
        "PJSIP_HEADER(read,X-None)": None,
    }
    await party.guard("call_1", 60.0)
    guarded = await party.channel.variable("TIMEOUT(absolute)")
    assert guarded is not None
    assert 80 < float(guarded) <= 90
    await line.answer()
    await eventually(lambda: house.count(CallAnswered))
    await call.answered()
    await hears(town, call)

    await line.dial_second(1, SECOND, "+15550199", 10.0)
    await eventually(lambda: house.second(CallAnswered))
    # An extension: keys on a channel that is in no bridge yet.
    await line.send_digits_to_second(1, "1#")
    await eventually(lambda: house.second(DigitsSent))
    assert town.exchange.agent.calls[-1].recording.digits() == "1#"
    await line.connect(1)
    assert house.count(PartiesConnected)
    await eventually(lambda: house.second(DigitReceived))
    await call.press("9")
    await eventually(lambda: house.count(DigitReceived))
    await eventually(lambda: house.second(CallEnded))
    await line.part()
    assert house.count(PartiesParted)
    await hears(town, call)
    await call.press("8")
    await eventually(lambda: house.count(DigitReceived) == 2)

    await line.release(RESULT)
    assert house.count(CallReleased)
    await seen(call, "SUCCESS/completed")
    left = await party.channel.variable("TIMEOUT(absolute)")
    assert left is not None
    assert 560 < float(left) < 600
    await call.hang_up()


@pytest.mark.parametrize("state", ["Ring", "Up"])
async def test_a_caller_who_hangs_up_has_ended(town: Town, state: str) -> None:
    call, line = await town.comes(Arrival(APP, state))
    assert town.house.party is not None
    await town.house.party.guard("call_1", 60.0)
    if state == "Up":
        await call.answered()
        await line.answer()
        await eventually(lambda: town.house.count(CallAnswered))
    await call.hang_up()
    await eventually(lambda: town.house.count(CallEnded))
    [ended] = [event for event in town.house.told if isinstance(event, CallEnded)]
    assert ended.by_callee
    assert ended.sip_status == (487 if state == "Ring" else None)


async def test_a_caller_whom_we_hang_up_has_ended(town: Town) -> None:
    _, line = await town.comes(Arrival(APP, "Ring"))
    await line.answer()
    await eventually(lambda: town.house.count(CallAnswered))
    await line.hang_up(RESULT)
    await eventually(lambda: town.house.count(CallEnded))
    [ended] = [event for event in town.house.told if isinstance(event, CallEnded)]
    assert (ended.by_callee, ended.fault) == (False, None)


async def test_a_number_that_is_not_to_be_shown_is_not_known(town: Town) -> None:
    await town.comes(Arrival(APP, "Ring", variables={"CALLERID(num-pres)": "prohib"}))
    party = town.house.party
    assert party is not None
    assert party.caller is not None, "no event of Asterisk's tells it"
    await party.greet()
    assert party.caller is None


async def test_what_is_known_by_now_is_there_for_who_hangs_up(town: Town) -> None:
    call, line = await town.comes(Arrival(f'"{APP}",a=1', "Up"))
    party = town.house.party
    assert party is not None
    await party.guard("call_1", 60.0)
    await line.answer()
    await eventually(lambda: town.house.count(CallAnswered))
    await line.report(RESULT)
    names = ("OTPVOICE_STATUS", "OTPVOICE_REASON", "OTPVOICE_DELIVERED", "OTPVOICE_DIGITS", "OTPVOICE_DIGITS_ENDED_BY")
    assert [*(await party.read(names)).values()] == ["hangup", "", "1", "4711", "terminator"]
    assert await party._look(), "whatever its dialplan has put the application's name in"
    await call.hang_up()
    await eventually(lambda: town.house.count(CallEnded))
    assert await party._look() is False
    await line.report(RESULT)


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_module, "LOOK_EVERY", 0.7)


async def test_of_whom_no_event_can_tell_is_let_go_without_a_new_connection(looks_often: None, town: Town) -> None:
    """An extension that is no UTF-8. Asterisk has no JSON for the channel, and answers with nothing."""
    await town.exchange._load(dialplan_text(Arrival(APP, "Ring", exten="_1X!", waits=9.0)))
    phone = town.exchange.agent.call(("127.0.0.1", town.exchange.asterisk.sip_port), "100%ff", from_user="15550111")
    async with asyncio.timeout(5):
        while not (ids := await channels_in(town.node.rest, APP)):  # noqa: ASYNC110 - no event can tell
            await asyncio.sleep(0.01)
    channel = CallChannel(town.node.rest, *ids)
    assert (await channel.state(), await channel.application()) == ("", "")
    await seen(RealCaller(phone, town.exchange.asterisk), "SUCCESS/failed")
    assert await channel.variable("OTPVOICE_REASON") == "events_lost"
    assert not [event for event in town.house.strangers if event["type"] == "StasisStart"]
    assert len(town.house.gaps) == 1, "the connection is the same"
    await phone.hang_up()


async def test_who_is_ownerless_goes_on(town: Town) -> None:
    """Nobody was at the door when it came."""
    town.house.open = False
    call = await town.exchange.comes(Arrival(APP, "Up", waits=3.0))
    await eventually(lambda: [event for event in town.house.strangers if event["type"] == "StasisStart"])
    assert town.node._socket is not None
    await town.node._socket.close()
    await seen(call, "SUCCESS/failed")
    await eventually(lambda: town.node.connected)
    await call.hang_up()
