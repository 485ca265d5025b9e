"""A call that the phone places: INVITE, what is said to it, and CANCEL when the answer is no longer wanted.

It repeats no refused call: 3xx, 401 and 407 are final like any other. It follows one branch of a fork, and knows no
reliable provisional responses (RFC 3262), which it does not offer.
"""

from __future__ import annotations

import secrets
from asyncio import TimerHandle
from collections.abc import Callable, Mapping

from otpvoice.testkit.callee.call import Call
from otpvoice.testkit.callee.dialog import Dialog
from otpvoice.testkit.callee.facts import CallOver, Ending, Invite
from otpvoice.testkit.callee.scenario import Scenario
from otpvoice.testkit.callee.sdp import Direction, MalformedDescription, NoCommonCodec
from otpvoice.testkit.callee.signalling import ALLOW, SDP
from otpvoice.testkit.callee.sip import Address, Response
from otpvoice.testkit.callee.ticker import Ticker
from otpvoice.testkit.callee.transactions import ServerTransaction, TransactionLayer


class OutgoingCall(Call):
    """Its INVITE is sent when it is made. ``user``, ``from_user``, ``display_name`` and ``headers`` go out as they are.

    ``responses`` are those to the INVITE in the order of their arrival, ``final`` the last of them once there is one.
    Raises ValueError, and sends nothing, when something given has a line break.
    """

    _role = "caller"
    _our_bye = Ending.CALLER_HUNG_UP
    _their_bye = Ending.CALLEE_HUNG_UP
    _glare = (210, 400)

    def __init__(
        self,
        target: Address,
        user: str,
        scenario: Scenario,
        *,
        from_user: str,
        display_name: str | None,
        headers: Mapping[str, str],
        patience: float | None,
        layer: TransactionLayer,
        ticker: Ticker,
        record: bool,
        over: Callable[[], None],
    ) -> None:
        host, port = layer.address
        uri = f"sip:{user}@{target[0]}:{target[1]}" if user else f"sip:{target[0]}:{target[1]}"
        name = "" if display_name is None else f'"{display_name}" '
        dialog = Dialog.as_caller(
            f"{secrets.token_hex(12)}@{host}",
            f"{name}<sip:{from_user}@{host}:{port}>",
            secrets.token_hex(8),
            uri,
            target,
        )
        super().__init__(scenario, dialog=dialog, layer=layer, ticker=ticker, record=record, over=over)
        self.responses: list[Response] = []
        self.final: Response | None = None
        self._unwanted = False
        self._timers: list[TimerHandle] = []
        try:
            offer = self._audio.offer(Direction.SENDRECV)
            request = dialog.request("INVITE", headers=(self._contact, ALLOW, *headers.items(), SDP), body=offer)
            self.transaction = layer.request(request, target, self._responded)
        except BaseException:
            self._audio.close()
            raise
        self.invite = Invite(user, from_user, self.transaction.request)
        if patience is not None:
            self._timers.append(self._loop.call_later(patience, self._give_up))

    @property
    def status(self) -> int | None:
        """The final status; None: there is none yet, or none came at all."""
        return None if self.final is None else self.final.status

    @property
    def provisionals(self) -> list[int]:
        """The provisional statuses in the order of their arrival."""
        return [response.status for response in self.responses if response.status < 200]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The values of Reason (RFC 3326) in the BYE that came, or else in the refusal."""
        if self.goodbye is None and self.final is not None:
            return self.final.values("Reason")
        return super().reasons

    def cancel(self) -> None:
        """Sends CANCEL, but not before the first provisional response (section 9.1); an answer all the same is hung up.

        Raises ``CallOver``; RuntimeError when the call is answered.
        """
        if self.over:
            raise CallOver
        if self.final is not None:
            raise RuntimeError("the call is answered already")
        self._unwanted = True
        if self.responses:
            self._send_cancel()

    async def rang(self, within: float | None = None) -> None:
        """Waits for the first provisional response but 100."""
        await self.until(lambda: self.times.ringing is not None, within)

    async def decided(self, within: float | None = None) -> int | None:
        """Waits for the final status and returns it; None: the call ended without one."""
        try:
            await self.until(lambda: self.final is not None, within)
        except CallOver:
            return None
        return self.status

    @property
    def alive(self) -> bool:
        return not self.over and bool(self.responses)

    def close(self) -> None:
        self.transaction.stop()
        self._end(Ending.AGENT_CLOSED)

    @property
    def _inviting(self) -> bool:
        return self.final is None

    def _stop_inviting(self) -> None:
        self.transaction.stop()

    def _refuse_offer(self, transaction: ServerTransaction) -> None:
        transaction.respond(491)  # 14.2, and RFC 3311 section 5.2 for UPDATE

    def _give_up(self) -> None:
        if not self.over and self.final is None:
            self.cancel()

    def _send_cancel(self) -> None:
        if self.times.cancel is None:
            self.times.cancel = self._loop.time()
            self.transaction.cancel()
            # Section 9.1: without a final response in this time the call counts as cancelled.
            limit = 64 * self._layer.t1
            self._timers.append(self._loop.call_later(limit, self._end, Ending.CANCELLED))

    def _responded(self, response: Response | None) -> None:
        if response is None:
            self._end(Ending.NO_RESPONSE)
            return
        self.responses.append(response)
        if response.status < 200:
            self._progressed(response)
        elif response.status < 300:
            self._accepted(response)
        else:
            self.final = response
            self.times.final = self._loop.time()
            cancelled = self.times.cancel is not None and response.status == 487
            self._end(Ending.CANCELLED if cancelled else Ending.REJECTED)
        self._waits.changed()

    def _progressed(self, response: Response) -> None:
        if self.over:
            return
        if response.status > 100:
            self.times.ringing = self.times.ringing or self._loop.time()
            self.dialog.establish(response)
        if self._unwanted:
            self._send_cancel()
        elif response.body and self._agreed(response):
            self.times.early_media = self.times.early_media or self._loop.time()
            self._audio.start()

    def _accepted(self, response: Response) -> None:
        """Section 13.2.2.4: each success is acknowledged, also one that nobody wants any more."""
        self.final = response
        self.times.final = self._loop.time()
        self._stop_timers()
        self.dialog.establish(response)
        ack = self._layer.with_via(self.dialog.ack(self.transaction.request.cseq))
        self.transaction.acknowledge(ack, self.dialog.next_hop)
        self.times.ack = self._loop.time()
        if self.over or self._unwanted or not self._agreed(response):
            self._bye(self._our_bye)
        else:
            self._audio.start()

    def _agreed(self, response: Response) -> bool:
        """Takes the answer to our offer; a success without one repeats what a provisional response had."""
        if not response.body:
            return self._audio.agreement is not None
        try:
            self._audio.accept(response.body)
        except (MalformedDescription, NoCommonCodec):
            return False
        return True

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _end(self, ending: Ending) -> None:
        self._stop_timers()
        super()._end(ending)
