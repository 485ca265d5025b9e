"""SIP transactions on one UDP socket: every message is sent, repeated and absorbed here (RFC 3261 section 17).

It knows no calls: requests go up once each, however often they came, and responses come back to who asked.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from otpvoice.testkit.callee import sip
from otpvoice.testkit.callee.address import MalformedMessage
from otpvoice.testkit.callee.sip import Address, Header, Request, Response

T1: Final = 0.5
T2: Final = 4.0
_COOKIE = "z9hG4bK"


class Repetition:
    """Sends at once, then after T1, 2 T1, 4 T1 … (at most ``longest``), until stopped or, after 64 T1, given up."""

    def __init__(self, send: Callable[[], None], t1: float, longest: float, gave_up: Callable[[], None]) -> None:
        self._send = send
        self._interval = t1
        self._longest = longest
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(t1, self._repeat)
        self._limit = self._loop.call_later(64 * t1, self._give_up, gave_up)
        send()

    def stop(self) -> None:
        self._timer.cancel()
        self._limit.cancel()

    def _repeat(self) -> None:
        self._interval = min(2 * self._interval, self._longest)
        self._timer = self._loop.call_later(self._interval, self._repeat)
        self._send()

    def _give_up(self, gave_up: Callable[[], None]) -> None:
        self._timer.cancel()
        gave_up()


class ServerTransaction:
    """A request that came, and the responses that it gets.

    ``acknowledged`` is called once for an INVITE with a final response: with the ACK, or None when it never came.
    """

    __slots__ = ("_layer", "_repetition", "acknowledged", "last", "request", "source", "status")

    def __init__(self, layer: TransactionLayer, request: Request, source: Address) -> None:
        self._layer = layer
        self._repetition: Repetition | None = None
        self.request = request
        self.source = source
        self.status = 0
        self.last: bytes | None = None
        self.acknowledged: Callable[[Request | None], None] = _nobody_asks

    @property
    def over(self) -> bool:
        """A final response was sent."""
        return self.status >= 200

    def respond(
        self,
        status: int,
        reason: str | None = None,
        *,
        tag: str = "",
        headers: tuple[Header, ...] = (),
        body: bytes = b"",
    ) -> None:
        """Sends a response; after a final one nothing more is sent but its repetitions."""
        if self.over:
            return
        response = sip.respond(self.request, status, reason, tag=tag, source=self.source, headers=headers, body=body)
        self.status = status
        self.last = response.encode()
        if status >= 200 and self.request.method == "INVITE":
            # 13.3.1.4 for success, 17.2.1 (Timer G) for the rest: repeated until the ACK.
            self._repetition = Repetition(self.repeat, self._layer.t1, T2, lambda: self._end(None))
            self._layer.await_ack(self)
        else:
            self.repeat()

    def repeat(self) -> None:
        """Sends the last response again; nothing when there was none yet."""
        if self.last is not None:
            self._layer.send(self.last, sip.reply_address(self.request, self.source))

    def acknowledge(self, ack: Request) -> None:
        # Section 17.2.1, Confirmed: what comes from now on is absorbed.
        self.last = None
        self._end(ack)

    def stop(self) -> None:
        if self._repetition is not None:
            self._repetition.stop()

    def _end(self, ack: Request | None) -> None:
        self.stop()
        self.acknowledged(ack)


class ClientTransaction:
    """A request that was sent; ``final`` becomes its final response, 408 when none came (section 8.1.3.1).

    ``responded`` is called at once with each response as it came, but not with what repeats the final one, and with
    None when there was none at all (timers B and F).
    """

    def __init__(
        self,
        layer: TransactionLayer,
        request: Request,
        address: Address,
        responded: Callable[[Response | None], None] | None = None,
    ) -> None:
        self.request = request
        self.final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._layer = layer
        self._responded = responded or _nobody_listens
        self._address = address
        self._ack: tuple[bytes, Address] | None = None
        datagram = request.encode()
        # Timers A and B, E and F: an INVITE's interval grows without end, another request's up to T2.
        longest = 64 * layer.t1 if request.method == "INVITE" else T2
        self._repetition = Repetition(lambda: layer.send(datagram, address), layer.t1, longest, self._time_out)

    def take(self, response: Response) -> None:
        if response.status < 200:
            if self.request.method == "INVITE" and not self.final.done():
                # Section 17.1.1.2, Proceeding: neither timer A nor B runs, since a phone may ring for ever.
                self._repetition.stop()
                self._responded(response)
            return
        self._repetition.stop()
        if self.final.done():
            # A repeated final response to INVITE asks for its ACK again (13.2.2.4, 17.1.1.2).
            self._send_ack()
            return
        if self.request.method == "INVITE" and response.status >= 300:
            self.acknowledge(self._refusal_ack(response))
        self._settle(response)
        self._responded(response)

    def acknowledge(self, ack: Request, address: Address | None = None) -> None:
        """Sends the ACK, and again whenever the final response is repeated; without ``address``, as the request."""
        self._ack = ack.encode(), address or self._address
        self._send_ack()

    def cancel(self) -> ClientTransaction:
        """Sends the CANCEL of this INVITE, which has its Via, Route and CSeq number (section 9.1)."""
        kept = {"Via", "From", "To", "Call-ID", "Max-Forwards", "Route"}
        headers = [header for header in self.request.headers if header[0] in kept]
        headers.append(("CSeq", f"{self.request.cseq} CANCEL"))
        return self._layer.start(Request(tuple(headers), method="CANCEL", uri=self.request.uri), self._address)

    def stop(self) -> None:
        self._repetition.stop()

    def _send_ack(self) -> None:
        if self._ack is not None:
            self._layer.send(*self._ack)

    def _refusal_ack(self, response: Response) -> Request:
        """Section 17.1.1.3: the ACK of a refusal belongs to the INVITE's transaction and has its branch."""
        kept = {"Via", "From", "Call-ID", "Max-Forwards", "Route"}
        headers = [header for header in self.request.headers if header[0] in kept]
        headers += [("To", response.header("To")), ("CSeq", f"{self.request.cseq} ACK")]
        return Request(tuple(headers), method="ACK", uri=self.request.uri)

    def _time_out(self) -> None:
        if not self.final.done():
            self._settle(Response(self.request.headers, status=408, reason=sip.REASONS[408]))
            self._responded(None)

    def _settle(self, response: Response) -> None:
        self.final.set_result(response)
        self._layer.settled(self)


class TransactionLayer(asyncio.DatagramProtocol):
    """The socket. ``arrived`` gets each new request but ACK, as a transaction to respond to.

    ``malformed`` counts datagrams that are no SIP, ``repeated`` requests that were absorbed. A datagram of which
    ``lose`` says True is not sent, as if the network had lost it.
    """

    def __init__(
        self,
        arrived: Callable[[ServerTransaction], None],
        *,
        t1: float = T1,
        lose: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        self.t1 = t1
        self.malformed = 0
        self.repeated = 0
        self.address: Address = ("", 0)
        self._arrived = arrived
        self._lose = lose
        self._transport: asyncio.DatagramTransport | None = None
        self._lost = asyncio.Event()
        self._servers: dict[tuple[str, str, str], ServerTransaction] = {}
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._unacknowledged: dict[tuple[str, str, int], ServerTransaction] = {}
        # All transactions are kept equally long, so the oldest is always the first to go.
        self._ages: deque[tuple[float, Callable[[], object]]] = deque()

    async def open(self, host: str, port: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport, _ = await self._loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        self.address = self._transport.get_extra_info("sockname")

    async def close(self) -> None:
        for server in self._servers.values():
            server.stop()
        for client in self._clients.values():
            client.stop()
        if self._transport is not None:
            self._transport.close()
            await self._lost.wait()

    def send(self, datagram: bytes, address: Address) -> None:
        if self._transport is not None and not self._transport.is_closing() and not self._lose(datagram):
            self._transport.sendto(datagram, address)

    def request(
        self, request: Request, address: Address, responded: Callable[[Response | None], None] | None = None
    ) -> ClientTransaction:
        """Sends a request that has no Via yet, in a transaction of its own."""
        return self.start(self.with_via(request), address, responded)

    def start(
        self, request: Request, address: Address, responded: Callable[[Response | None], None] | None = None
    ) -> ClientTransaction:
        """Sends a request as it is; ValueError, and nothing sent, when a header has a line break."""
        transaction = ClientTransaction(self, request, address, responded)
        self._clients[request.branch, request.method] = transaction
        return transaction

    def settled(self, transaction: ClientTransaction) -> None:
        """Its final response came, or none in time: from now on its age counts."""
        request = transaction.request
        self._keep(lambda: self._clients.pop((request.branch, request.method), None))

    def with_via(self, request: Request) -> Request:
        """The request with a Via of ours on top, and a branch of its own."""
        host, port = self.address
        via = f"SIP/2.0/UDP {host}:{port};rport;branch={_COOKIE}{secrets.token_hex(8)}"
        return replace(request, headers=(("Via", via), *request.headers))

    def invite_of(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL means (section 9.2)."""
        return self._servers.get((cancel.branch, cancel.sent_by, "INVITE"))

    def await_ack(self, transaction: ServerTransaction) -> None:
        self._unacknowledged[_ack_key(transaction.request)] = transaction
        self._keep(lambda: self._forget(transaction))

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if not data.strip(b"\r\n\0"):
            return  # a keep-alive (RFC 5626 section 3.5.1)
        try:
            message = sip.parse(data)
        except MalformedMessage:
            self.malformed += 1
            return
        if isinstance(message, Response):
            transaction = self._clients.get((message.branch, message.cseq_method))
            if transaction is not None:
                transaction.take(message)
        elif message.method == "ACK":
            waiting = self._unacknowledged.pop(_ack_key(message), None)
            if waiting is not None:
                waiting.acknowledge(message)
        else:
            self._take_request(message, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()

    def error_received(self, exc: Exception) -> None:
        """An ICMP error: the peer's socket is gone. The timers give up on it; nothing is to be done here."""

    def _take_request(self, request: Request, source: Address) -> None:
        key = (request.branch, request.sent_by, request.method)
        known = self._servers.get(key)
        if known is not None:
            self.repeated += 1
            known.repeat()
            return
        transaction = ServerTransaction(self, request, source)
        self._servers[key] = transaction
        if request.method != "INVITE":
            # An INVITE may ring for ever: it is kept from its final response on.
            self._keep(lambda: self._forget(transaction))
        self._arrived(transaction)

    def _forget(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        self._servers.pop((request.branch, request.sent_by, request.method), None)
        if request.method == "INVITE":
            self._unacknowledged.pop(_ack_key(request), None)

    def _keep(self, forget: Callable[[], object]) -> None:
        """Timers H, I, J, K and B in one: what is 64 T1 old is forgotten when something new comes."""
        now = self._loop.time()
        self._ages.append((now + 64 * self.t1 + T2, forget))
        while self._ages[0][0] <= now:
            self._ages.popleft()[1]()


def _ack_key(request: Request) -> tuple[str, str, int]:
    """An ACK has the Call-ID, From tag and CSeq number of its INVITE, whatever its branch (13.2.2.4, 17.1.1.3)."""
    return request.call_id, request.from_tag, request.cseq


def _nobody_asks(ack: Request | None) -> None:
    """Until somebody asks for the ACK."""


def _nobody_listens(response: Response | None) -> None:
    """Whoever needs only the final response awaits it."""
