"""The callee's signalling over loopback, against a caller made by hand."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from otpvoice.testkit.callee import CalleeAgent, CallOver, Direction, Ending, Law, Refused, Scenario
from tests.testkit.caller import OFFER, SOON, calling, phone, taken


async def test_a_call_from_invite_to_bye() -> None:
    async with phone() as (agent, caller):
        caller.invite("Record-Route: <sip:127.0.0.1:1;lr>", "X-OTP-Ref: 81")
        trying, ringing, ok = [await caller.expect(status) for status in ("100", "180", "200")]
        assert "tag=" not in trying["To"]
        assert ringing["To"] == ok["To"]
        assert ok["Record-Route"] == "<sip:127.0.0.1:1;lr>"
        assert ok["Contact"].startswith(f"<sip:callee@127.0.0.1:{agent.address[1]}>")
        assert f"rport={caller.port}" in ok["Via"]
        caller.ack()
        call = await taken(agent)
        await call.answered(within=SOON)
        assert (call.invite.number, call.invite.caller) == ("15550100", "15550199")
        assert call.invite.header("x-otp-ref") == "81"
        caller.request("BYE", "Reason: Q.850;cause=16")
        await caller.expect("200")
        assert await call.ended(within=SOON) is Ending.CALLER_HUNG_UP
        assert call.goodbye is not None
        assert call.goodbye.header("Reason") == "Q.850;cause=16"
        times = call.times
        assert times.ringing is not None
        assert times.ok_sent is not None
        assert times.ack is not None
        assert times.bye is not None
        assert times.ended is not None
        assert times.invite <= times.ringing <= times.ok_sent < times.ack < times.bye <= times.ended
        caller.request("OPTIONS")
        await caller.expect("481")
        assert agent.unknown == 1


async def test_requests_that_come_again_are_absorbed() -> None:
    async with phone(Scenario.by_hand()) as (agent, caller):
        invite = caller.invite()
        await caller.expect("100")
        caller.repeat(invite)
        await caller.expect("100")
        call = await taken(agent)
        call.ring()
        await caller.expect("180")
        caller.repeat(invite)
        await caller.expect("180")
        call.answer()
        await caller.expect("200")
        caller.ack()
        await call.answered(within=SOON)
        caller.repeat(invite)  # absorbed: the ACK came
        bye = caller.request("BYE")
        await caller.expect("200")
        caller.repeat(bye)
        await caller.expect("200")
        assert len(agent.calls) == 1
        assert agent.repeated == 4


async def test_the_200_is_repeated_until_the_ack_comes() -> None:
    async with phone(t1=0.02) as (agent, caller):
        caller.invite()
        await caller.expect("100", "180", "200", "200", "200")
        caller.ack()
        call = await taken(agent)
        await call.answered(within=SOON)
        caller.request("OPTIONS")
        # Whatever 200s were on the way before the ACK.
        while (await caller.expect("200"))["CSeq"] != "2 OPTIONS":
            pass
        await asyncio.sleep(10 * 0.02)  # ten T1 in which nothing may come
        assert caller.inbox.empty()


async def test_a_call_without_ack_is_hung_up() -> None:
    async with phone(t1=0.005) as (agent, caller):
        caller.invite()
        call = await taken(agent)
        while not (bye := await caller.next()).startswith("BYE"):
            pass
        caller.reply(bye, "200 OK")
        assert await call.ended(within=SOON) is Ending.NO_ACK


@pytest.mark.parametrize("t1", [0.5, 0.02])
async def test_a_rejection_is_repeated_until_its_ack(t1: float) -> None:
    scenario = Scenario.rejects(486, "Not Now", provisional=180, headers={"Retry-After": "10"})
    async with phone(scenario, t1=t1) as (agent, caller):
        caller.invite()
        busy = await caller.expect("100", "180", "486 Not Now")
        assert busy["Retry-After"] == "10"
        if t1 < 0.5:
            await caller.expect("486", "486")
        caller.in_transaction("ACK")
        assert await (await taken(agent)).ended(within=SOON) is Ending.REJECTED


async def test_cancel_ends_the_ringing() -> None:
    async with phone(Scenario.never_answers()) as (agent, caller):
        caller.invite()
        await caller.expect("100", "180")
        call = await taken(agent)
        caller.in_transaction("CANCEL")
        assert (await caller.expect("200"))["CSeq"] == "1 CANCEL"
        assert (await caller.expect("487"))["CSeq"] == "1 INVITE"
        caller.in_transaction("ACK")
        assert await call.ended(within=SOON) is Ending.CANCELLED
        with pytest.raises(CallOver):
            await call.answered()
        with pytest.raises(CallOver):
            call.answer()


async def test_an_answer_can_cross_the_cancel() -> None:
    async with phone(Scenario.answers_at_cancel()) as (agent, caller):
        caller.invite()
        call = await taken(agent)
        await call.until(lambda: call.times.ringing is not None, within=SOON)
        await caller.expect("100", "180")
        caller.in_transaction("CANCEL")
        assert (await caller.expect("200"))["CSeq"] == "1 INVITE"
        assert (await caller.expect("200"))["CSeq"] == "1 CANCEL"
        caller.ack()
        await call.answered(within=SOON)
        caller.request("BYE")
        await caller.expect("200")


async def test_cancel_of_nothing_is_481() -> None:
    async with phone() as (agent, caller):
        caller.invited = "branch=z9hG4bKnothing\r"
        caller.in_transaction("CANCEL")
        await caller.expect("481")
        assert agent.unknown == 1


async def test_a_dead_callee_says_nothing() -> None:
    async with phone({"1": Scenario.dead()}, default=Scenario.dead()) as (agent, caller):
        caller.repeat(caller.invite())
        call = await taken(agent)
        caller.request("OPTIONS")  # in the order of their arrival: what was said before it would be here
        await caller.expect("200")
        assert not call.over
    assert caller.inbox.empty()
    assert call.ended_by is Ending.AGENT_CLOSED


async def test_ringing_only_by_100() -> None:
    async with phone(Scenario.never_answers(provisional=None)) as (_, caller):
        caller.invite()
        await caller.expect("100")
        caller.in_transaction("CANCEL")
        await caller.expect("200", "487")


async def test_early_media() -> None:
    scenario = Scenario.answers(ring=0.05, provisional=183, early_media=True)
    async with phone(scenario) as (_, caller):
        caller.invite()
        progress = await caller.expect("100", "183")
        assert (await caller.hear())[1] == 0x80  # PCMU with the marker: silence is sent before the answer
        ok = await caller.expect("200")
        assert ok.body == progress.body
        caller.ack()


@pytest.mark.parametrize(
    ("number", "status"), [("15550101", "486"), ("+15550101", "486"), ("15550109", "404"), ("%2B15550101", "486")]
)
async def test_the_number_chooses_the_scenario(number: str, status: str) -> None:
    scenarios = {"+15550101": Scenario.rejects(486)}
    async with CalleeAgent(scenarios, default=Scenario.rejects(404)) as agent, calling(agent, number) as caller:
        caller.invite()
        await caller.expect("100", status)
        caller.in_transaction("ACK")


async def test_a_function_chooses_the_scenario() -> None:
    async with phone(lambda invite: Scenario.rejects(int(invite.header("X-Status")))) as (_, caller):
        caller.invite("X-Status: 503")
        await caller.expect("100", "503")
        caller.in_transaction("ACK")


async def test_a_fault_in_a_scenario_is_told_at_the_end() -> None:
    by_number: dict[str, Scenario] = {}
    agent = CalleeAgent(lambda invite: by_number[invite.number])
    await agent.open()
    async with calling(agent) as caller:
        caller.invite()
        await caller.expect("500")
        caller.in_transaction("ACK")
    with pytest.raises(ExceptionGroup, match="scenarios") as told:
        await agent.__aexit__(None, None, None)
    assert isinstance(told.value.exceptions[0], KeyError)


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("OPTIONS", (), "200"),
        ("INVITE", ("Require: 100rel",), "420"),
        ("REGISTER", (), "405"),
        ("BYE", (), "481"),
    ],
)
async def test_what_is_said_outside_of_calls(method: str, headers: tuple[str, ...], status: str) -> None:
    async with phone() as (agent, caller):
        caller.request(method, *headers)
        await caller.expect(status)
        assert agent.calls == []


async def test_what_is_no_sip_is_counted() -> None:
    async with phone() as (agent, caller):
        for datagram in ("hello", "\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n"):
            caller.repeat(datagram)
        caller.send("INVITE tel:+1 SIP/2.0", "1 INVITE")  # two versions: no request line
        caller.request("OPTIONS")
        await caller.expect("200")
        assert agent.malformed == 3  # the empty lines are a keep-alive


async def test_an_invite_without_contact_is_refused() -> None:
    async with phone() as (agent, caller):
        text = caller.invite().replace("Contact:", "X-Contact:").replace(";branch=", ";branch=z9hG4bK")
        await caller.expect("100", "180", "200")
        caller.ack()
        caller.repeat(text.replace("call-", "other-"))
        await caller.expect("400")
        assert len(agent.calls) == 1


async def test_no_common_codec_is_488() -> None:
    async with phone(Scenario.answers().with_laws(Law.PCMA)) as (agent, caller):
        caller.invite(offer=OFFER.replace(" 0 8 101", " 0 101"))
        await caller.expect("100", "180", "488")
        caller.in_transaction("ACK")
        assert (await taken(agent)).ended_by is Ending.REJECTED


async def test_an_invite_without_offer_is_answered_with_ours() -> None:
    async with phone() as (agent, caller):
        caller.invite(offer="")
        ok = await caller.expect("100", "180", "200")
        assert "RTP/AVP 0 8 101" in ok.body
        caller.ack(OFFER.format(port=caller.rtp_port, direction="sendrecv").replace(" 0 8 101", " 8 101"))
        call = await taken(agent)
        await call.answered(within=SOON)
        assert (await caller.hear())[12:] == b"\xd5" * 160
        assert call.recording.law is Law.PCMA


async def test_the_callee_hangs_up_at_once_after_the_ack() -> None:
    async with phone(Scenario.answers().hangs_up()) as (agent, caller):
        await caller.answered()
        bye = await caller.expect("BYE")
        assert bye.first_line == f"BYE sip:caller@127.0.0.1:{caller.port} SIP/2.0"
        assert bye["To"] == f"<sip:15550199@127.0.0.1>;tag=caller{caller.port}"
        assert bye["From"] == caller.to
        call = await taken(agent)
        assert not call.over
        caller.reply(bye, "200 OK")
        assert await call.ended(within=SOON) is Ending.CALLEE_HUNG_UP


async def test_a_bye_is_repeated_until_its_response() -> None:
    async with phone(Scenario.answers().hangs_up(), t1=0.02) as (agent, caller):
        await caller.answered()
        first, second = await caller.expect("BYE"), await caller.expect("BYE")
        assert first == second
        caller.reply(first, "200 OK")
        await (await taken(agent)).ended(within=SOON)
        while not caller.inbox.empty():
            assert await caller.next() == first
        await asyncio.sleep(10 * 0.02)  # ten T1 in which nothing may come
        assert caller.inbox.empty()


async def test_a_bye_without_response_ends_the_call_all_the_same() -> None:
    async with phone(Scenario.answers().hangs_up(), t1=0.005) as (agent, caller):
        await caller.answered()
        assert await (await taken(agent)).ended(within=SOON) is Ending.CALLEE_HUNG_UP


async def test_a_caller_that_hangs_up_instead_of_acknowledging() -> None:
    async with phone(t1=0.02) as (agent, caller):
        caller.invite()
        await caller.expect("100", "180", "200")
        caller.request("BYE")
        while (await caller.expect("200"))["CSeq"] != "2 BYE":
            pass
        assert await (await taken(agent)).ended(within=SOON) is Ending.CALLER_HUNG_UP
        await asyncio.sleep(10 * 0.02)  # ten T1 in which nothing may come
        assert caller.inbox.empty()


async def test_a_caller_that_hangs_up_while_it_rings() -> None:
    async with phone(Scenario.never_answers()) as (_, caller):
        caller.invite()
        await caller.expect("100", "180")
        caller.request("BYE")
        await caller.expect("200", "487")


async def test_a_foreign_request_is_not_of_the_call() -> None:
    async with phone() as (agent, caller):
        await caller.answered()
        for old, new in ((";tag=caller", ";tag=other"), ("call-", "other-"), (caller.to[-8:], "00000000")):
            text = caller.request("OPTIONS")
            await caller.expect("200")
            caller.repeat(text.replace(old, new).replace("branch=", f"branch={new.strip(';')}"))
            await caller.expect("481")
        assert agent.unknown == 3


async def test_two_byes_that_cross() -> None:
    async with phone(Scenario.answers().hangs_up()) as (agent, caller):
        await caller.answered()
        bye = await caller.expect("BYE")
        caller.request("BYE")
        await caller.expect("200")
        caller.reply(bye, "481 Gone")
        assert await (await taken(agent)).ended(within=SOON) is Ending.CALLER_HUNG_UP


async def test_hanging_up_while_it_rings_rejects() -> None:
    async with phone(Scenario.by_hand()) as (agent, caller):
        caller.invite()
        await caller.expect("100")
        await (await taken(agent)).hang_up()
        await caller.expect("480")
        caller.in_transaction("ACK")


@pytest.mark.parametrize("direction", [Direction.SENDONLY, Direction.INACTIVE])
async def test_hold_and_resume(direction: Direction) -> None:
    async with phone() as (agent, caller):
        ok = await caller.answered()
        call = await taken(agent)
        heard = [await caller.hear()]
        hold = asyncio.create_task(call.hold(direction))
        reinvite = await caller.expect("INVITE")
        assert f"a={direction}" in reinvite.body
        assert reinvite.audio_port == ok.audio_port
        mirrored = "recvonly" if direction is Direction.SENDONLY else "inactive"
        caller.reply(reinvite, "200 OK", OFFER.format(port=caller.rtp_port, direction=mirrored))
        assert (await caller.expect("ACK"))["CSeq"] == "1 ACK"
        caller.reply(reinvite, "200 OK", OFFER.format(port=caller.rtp_port, direction=mirrored))
        await caller.expect("ACK")  # a repeated 200 is acknowledged again
        await asyncio.wait_for(hold, SOON)
        await asyncio.sleep(0.1)  # five frames on hold
        resume = asyncio.create_task(call.resume())
        again = await caller.expect("INVITE")
        assert "a=sendrecv" in again.body
        caller.reply(again, "200 OK", OFFER.format(port=caller.rtp_port, direction="sendrecv"))
        assert (await caller.expect("ACK"))["CSeq"] == "2 ACK"
        await asyncio.wait_for(resume, SOON)
        heard += [await caller.hear() for _ in range(8)]
        # Numbered without a gap, the packets tell by their timestamps whether some frames were not sent.
        numbers = [int.from_bytes(packet[2:4], "big") for packet in heard]
        times = [int.from_bytes(packet[4:8], "big") for packet in heard]
        assert {(after - before) % 2**16 for before, after in pairwise(numbers)} == {1}
        longest = max((after - before) % 2**32 for before, after in pairwise(times))
        assert (longest > 160) is (direction is Direction.INACTIVE)


async def test_a_refused_hold_is_told() -> None:
    async with phone() as (agent, caller):
        await caller.answered()
        hold = asyncio.create_task((await taken(agent)).hold())
        reinvite = await caller.expect("INVITE")
        caller.reply(reinvite, "488 No")
        ack = await caller.expect("ACK")
        assert ack["Via"] == reinvite["Via"]  # the ACK of a refusal is of the same transaction
        with pytest.raises(Refused, match="488"):
            await hold


async def test_a_hold_ends_with_the_call() -> None:
    async with phone() as (agent, caller):
        await caller.answered()
        hold = asyncio.create_task((await taken(agent)).hold())
        await caller.expect("INVITE")
        caller.request("BYE")
        await caller.expect("200")
        with pytest.raises(CallOver):
            await hold


async def test_the_caller_may_hold_too() -> None:
    async with phone() as (agent, caller):
        await caller.answered()
        caller.invite(direction="sendonly")
        ok = await caller.expect("200")
        assert "a=recvonly" in ok.body
        caller.ack()
        caller.request("UPDATE", body=OFFER.format(port=caller.rtp_port, direction="sendrecv"))
        assert "a=sendrecv" in (await caller.expect("200")).body
        caller.request("UPDATE")
        assert (await caller.expect("200")).body == ""
        caller.request("INFO")
        await caller.expect("200")
        caller.request("REFER")
        await caller.expect("405")
        caller.cseq -= 2
        caller.request("INFO")
        await caller.expect("500")  # out of order
        assert not (await taken(agent)).over


async def test_two_reinvites_that_cross() -> None:
    async with phone() as (agent, caller):
        await caller.answered()
        hold = asyncio.create_task((await taken(agent)).hold())
        reinvite = await caller.expect("INVITE")
        caller.invite()
        await caller.expect("491")
        caller.in_transaction("ACK")
        caller.reply(reinvite, "200 OK", OFFER.format(port=caller.rtp_port, direction="recvonly"))
        await caller.expect("ACK")
        await asyncio.wait_for(hold, SOON)
