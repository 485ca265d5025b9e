"""The SIP side of a call that came: its responses, the requests of both sides in its dialog, and its end.

It waits for nobody and keeps no time but that of what it sends and gets; ``call`` adds what a test tells and awaits.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Final

from otpvoice.testkit.callee.audio import CallAudio
from otpvoice.testkit.callee.dialog import Dialog
from otpvoice.testkit.callee.facts import CallOver, Ending, Invite, Refused, Times
from otpvoice.testkit.callee.recording import Recording
from otpvoice.testkit.callee.scenario import AtCancel, Reject, Scenario
from otpvoice.testkit.callee.sdp import Direction, MalformedDescription, NoCommonCodec
from otpvoice.testkit.callee.sip import Header, Request, Response
from otpvoice.testkit.callee.ticker import Ticker
from otpvoice.testkit.callee.transactions import ClientTransaction, ServerTransaction, TransactionLayer
from otpvoice.testkit.callee.waits import Waits

ALLOW: Final[Header] = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO")
_GLARES = 3
_SDP: Final[Header] = ("Content-Type", "application/sdp")


class Signalling:
    """``goodbye`` is the BYE or CANCEL that came; ``ended_by`` is None while the call lives."""

    def __init__(
        self,
        invite: Invite,
        scenario: Scenario,
        *,
        transaction: ServerTransaction,
        dialog: Dialog,
        layer: TransactionLayer,
        ticker: Ticker,
        record: bool,
        over: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.invite = invite
        self.scenario = scenario
        self.dialog = dialog
        self.times = Times(self._loop.time())
        self.recording = Recording(keep=record)
        self.goodbye: Request | None = None
        self.ended_by: Ending | None = None
        self.transaction = transaction
        self._layer = layer
        self._over = over
        self._waits = Waits(lambda: self.over)
        self._description = b""
        self._reinviting = False
        host, port = layer.address
        self._contact: Header = ("Contact", f"<sip:callee@{host}:{port}>")
        self._audio = CallAudio(host, ticker, scenario, self.recording, self._heard)

    @property
    def over(self) -> bool:
        return self.ended_by is not None

    def ring(self, status: int = 180, *, early_media: bool = False) -> None:
        """Sends a provisional response, with a description for ``early_media``."""
        self._must_ring()
        body = self._describe() if early_media else b""
        if self.over:
            return
        headers = (self._contact, ALLOW, _SDP) if body else (self._contact, ALLOW)
        self.times.ringing = self.times.ringing or self._loop.time()
        self.transaction.respond(status, tag=self.dialog.local_tag, headers=headers, body=body)
        if early_media:
            self._audio.start()
        self._waits.changed()

    def answer(self) -> None:
        """Sends 200 OK; 488 where no codec is common."""
        self._must_ring()
        body = self._describe()
        if self.over:
            return
        self.times.ok_sent = self._loop.time()
        self.transaction.acknowledged = self._acknowledged
        self.transaction.respond(200, tag=self.dialog.local_tag, headers=(self._contact, ALLOW, _SDP), body=body)
        self._audio.start()
        self._waits.changed()

    def reject(self, status: int = 486, reason: str | None = None, headers: tuple[Header, ...] = ()) -> None:
        """Sends a final response that is no success."""
        self._must_ring()
        verdict = Reject(status, reason, headers)
        self.transaction.respond(verdict.status, verdict.reason, tag=self.dialog.local_tag, headers=verdict.headers)
        self._end(Ending.REJECTED)

    def receive(self, transaction: ServerTransaction) -> None:
        """A request in the dialog, or the CANCEL of its INVITE."""
        request = transaction.request
        if request.method == "CANCEL":
            self._cancelled(transaction)
        elif request.cseq <= self.dialog.remote_cseq:
            transaction.respond(500)  # 12.2.2: out of order
        else:
            self.dialog.refresh(request)
            self._receive_in_order(transaction)

    def close(self) -> None:
        """Forgets the call without a word to the caller."""
        self.transaction.stop()
        self._end(Ending.AGENT_CLOSED)

    def _receive_in_order(self, transaction: ServerTransaction) -> None:
        match transaction.request.method:
            case "BYE":
                transaction.respond(200)
                if not self.transaction.over:
                    # Section 15.1.2: a BYE in an early dialog ends the INVITE as well.
                    self.transaction.respond(487, tag=self.dialog.local_tag)
                self.times.bye = self.times.bye or self._loop.time()
                self.goodbye = transaction.request
                self.transaction.stop()
                self._end(Ending.CALLER_HUNG_UP)
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
        if request.method == "INVITE" and not self.transaction.over:
            transaction.respond(500, headers=(("Retry-After", str(random.randint(0, 10))),))  # 14.2
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
        headers = (self._contact, ALLOW, _SDP) if body else (self._contact, ALLOW)
        transaction.respond(200, headers=headers, body=body)

    def _cancelled(self, cancel: ServerTransaction) -> None:
        if not self.transaction.over and self.scenario.at_cancel is AtCancel.ANSWERS:
            self.answer()
        cancel.respond(200, tag=self.dialog.local_tag)
        if not self.transaction.over:
            self.goodbye = cancel.request
            self.transaction.respond(487, tag=self.dialog.local_tag)
            self._end(Ending.CANCELLED)

    def _must_ring(self) -> None:
        if self.over:
            raise CallOver
        if self.times.ok_sent is not None:
            raise RuntimeError("the call is answered already")

    def _describe(self) -> bytes:
        """The description in our responses, the same in all; a call without a common codec is rejected, and over."""
        if not self._description:
            theirs = self.invite.request.body
            try:
                self._description = self._audio.answer(theirs) if theirs else self._audio.offer(Direction.SENDRECV)
            except (MalformedDescription, NoCommonCodec):
                self.reject(488)
        return self._description

    def _acknowledged(self, ack: Request | None) -> None:
        if self.over:
            return
        if ack is None:
            self._bye(Ending.NO_ACK)  # 13.3.1.4
            return
        self.times.ack = self._loop.time()
        self._accept_from(ack)
        self._waits.changed()

    def _accept_from(self, ack: Request | None) -> None:
        """Takes the answer to an offer of ours in a 200 OK (13.2.1)."""
        if ack is not None and ack.body:
            with contextlib.suppress(MalformedDescription, NoCommonCodec):
                self._audio.accept(ack.body)

    def _bye(self, ending: Ending) -> None:
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
                # Section 14.1: the one that did not make the Call-ID waits up to two seconds.
                await asyncio.sleep(random.randint(0, 200) / 100)
                response = await self._offer(direction)
        if response.status >= 300:
            self._audio.direction = before
            raise Refused(response.status)
        self._audio.accept(response.body)

    async def _offer(self, direction: Direction) -> Response:
        if self._reinviting:
            raise RuntimeError("one re-INVITE at a time")
        request = self.dialog.request("INVITE", headers=(self._contact, ALLOW, _SDP), body=self._audio.offer(direction))
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
        self.ended_by = ending
        self.times.ended = self._loop.time()
        self._audio.close()
        self._waits.changed()
        self._over()
