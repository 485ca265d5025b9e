"""The agent that calls, against the agent that is called, over loopback."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from otpvoice.testkit.callee import (
    CalleeAgent,
    CallOver,
    Direction,
    Ending,
    HeardAudio,
    IncomingCall,
    Law,
    OutgoingCall,
    Scenario,
    transactions,
)
from otpvoice.testkit.callee.address import NameAddress
from otpvoice.testkit.callee.dialog import Dialog
from otpvoice.testkit.callee.sip import Response
from tests.testkit.caller import SOON

NUMBER = "15550100"


class Wire:
    """Keeps the first lines of what an agent sends, and loses of each of some beginnings so many."""

    def __init__(self, **losses: int) -> None:
        self.lines: list[str] = []
        self.losses = losses
        self._more = asyncio.Event()

    def __call__(self, datagram: bytes) -> bool:
        line = datagram.partition(b"\r\n")[0].decode()
        self.lines.append(line)
        self._more.set()
        # "200 OK" of an INVITE and of a BYE differ in CSeq only.
        start = line.split()[1] if line.startswith("SIP/2.0") else line.split()[0]
        name = "_" + start if start.isdecimal() else start
        left = self.losses.get(name, 0)
        self.losses[name] = left - 1
        return left > 0

    async def sent(self, start: str, count: int) -> None:
        async with asyncio.timeout(SOON):
            while self.count(start) < count:
                self._more.clear()
                await self._more.wait()

    def count(self, start: str) -> int:
        return sum(line.removeprefix("SIP/2.0 ").startswith(start) for line in self.lines)


@asynccontextmanager
async def two(
    scenario: Scenario, ours: Wire | None = None, theirs: Wire | None = None, t1: float = 0.5
) -> AsyncIterator[tuple[CalleeAgent, CalleeAgent]]:
    """The one that calls, and the one that is called."""
    async with (
        CalleeAgent(scenario, t1=t1, lose=theirs or Wire()) as callee,
        CalleeAgent(t1=t1, lose=ours or Wire()) as caller,
    ):
        yield caller, callee


@asynccontextmanager
async def talking(
    scenario: Scenario | None = None, placed: Scenario | None = None
) -> AsyncIterator[tuple[OutgoingCall, IncomingCall]]:
    async with two(scenario or Scenario.answers()) as (caller, callee):
        call = caller.call(callee.address, NUMBER, scenario=placed)
        came = await callee.next_call(within=SOON)
        await call.answered(within=SOON)
        await came.answered(within=SOON)
        yield call, came


@pytest.mark.parametrize("by_caller", [True, False])
async def test_a_call_from_invite_to_bye(by_caller: bool) -> None:
    async with two(Scenario.answers(ring=0.02)) as (caller, callee):
        call = caller.call(
            callee.address, NUMBER, from_user="+15550199", display_name="Ann", headers={"X-Ref": 'a "b"; ${C} & <d>'}
        )
        await call.rang(within=SOON)
        assert await call.decided(within=SOON) == 200
        await call.answered(within=SOON)
        came = await callee.next_call(within=SOON)
        await came.answered(within=SOON)
        assert (came.invite.number, came.invite.caller) == (NUMBER, "+15550199")
        assert came.invite.header("From").startswith('"Ann" <sip:+15550199@')
        assert came.invite.header("X-Ref") == 'a "b"; ${C} & <d>'
        assert call.invite.number == NUMBER
        assert (call.provisionals, call.status) == ([100, 180], 200)
        await (call if by_caller else came).hang_up()
        ending = Ending.CALLER_HUNG_UP if by_caller else Ending.CALLEE_HUNG_UP
        assert (call.ended_by, came.ended_by) == (ending, ending)
        assert (call.goodbye is None) is by_caller
        times = call.times
        assert times.ringing is not None
        assert times.final is not None
        assert times.ack is not None
        assert times.bye is not None
        assert times.ended is not None
        assert times.invite <= times.ringing < times.final <= times.ack < times.bye <= times.ended
        assert (caller.placed, caller.calls, callee.calls) == ([call], [], [came])


@pytest.mark.parametrize(
    "status",
    [300, 302, 401, 403, 404, 407, 408, 410, 480, 484, 486, 487, 488, 491, 500, 503, 600, 603, 604, 607, 608, 699],
)
async def test_a_refusal_is_a_fact(status: int) -> None:
    ours = Wire()
    headers = {"Reason": "Q.850;cause=17", "Contact": "<sip:else@127.0.0.1:9>"}
    async with two(Scenario.rejects(status, provisional=180, headers=headers), ours) as (caller, callee):
        call = caller.call(callee.address, NUMBER)
        assert await call.decided(within=SOON) == status
        assert await call.ended(within=SOON) is Ending.REJECTED
        assert call.reasons == ("Q.850;cause=17",)
        assert call.final is not None
        assert call.final.header("Contact") == "<sip:else@127.0.0.1:9>"
        with pytest.raises(CallOver):
            await call.answered(within=SOON)
        assert [line.split()[0] for line in ours.lines] == ["INVITE", "ACK"]
        assert callee.repeated == 0


async def test_nobody_at_home_is_no_response() -> None:
    ours = Wire()
    async with two(Scenario.dead(), ours, t1=0.005) as (caller, callee):
        call = caller.call(callee.address, NUMBER, patience=0.02)
        assert await call.decided(within=SOON) is None
        assert (call.ended_by, call.status, call.responses) == (Ending.NO_RESPONSE, None, [])
        # At 0, T1, 3 T1, 7 T1 …, the last of seven just before 64 T1; no CANCEL without a provisional response.
        assert {line.split()[0] for line in ours.lines} == {"INVITE"}
        assert 4 <= len(ours.lines) <= 7


async def test_a_ringing_call_outlives_timer_b(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "T2", 0.01)
    async with two(Scenario.by_hand(), t1=0.002) as (caller, callee):
        call = caller.call(callee.address, NUMBER)
        came = await callee.next_call(within=SOON)
        with pytest.raises(TimeoutError):
            # 64 T1 and T2, the life of other transactions, are 138 ms.
            await call.decided(within=0.3)
        # The end of another transaction is when the old ones are forgotten.
        other = caller.call(callee.address, NUMBER)
        (await callee.next_call(within=SOON)).reject(486)
        await other.ended(within=SOON)
        came.answer()
        await call.answered(within=SOON)
        await call.hang_up()


@pytest.mark.parametrize("how", ["cancel", "hang_up", "patience"])
async def test_a_call_is_cancelled(how: str) -> None:
    ours = Wire()
    async with two(Scenario.never_answers(), ours) as (caller, callee):
        call = caller.call(callee.address, NUMBER, patience=0.05 if how == "patience" else None)
        came = await callee.next_call(within=SOON)
        await call.rang(within=SOON)
        if how == "cancel":
            call.cancel()
            call.cancel()
        elif how == "hang_up":
            await call.hang_up()
        assert await call.ended(within=SOON) is Ending.CANCELLED
        assert await came.ended(within=SOON) is Ending.CANCELLED
        assert call.status == 487
        assert call.times.cancel is not None
        assert [line.split()[0] for line in ours.lines] == ["INVITE", "CANCEL", "ACK"]
        with pytest.raises(CallOver):
            call.cancel()


async def test_cancel_waits_for_a_provisional_response() -> None:
    ours = Wire(INVITE=1)
    async with two(Scenario.never_answers(), ours, t1=0.05) as (caller, callee):
        call = caller.call(callee.address, NUMBER)
        call.cancel()
        assert await call.ended(within=SOON) is Ending.CANCELLED
        assert [line.split()[0] for line in ours.lines] == ["INVITE", "INVITE", "CANCEL", "ACK"]


async def test_an_answer_that_crosses_the_cancel_is_hung_up() -> None:
    ours = Wire()
    async with two(Scenario.answers_at_cancel(), ours) as (caller, callee):
        call = caller.call(callee.address, NUMBER)
        came = await callee.next_call(within=SOON)
        await call.rang(within=SOON)
        call.cancel()
        assert await came.ended(within=SOON) is Ending.CALLER_HUNG_UP
        assert await call.ended(within=SOON) is Ending.CALLER_HUNG_UP
        assert call.status == 200
        assert [line.split()[0] for line in ours.lines] == ["INVITE", "CANCEL", "ACK", "BYE"]
        with pytest.raises(CallOver):
            call.cancel()


async def test_a_crossing_answer_whose_bye_nobody_answers_was_hung_up() -> None:
    """Not cancelled: the limit of the CANCEL (section 9.1) is over before that of the BYE."""
    async with two(Scenario.answers_at_cancel(), Wire(BYE=99), t1=0.005) as (caller, callee):
        call = caller.call(callee.address, NUMBER)
        await call.rang(within=SOON)
        call.cancel()
        assert await call.ended(within=SOON) is Ending.CALLER_HUNG_UP


async def test_an_answered_call_is_not_cancelled() -> None:
    async with talking() as (call, _):
        with pytest.raises(RuntimeError, match="answered"):
            call.cancel()
        assert not call.over


async def test_a_cancel_that_nobody_answers_ends_the_call_all_the_same() -> None:
    async with two(Scenario.never_answers(), theirs=Wire(_487=99, _200=99), t1=0.005) as (caller, callee):
        call = caller.call(callee.address, NUMBER)
        await call.rang(within=SOON)
        call.cancel()
        assert await call.ended(within=SOON) is Ending.CANCELLED
        assert call.status is None


@pytest.mark.parametrize(
    ("ours", "theirs", "sent"),
    [
        ({"INVITE": 2}, {}, ("INVITE", 3)),
        ({}, {"_100": 1, "_180": 1, "_200": 2}, ("ACK", 1)),
        ({"ACK": 2}, {}, ("ACK", 3)),
        ({"BYE": 2}, {}, ("BYE", 3)),
    ],
)
async def test_what_the_network_loses_is_repeated(
    ours: dict[str, int], theirs: dict[str, int], sent: tuple[str, int]
) -> None:
    wire = Wire(**ours)
    async with two(Scenario.answers(), wire, Wire(**theirs), t1=0.03) as (caller, callee):
        call = caller.call(callee.address, NUMBER)
        await call.answered(within=SOON)
        came = await callee.next_call(within=SOON)
        await came.answered(within=SOON)
        await call.hang_up()
        assert await came.ended(within=SOON) is Ending.CALLER_HUNG_UP
        assert len(callee.calls) == 1
        assert wire.count(sent[0]) >= sent[1]


async def test_a_refusal_whose_ack_is_lost_is_acknowledged_again() -> None:
    ours = Wire(ACK=1)
    async with two(Scenario.rejects(486), ours, theirs := Wire(), t1=0.02) as (caller, callee):
        call = caller.call(callee.address, NUMBER)
        assert await call.decided(within=SOON) == 486
        await ours.sent("ACK", 2)
        assert theirs.count("486") == 2
        assert len(call.responses) == 2  # 100 and one 486


async def test_keys_both_ways() -> None:
    keys = Scenario.talks().presses("12#", on=0.06, off=0.06)
    async with talking(Scenario.answers().presses("*90", on=0.06, off=0.06, lose=frozenset({0, -1})), keys) as (
        call,
        came,
    ):
        await call.until(lambda: call.recording.digits() == "*90" and len(call.strokes) == 3, within=SOON)
        await came.until(lambda: came.recording.digits() == "12#", within=SOON)
        await call.press("5", on=0.06, off=0.1, lose=frozenset({1, 2}))
        await came.until(lambda: came.recording.digits() == "12#5", within=SOON)
        assert [stroke.digit for stroke in call.strokes] == [*"12#", "5"]


@pytest.mark.parametrize("law", Law)
async def test_a_tone_is_heard_in_either_law(law: Law) -> None:
    placed = Scenario.talks().with_laws(law).plays_tone(440, 0.2).hangs_up(when=HeardAudio(0.1))
    async with talking(Scenario.answers().plays_tone(800, 0.2), placed) as (call, came):
        assert await call.ended(within=SOON) is Ending.CALLER_HUNG_UP
        assert call.recording.law is came.recording.law is law
        assert call.recording.audible >= 0.1


async def test_early_media_is_recorded() -> None:
    async with two(Scenario.answers(ring=0.1, provisional=183, early_media=True)) as (caller, callee):
        call = caller.call(callee.address, NUMBER)
        await call.heard_packets(2, within=SOON)
        assert (call.status, call.provisionals) == (None, [100, 183])
        await call.answered(within=SOON)
        assert call.times.early_media is not None
        assert call.times.final is not None
        assert call.times.first_rtp is not None
        assert call.times.early_media < call.times.first_rtp < call.times.final
        await call.hang_up()


@pytest.mark.parametrize("by_caller", [True, False])
async def test_hold_from_either_side(by_caller: bool) -> None:
    async with talking() as (call, came):
        holding, held = (call, came) if by_caller else (came, call)
        await holding.hold(Direction.INACTIVE)
        await holding.resume()
        await held.play_tone(440, 0.1)
        await holding.heard(0.1, within=SOON)
        await holding.play_tone(440, 0.1)
        await held.heard(0.1, within=SOON)
        await held.hang_up()


async def test_holds_that_cross_are_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that placed the call waits longer (RFC 3261 section 14.1), so both get through."""
    asked: set[tuple[int, int]] = set()

    def shortest(first: int, last: int) -> int:
        asked.add((first, last))
        return first // 10

    monkeypatch.setattr(random, "randint", shortest)
    async with talking() as (call, came):
        async with asyncio.timeout(SOON), asyncio.TaskGroup() as both:
            both.create_task(call.hold())
            both.create_task(came.hold())
        assert asked == {(210, 400), (0, 200)}
        assert not call.over
        assert not came.over


async def test_no_codec_in_common_is_acknowledged_and_refused() -> None:
    async with two(Scenario.answers().with_laws(Law.PCMA)) as (caller, callee):
        call = caller.call(callee.address, NUMBER, scenario=Scenario.talks().with_laws(Law.PCMU))
        assert await call.decided(within=SOON) == 488


async def test_many_calls_in_both_directions_at_once() -> None:
    async with two(Scenario.answers().with_silence(0)) as (one, other):
        calls = [a.call(b.address, f"{NUMBER}{n}") for n in range(20) for a, b in ((one, other), (other, one))]
        for call in calls:
            await call.answered(within=SOON)
        for number, call in enumerate(calls):
            if number % 3:
                await call.hang_up()
        assert len({call.dialog.call_id for call in calls}) == 40
        for agent in (one, other):
            assert sorted(call.invite.number for call in agent.calls) == sorted(f"{NUMBER}{n}" for n in range(20))
        rest = [call for call in calls if not call.over]
    assert len(rest) == 14
    assert all(call.over for call in rest)


async def test_an_agent_may_call_itself() -> None:
    async with CalleeAgent() as agent:
        call = agent.call(agent.address, NUMBER)
        came = await agent.next_call(within=SOON)
        await call.answered(within=SOON)
        await came.answered(within=SOON)
        await came.hang_up()
        assert await call.ended(within=SOON) is Ending.CALLEE_HUNG_UP


@pytest.mark.parametrize("scenario", [Scenario.never_answers(), Scenario.answers()])
async def test_the_end_of_the_agent_is_the_end_of_its_calls(scenario: Scenario) -> None:
    async with CalleeAgent(scenario) as callee:
        async with CalleeAgent() as caller:
            call = caller.call(callee.address, NUMBER)
            await call.rang(within=SOON)
            came = await callee.next_call(within=SOON)
            if scenario.verdict:
                await came.answered(within=SOON)
        ending = Ending.CALLER_HUNG_UP if scenario.verdict else Ending.CANCELLED
        assert await came.ended(within=SOON) is ending
        assert call.ended_by is ending


@pytest.mark.parametrize(
    ("user", "from_user", "name", "headers"),
    [
        ("1\r\nX: y", "2", None, {}),
        ("1", "2\n", None, {}),
        ("1", "2", "a\rb", {}),
        ("1", "2", None, {"X": "a\r\nVia: b"}),
        ("1", "2", None, {"X: a\r\nY": "b"}),
    ],
)
async def test_a_line_break_is_refused_and_nothing_is_sent(
    user: str, from_user: str, name: str | None, headers: dict[str, str]
) -> None:
    wire = Wire()
    async with CalleeAgent(lose=wire) as agent:
        with pytest.raises(ValueError, match="line break"):
            agent.call(agent.address, user, from_user=from_user, display_name=name, headers=headers)
        assert (agent.placed, wire.lines) == ([], [])


@pytest.mark.parametrize(
    "text", ["", "a&b", "${EXTEN}", '"', "a\\b", "a;b=c", "é", "\0", "x" * 2000, "%s%n", "a@b", "<>", "1 2", "$[1+1]"]
)
async def test_nothing_that_is_given_is_escaped(text: str) -> None:
    sent: list[bytes] = []

    def lose(datagram: bytes) -> bool:
        sent.append(datagram)
        return True

    async with CalleeAgent(lose=lose) as agent:
        agent.call(
            ("127.0.0.1", 9), f"1{text}", from_user=f"2{text}", display_name=f"3{text}", headers={"X-Given": text}
        )
    head = sent[0].decode()
    assert head.startswith(f"INVITE sip:1{text}@127.0.0.1:9 SIP/2.0\r\n")
    assert f'\r\nFrom: "3{text}" <sip:2{text}@127.0.0.1:' in head
    assert f"\r\nX-Given: {text}\r\n" in head


def test_the_callers_dialog_takes_routes_backwards_and_needs_no_contact() -> None:
    dialog = Dialog.as_caller("id", "<sip:a@b>", "ours", "sip:100@127.0.0.1:9", ("127.0.0.1", 9))
    headers = (
        ("To", "<sip:100@127.0.0.1:9>;tag=theirs"),
        ("Record-Route", "<sip:1;lr>"),
        ("Record-Route", "<sip:2;lr>"),
    )
    dialog.establish(Response((("To", "<sip:100@127.0.0.1:9>"),), status=180))
    assert dialog.remote_tag == ""
    dialog.establish(Response(headers, status=200))
    bye = dialog.request("BYE")
    assert bye.uri == "sip:100@127.0.0.1:9"
    assert bye.values("Route") == ("<sip:2;lr>", "<sip:1;lr>")
    assert NameAddress.parse(bye.header("To")).tag == "theirs"
