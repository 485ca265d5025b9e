"""A SIP caller made by hand, for the tests of the callee agent: it shares no code with it."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from otpvoice.testkit.callee import CalleeAgent, IncomingCall, Invite, Scenario

SOON = 5.0
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
)
LOUD, QUIET = b"\x00" * 160, b"\xff" * 160


class Message(str):
    """A SIP message as text."""

    __slots__ = ()

    def __getitem__(self, name: object) -> str:
        """The values of a header, one a line."""
        return "\n".join(re.findall(rf"(?m)^{name}: (.*)\r$", self))

    @property
    def first_line(self) -> str:
        return self.partition("\r\n")[0]

    @property
    def body(self) -> str:
        return self.partition("\r\n\r\n")[2]

    @property
    def audio_port(self) -> int:
        found = re.search(r"m=audio ([0-9]+)", self)
        assert found is not None
        return int(found[1])


class Caller(asyncio.DatagramProtocol):
    """Sends what it is told, repeats nothing, answers nothing by itself; one call."""

    def __init__(self, agent: CalleeAgent, number: str = "15550100") -> None:
        self.agent = agent
        self.number = number
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.to = f"<sip:{number}@127.0.0.1>"
        self.cseq = 0
        self.branches = 0
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self.rtp.setblocking(False)
        self.rtp_port = self.rtp.getsockname()[1]
        self.sent = 0

    def use(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert addr == self.agent.address
        self.inbox.put_nowait(Message(data.decode()))

    def send(self, start: str, cseq: str, *headers: str, body: str = "", branch: str = "") -> str:
        """Sends a request with the dialog's headers and returns it."""
        if not branch:
            self.branches += 1
            branch = f"z9hG4bK{self.port}-{self.branches}"
        lines = [
            f"{start} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};rport;branch={branch}",
            f"From: <sip:15550199@127.0.0.1>;tag=caller{self.port}",
            f"To: {self.to}",
            f"Call-ID: call-{self.port}",
            f"CSeq: {cseq}",
            f"Contact: <sip:caller@127.0.0.1:{self.port}>",
            *headers,
            f"Content-Length: {len(body)}",
        ]
        text = "\r\n".join(lines) + "\r\n\r\n" + body
        self.transport.sendto(text.encode(), self.agent.address)
        return text

    def request(self, method: str, *headers: str, body: str = "") -> str:
        self.cseq += 1
        return self.send(f"{method} sip:{self.number}@127.0.0.1", f"{self.cseq} {method}", *headers, body=body)

    def repeat(self, text: str) -> None:
        self.transport.sendto(text.encode(), self.agent.address)

    def invite(self, *headers: str, offer: str = OFFER, direction: str = "sendrecv") -> str:
        body = offer.format(port=self.rtp_port, direction=direction)
        self.invited = self.request("INVITE", *headers, body=body)
        return self.invited

    def in_transaction(self, method: str) -> None:
        """CANCEL, or the ACK of a refusal: with the branch and CSeq of the last INVITE."""
        branch = re.search("branch=([^;\r]+)", self.invited)
        assert branch is not None
        self.send(f"{method} sip:x@127.0.0.1", f"{self.cseq} {method}", branch=branch[1])

    def ack(self, body: str = "") -> None:
        self.send("ACK sip:x@127.0.0.1", f"{self.cseq} ACK", body=body)

    def reply(self, request: Message, status: str, body: str = "") -> None:
        kept = [f"{name}: {request[name]}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        text = "\r\n".join([f"SIP/2.0 {status}", *kept, f"Contact: <sip:caller@127.0.0.1:{self.port}>"])
        text += f"\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        self.transport.sendto(text.encode(), self.agent.address)

    async def next(self) -> Message:
        async with asyncio.timeout(SOON):
            return await self.inbox.get()

    async def expect(self, *starts: str) -> Message:
        """The next messages begin so; returns the last one and learns the callee's tag."""
        message = Message()
        for start in starts:
            message = await self.next()
            assert message.first_line.removeprefix("SIP/2.0 ").startswith(start)
            if message.startswith("SIP/2.0") and "tag=" in message["To"] and "tag=" not in self.to:
                self.to = message["To"]
        return message

    async def answered(self) -> Message:
        """INVITE, 100, 180, 200, ACK; returns the 200."""
        self.invite()
        ok = await self.expect("100", "180", "200")
        self.ack()
        return ok

    def speak(self, ok: Message, *payloads: bytes, source: socket.socket | None = None) -> None:
        for payload in payloads:
            self.sent += 1
            header = bytes([0x80, 0, 0, self.sent]) + (160 * self.sent).to_bytes(4, "big") + b"SSRC"
            (source or self.rtp).sendto(header + payload, ("127.0.0.1", ok.audio_port))

    async def hear(self) -> bytes:
        async with asyncio.timeout(SOON):
            return await asyncio.get_running_loop().sock_recv(self.rtp, 2048)


@asynccontextmanager
async def calling(agent: CalleeAgent, number: str = "15550100") -> AsyncIterator[Caller]:
    loop = asyncio.get_running_loop()
    transport, caller = await loop.create_datagram_endpoint(lambda: Caller(agent, number), local_addr=("127.0.0.1", 0))
    caller.use(transport)
    try:
        yield caller
    finally:
        transport.close()
        caller.rtp.close()


@asynccontextmanager
async def phone(
    scenario: Scenario | dict[str, Scenario] | Callable[[Invite], Scenario] | None = None,
    *,
    t1: float = 0.5,
    record: bool = True,
    default: Scenario | None = None,
) -> AsyncIterator[tuple[CalleeAgent, Caller]]:
    """An agent and one caller. At the end the caller answers the BYE of a call that still lives."""
    async with CalleeAgent(scenario, t1=t1, record=record, default=default) as agent, calling(agent) as caller:
        yield agent, caller
        for call in agent.calls:
            if not call.over:
                call.close()


async def taken(agent: CalleeAgent) -> IncomingCall:
    return await agent.next_call(within=SOON)
