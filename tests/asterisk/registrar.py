"""A trunk, by hand: it asks for a password before it registers anybody, and keeps all that comes. SIP over UDP."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Final

from tests.testkit.caller import OFFER, Message

NONCE: Final = "5f2b"
REALM: Final = "carrier.example.net"


class Registrar(asyncio.DatagramProtocol):
    """Answers REGISTER and OPTIONS, refuses calls with 486; ``requests`` came so far, ACKs left out."""

    def __init__(self, user: str, password: str) -> None:
        self.requests: list[Message] = []
        self._news = asyncio.Event()
        self._user, self._password = user, password
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def open(cls, user: str, password: str, host: str) -> Registrar:
        transport, registrar = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: cls(user, password), local_addr=(host, 0)
        )
        registrar._transport = transport
        return registrar

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._transport.get_extra_info("sockname")
        return host, port

    def close(self) -> None:
        self._transport.close()

    async def request(self, method: str, having: str = "", within: float = 10.0) -> Message:
        """The first request with this method and this text, now or later."""
        async with asyncio.timeout(within):
            while True:
                for request in self.requests:
                    if request.startswith(f"{method} ") and having in request:
                        return request
                self._news.clear()
                await self._news.wait()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = Message(data.decode())
        if not request.strip() or request.startswith("ACK "):
            return
        self.requests.append(request)
        self._news.set()
        if request.startswith("REGISTER ") and not self._knows(request):
            challenge = f'WWW-Authenticate: Digest realm="{REALM}", nonce="{NONCE}", algorithm=MD5'
            self._reply(request, addr, "401 Unauthorized", challenge)
        elif request.startswith("INVITE "):
            self._reply(request, addr, "486 Busy Here")
        else:
            self._reply(request, addr, "200 OK", f"Contact: {request['Contact']};expires=300")

    def _knows(self, request: Message) -> bool:
        """Is the password right (RFC 2617 3.2.2, without qop)?"""
        said = dict(re.findall(r'(\w+)="?([^",]*)', request["Authorization"]))
        first = _md5(f"{self._user}:{REALM}:{self._password}")
        second = _md5(f"REGISTER:{said.get('uri')}")
        return said.get("response") == _md5(f"{first}:{NONCE}:{second}")

    def _reply(self, request: Message, addr: tuple[str, int], status: str, *headers: str) -> None:
        kept = [f"{name}: {request[name]}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        kept[2] += ";tag=carrier"
        text = "\r\n".join([f"SIP/2.0 {status}", *kept, *headers, "Content-Length: 0", "", ""])
        self._transport.sendto(text.encode(), addr)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def call_from(host: str, uri: str, to: tuple[str, int], from_user: str) -> str:
    """What an INVITE from this address is answered with in the end: a status line."""
    answers: asyncio.Queue[Message] = asyncio.Queue()

    class Stranger(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
            answers.put_nowait(Message(data.decode()))

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Stranger, local_addr=(host, 0))
    port = transport.get_extra_info("sockname")[1]
    body = OFFER.format(port=port, direction="sendrecv")
    head = [
        f"INVITE {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{port};rport",
        "Max-Forwards: 70",
        f"From: <sip:{from_user}@{host}:{port}>;tag={port}",
        f"To: <{uri.partition(';')[0]}>",
        f"Call-ID: {port}@{host}",
        "CSeq: 1 INVITE",
        f"Contact: <sip:{from_user}@{host}:{port}>",
        "Content-Type: application/sdp",
        f"Content-Length: {len(body)}",
    ]
    try:
        transport.sendto("\r\n".join([*head, "", body]).encode(), to)
        async with asyncio.timeout(10):
            while (answer := await answers.get()).startswith("SIP/2.0 1"):
                pass
    finally:
        transport.close()
    return answer.first_line
