"""A call that came: what the phone says to the INVITE, and the end that a CANCEL or a missing ACK makes.

It decides nothing by itself: ``script`` follows a scenario through the same methods that a test calls by hand.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from otpvoice.testkit.callee.call import Call
from otpvoice.testkit.callee.dialog import Dialog
from otpvoice.testkit.callee.facts import CallOver, Ending, Invite
from otpvoice.testkit.callee.scenario import AtCancel, Reject, Scenario
from otpvoice.testkit.callee.sdp import Direction, MalformedDescription, NoCommonCodec
from otpvoice.testkit.callee.signalling import ALLOW, SDP
from otpvoice.testkit.callee.sip import Header, Request
from otpvoice.testkit.callee.ticker import Ticker
from otpvoice.testkit.callee.transactions import ServerTransaction, TransactionLayer


class IncomingCall(Call):
    """Methods without ``async`` (``ring``, ``answer``, ``reject``) act at once."""

    _role = "callee"
    _our_bye = Ending.CALLEE_HUNG_UP
    _their_bye = Ending.CALLER_HUNG_UP
    _glare = (0, 200)

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
        super().__init__(scenario, dialog=dialog, layer=layer, ticker=ticker, record=record, over=over)
        self.invite = invite
        self.transaction = transaction
        self._description = b""

    def ring(self, status: int = 180, *, early_media: bool = False) -> None:
        """Sends a provisional response, with a description for ``early_media``."""
        self._must_ring()
        body = self._describe() if early_media else b""
        if self.over:
            return
        headers = (self._contact, ALLOW, SDP) if body else (self._contact, ALLOW)
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
        self.transaction.respond(200, tag=self.dialog.local_tag, headers=(self._contact, ALLOW, SDP), body=body)
        self._audio.start()
        self._waits.changed()

    def reject(self, status: int = 486, reason: str | None = None, headers: tuple[Header, ...] = ()) -> None:
        """Sends a final response that is no success."""
        self._must_ring()
        verdict = Reject(status, reason, headers)
        self.transaction.respond(verdict.status, verdict.reason, tag=self.dialog.local_tag, headers=verdict.headers)
        self._end(Ending.REJECTED)

    def receive_cancel(self, cancel: ServerTransaction) -> None:
        """The CANCEL of the INVITE (section 9.2)."""
        if not self.transaction.over and self.scenario.at_cancel is AtCancel.ANSWERS:
            self.answer()
        cancel.respond(200, tag=self.dialog.local_tag)
        if not self.transaction.over:
            self.goodbye = cancel.request
            self.transaction.respond(487, tag=self.dialog.local_tag)
            self._end(Ending.CANCELLED)

    @property
    def alive(self) -> bool:
        return not self.over and self.scenario.trying

    def close(self) -> None:
        self.transaction.stop()
        self._end(Ending.AGENT_CLOSED)

    @property
    def _inviting(self) -> bool:
        return not self.transaction.over

    def _stop_inviting(self) -> None:
        # Section 15.1.2: a BYE in an early dialog ends the INVITE as well.
        self.transaction.respond(487, tag=self.dialog.local_tag)
        self.transaction.stop()

    def _refuse_offer(self, transaction: ServerTransaction) -> None:
        # 14.2, and RFC 3311 section 5.2 for UPDATE.
        transaction.respond(500, headers=(("Retry-After", str(random.randint(0, 10))),))

    def _give_up(self) -> None:
        self.reject(480)

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
