"""The caller's signalling over loopback, against a callee made by hand that says what no decent phone would."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from otpvoice.testkit.callee import CalleeAgent, Ending, OutgoingCall
from tests.testkit.caller import OFFER, SOON, Message

# The discard port: nobody listens for what is sent there.
SDP = OFFER.format(port=9, direction="sendrecv")
VIDEO = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\n"


class Answerer(asyncio.DatagramProtocol):
    """Says what it is told, repeats nothing, answers nothing by itself; one call."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.cseq = 0

    def use(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport
        self.address: tuple[str, int] = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.caller = addr
        self.inbox.put_nowait(Message(data.decode()))

    async def expect(self, *starts: str) -> Message:
        message = Message()
        for start in starts:
            async with asyncio.timeout(SOON):
                message = await self.inbox.get()
            assert message.first_line.removeprefix("SIP/2.0 ").startswith(start)
        return message

    def reply(
        self, request: Message, status: str, body: str = "", *, tag: str = "t", contact: int | None = None
    ) -> None:
        """``contact`` is a port other than ours, 0 for no Contact at all."""
        to = request["To"] if "tag=" in request["To"] or not tag else f"{request['To']};tag={tag}"
        kept = [f"{name}: {request[name]}" for name in ("Via", "From", "Call-ID", "CSeq")]
        port = self.address[1] if contact is None else contact
        kept += [f"Contact: <sip:answerer@127.0.0.1:{port}>"] if port else []
        lines = [f"SIP/2.0 {status}", *kept, f"To: {to}", f"Content-Length: {len(body)}", "", body]
        self.transport.sendto("\r\n".join(lines).encode(), self.caller)

    def request(self, method: str, invite: Message, body: str = "") -> None:
        """A request in the dialog of the INVITE."""
        self.cseq += 1
        lines = [
            f"{method} sip:caller@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.address[1]};rport;branch=z9hG4bK{self.cseq}",
            f"From: {invite['To']};tag=t",
            f"To: {invite['From']}",
            f"Call-ID: {invite['Call-ID']}",
            f"CSeq: {self.cseq} {method}",
            f"Content-Length: {len(body)}",
        ]
        self.transport.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self.caller)


@asynccontextmanager
async def listening() -> AsyncIterator[Answerer]:
    loop = asyncio.get_running_loop()
    transport, answerer = await loop.create_datagram_endpoint(Answerer, local_addr=("127.0.0.1", 0))
    answerer.use(transport)
    try:
        yield answerer
    finally:
        transport.close()


@asynccontextmanager
async def called(t1: float = 0.5) -> AsyncIterator[tuple[OutgoingCall, Answerer, Message]]:
    """A call that was just placed. What still lives at the end is forgotten without a word."""
    async with listening() as answerer, CalleeAgent(t1=t1) as agent:
        call = agent.call(answerer.address, "100")
        yield call, answerer, await answerer.expect("INVITE")
        if not call.over:
            call.close()


@pytest.mark.parametrize("body", ["", "hello", VIDEO, SDP.replace(" 0 8 101", " 18 101")])
async def test_an_answer_that_is_of_no_use_is_acknowledged_and_hung_up(body: str) -> None:
    async with called() as (call, answerer, invite):
        answerer.reply(invite, "200 OK", body)
        bye = await answerer.expect("ACK", "BYE")
        answerer.reply(bye, "200 OK")
        assert await call.ended(within=SOON) is Ending.CALLER_HUNG_UP
        assert call.status == 200


async def test_an_answer_may_repeat_nothing_of_the_early_one() -> None:
    async with called() as (call, answerer, invite):
        answerer.reply(invite, "183 Session Progress", SDP)
        answerer.reply(invite, "200 OK")
        await answerer.expect("ACK")
        await call.answered(within=SOON)
        assert call.times.early_media is not None
        assert call.times.bye is None


async def test_the_ack_goes_where_the_answer_says() -> None:
    async with called() as (call, answerer, invite), listening() as elsewhere:
        answerer.reply(invite, "200 OK", SDP, contact=elsewhere.address[1])
        ack = await elsewhere.expect("ACK")
        answerer.reply(invite, "200 OK", SDP, contact=elsewhere.address[1])
        assert await elsewhere.expect("ACK") == ack
        hanging_up = asyncio.create_task(call.hang_up())
        elsewhere.reply(await elsewhere.expect("BYE"), "200 OK")
        await hanging_up
        assert answerer.inbox.empty()
        assert ack.first_line == f"ACK sip:answerer@127.0.0.1:{elsewhere.address[1]} SIP/2.0"
        assert ack["CSeq"] == "1 ACK"
        assert ack["Via"] != invite["Via"]  # a transaction of its own (section 13.2.2.4)


async def test_an_answer_without_contact_is_acknowledged_all_the_same() -> None:
    async with called() as (call, answerer, invite):
        answerer.reply(invite, "200 OK", SDP, contact=0)
        ack = await answerer.expect("ACK")
        assert ack.first_line.split()[1] == invite.first_line.split()[1]
        await call.answered(within=SOON)


async def test_a_repeated_answer_gets_the_same_ack_again() -> None:
    async with called() as (call, answerer, invite):
        for _ in range(3):
            answerer.reply(invite, "200 OK", SDP)
        acks = {await answerer.expect("ACK") for _ in range(3)}
        assert len(acks) == 1
        assert len(call.responses) == 1


async def test_the_dialog_is_that_of_the_answer() -> None:
    async with called() as (call, answerer, invite):
        answerer.reply(invite, "180 Ringing", tag="one")
        answerer.reply(invite, "180 Ringing", tag="two")
        answerer.reply(invite, "200 OK", SDP, tag="two")
        assert (await answerer.expect("ACK"))["To"].endswith(";tag=two")
        assert call.provisionals == [180, 180]


async def test_the_cancel_is_that_of_the_invite() -> None:
    async with called() as (call, answerer, invite):
        answerer.reply(invite, "180 Ringing")
        await call.rang(within=SOON)
        call.cancel()
        cancel = await answerer.expect("CANCEL")
        assert cancel.first_line.split()[1] == invite.first_line.split()[1]
        for name in ("Via", "From", "To", "Call-ID"):
            assert cancel[name] == invite[name]
        assert cancel["CSeq"] == "1 CANCEL"
        answerer.reply(cancel, "200 OK")
        answerer.reply(invite, "486 Busy Here")
        ack = await answerer.expect("ACK")
        assert ack["Via"] == invite["Via"]
        # It was busy before the CANCEL reached it.
        assert await call.ended(within=SOON) is Ending.REJECTED
        assert call.status == 486


async def test_an_answer_long_after_the_cancel_is_hung_up() -> None:
    async with called(t1=0.01) as (call, answerer, invite):
        answerer.reply(invite, "180 Ringing")
        await call.rang(within=SOON)
        call.cancel()
        answerer.reply(await answerer.expect("CANCEL"), "200 OK")
        assert await call.ended(within=SOON) is Ending.CANCELLED  # after 64 T1 without a final response
        answerer.reply(invite, "200 OK", SDP)
        while not (message := await answerer.expect("")).startswith("ACK"):
            assert message.startswith("CANCEL")  # repeated before its response came
        answerer.reply(await answerer.expect("BYE"), "200 OK")
        assert call.ended_by is Ending.CANCELLED


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("INVITE", SDP, "491"),
        ("UPDATE", SDP, "491"),
        ("UPDATE", "", "200"),
        ("INFO", "", "200"),
        ("OPTIONS", "", "200"),
        ("REFER", "", "405"),
        ("CANCEL", "", "481"),
    ],
)
async def test_requests_before_the_answer(method: str, body: str, status: str) -> None:
    async with called() as (call, answerer, invite):
        answerer.reply(invite, "180 Ringing")
        await call.rang(within=SOON)
        answerer.request(method, invite, body)
        await answerer.expect(status)
        assert not call.over


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [("INVITE", SDP, "200"), ("UPDATE", SDP, "200"), ("INVITE", VIDEO, "488"), ("INFO", "", "200"), ("BYE", "", "200")],
)
async def test_requests_after_the_answer(method: str, body: str, status: str) -> None:
    async with called() as (call, answerer, invite):
        answerer.reply(invite, "200 OK", SDP)
        await answerer.expect("ACK")
        answerer.request(method, invite, body)
        response = await answerer.expect(status)
        assert ("m=audio" in response.body) is (body == SDP)
        assert call.ended_by is (Ending.CALLEE_HUNG_UP if method == "BYE" else None)


async def test_a_bye_before_the_answer_ends_the_call() -> None:
    """The callee may not send it (RFC 3261 section 15), and one that does is gone all the same."""
    async with called() as (call, answerer, invite):
        answerer.reply(invite, "180 Ringing")
        await call.rang(within=SOON)
        answerer.request("BYE", invite)
        await answerer.expect("200")
        assert await call.ended(within=SOON) is Ending.CALLEE_HUNG_UP
        assert call.status is None


async def test_a_request_of_another_dialog_is_not_ours() -> None:
    async with called() as (call, answerer, invite):
        answerer.reply(invite, "180 Ringing", tag="other")
        await call.rang(within=SOON)
        answerer.request("BYE", invite)
        await answerer.expect("481")
        assert not call.over


async def test_an_offer_before_any_response_has_nothing_to_belong_to() -> None:
    async with called() as (call, answerer, invite):
        answerer.request("UPDATE", invite, SDP)
        await answerer.expect("481")
        assert call.responses == []


async def test_the_offer_has_what_the_agent_speaks() -> None:
    async with called() as (_, _, invite):
        assert re.search(r"m=audio [0-9]+ RTP/AVP 0 8 101\r\n", invite.body)
        assert "a=sendrecv" in invite.body
        assert invite["Content-Type"] == "application/sdp"
