"""The SIP side of a call within its dialog: the requests of both sides, and its end.

It leaves the beginning to ``incoming`` and ``outgoing``, and what a test tells and awaits to ``call``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final

from otpvoice.testkit.callee.audio import CallAudio
from otpvoice.testkit.callee.dialog import Dialog
from otpvoice.testkit.callee.facts import Ending, Invite, Refused, Times
from otpvoice.testkit.callee.recording import Recording
from otpvoice.testkit.callee.scenario import Scenario
from otpvoice.testkit.callee.sdp import Direction, MalformedDescription, NoCommonCodec
from otpvoice.testkit.callee.sip import Header, Request, Response
from otpvoice.testkit.callee.ticker import Ticker
from otpvoice.testkit.callee.transactions import ClientTransaction, ServerTransaction, TransactionLayer
from otpvoice.testkit.callee.waits import Waits

ALLOW: Final[Header] = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO")
_GLARES = 3
SDP: Final[Header] = ("Content-Type", "application/sdp")


class Signalling(ABC):
    """``goodbye`` is the BYE or CANCEL that came; ``ended_by`` is None while the call lives."""

    invite: Invite
    # Which of the two we are: the user part of our Contact, and what a BYE of ours or of theirs makes of the call.
    _role: ClassVar[str]
    _our_bye: ClassVar[Ending]
    _their_bye: ClassVar[Ending]
    # Section 14.1: how long to wait after two re-INVITEs crossed, in hundredths of a second.
    _glare: ClassVar[tuple[int, int]]

    def __init__(
        self,
        scenario: Scenario,
        *,
        dialog: Dialog,
        layer: TransactionLayer,
        ticker: Ticker,
        record: bool,
        over: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.scenario = scenario
        self.dialog = dialog
        self.times = Times(self._loop.time())
        self.recording = Recording(keep=record)
        self.goodbye: Request | None = None
        self.ended_by: Ending | None = None
        self._layer = layer
        self._over = over
        self._waits = Waits(lambda: self.over)
        self._reinviting = False
        host, port = layer.address
        self._contact: Header = ("Contact", f"<sip:{self._role}@{host}:{port}>")
        self._audio = CallAudio(host, ticker, scenario, self.recording, self._heard)

    @property
    def over(self) -> bool:
        return self.ended_by is not None

    @property
    def reasons(self) -> tuple[str, ...]:
        """The values of Reason (RFC 3326) in the BYE or CANCEL that came."""
        return () if self.goodbye is None else self.goodbye.values("Reason")

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether the other side can be told that we go."""

    @abstractmethod
    def close(self) -> None:
        """Forgets the call without a word to the other side."""

    @property
    @abstractmethod
    def _inviting(self) -> bool:
        """The call's first INVITE has no final response yet."""

    @abstractmethod
    def _stop_inviting(self) -> None:
        """BYE came: what the first INVITE still has under way ends."""

    @abstractmethod
    def _refuse_offer(self, transaction: ServerTransaction) -> None:
        """Refuses an offer that came while that of the first INVITE has no answer."""

    def receive(self, transaction: ServerTransaction) -> None:
        """A request in the dialog."""
        request = transaction.request
        if request.cseq <= self.dialog.remote_cseq:
            transaction.respond(500)  # 12.2.2: out of order
        else:
            self.dialog.refresh(request)
            self._receive_in_order(transaction)
            self._waits.changed()

    def _receive_in_order(self, transaction: ServerTransaction) -> None:
        match transaction.request.method:
            case "BYE":
                transaction.respond(200)
                self.times.bye = self.times.bye or self._loop.time()
                self.goodbye = transaction.request
                self._stop_inviting()
                self._end(self._their_bye)
            case "INVITE" | "UPDATE":
                self._renegotiate(transaction)
            case "OPTIONS" | "INFO":
                transaction.respond(200, headers=(ALLOW,))
            case _:
                transaction.respond(405, headers=(ALLOW,))

    def _renegotiate(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if self._reinviting:
            transaction.respond(491)  # 14.2
            return
        if self._inviting and (request.body or request.method == "INVITE"):
            self._refuse_offer(transaction)
            return
        body = b""
        if request.body:
            try:
                body = self._audio.answer(request.body)
            except (MalformedDescription, NoCommonCodec):
                transaction.respond(488)
                return
        elif request.method == "INVITE":
            body = self._audio.offer(self._audio.direction)
            transaction.acknowledged = self._accept_from
        headers = (self._contact, ALLOW, SDP) if body else (self._contact, ALLOW)
        transaction.respond(200, headers=headers, body=body)

    def _accept_from(self, ack: Request | None) -> None:
        """Takes the answer to an offer of ours in a 200 OK (13.2.1)."""
        if ack is not None and ack.body:
            with contextlib.suppress(MalformedDescription, NoCommonCodec):
                self._audio.accept(ack.body)

    def _bye(self, ending: Ending) -> None:
        """Sends BYE; the call is over with its response."""
        if self.times.bye is not None:
            return
        self.times.bye = self._loop.time()
        self._audio.stop()
        bye = self._layer.request(self.dialog.request("BYE"), self.dialog.next_hop)
        bye.final.add_done_callback(lambda _: self._end(ending))

    async def _reinvite(self, direction: Direction) -> None:
        await self._waits.until(lambda: self.times.ack is not None, None)
        before = self._audio.direction
        response = await self._offer(direction)
        for _ in range(_GLARES):
            if response.status == 491:
                await asyncio.sleep(random.randint(*self._glare) / 100)
                response = await self._offer(direction)
        if response.status >= 300:
            self._audio.direction = before
            raise Refused(response.status)
        self._audio.accept(response.body)

    async def _offer(self, direction: Direction) -> Response:
        if self._reinviting:
            raise RuntimeError("one re-INVITE at a time")
        request = self.dialog.request("INVITE", headers=(self._contact, ALLOW, SDP), body=self._audio.offer(direction))
        self._reinviting = True
        transaction = self._layer.request(request, self.dialog.next_hop)
        transaction.final.add_done_callback(lambda _: self._reinvited(transaction))
        await self._waits.until(transaction.final.done, None)
        return transaction.final.result()

    def _reinvited(self, transaction: ClientTransaction) -> None:
        self._reinviting = False
        if transaction.final.result().status < 300:
            ack = self.dialog.ack(transaction.request.cseq)
            transaction.acknowledge(self._layer.with_via(ack))
        self._waits.changed()

    def _heard(self) -> None:
        if self.times.first_rtp is None:
            self.times.first_rtp = self.recording.first_arrival
        if self.times.first_sound is None:
            self.times.first_sound = self.recording.first_sound
        self._waits.changed()

    def _end(self, ending: Ending) -> None:
        if self.over:
            return
        self._audio.close()  # before the end: what came before it is heard before it
        self.ended_by = ending
        self.times.ended = self._loop.time()
        self._waits.changed()
        self._over()
