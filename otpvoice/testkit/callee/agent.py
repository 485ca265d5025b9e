"""The phone: one UDP socket, many calls at once in both directions, each by its scenario.

It registers nowhere and proves nobody's identity; what is not for one of its calls it declines as RFC 3261 says.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeAlias

from otpvoice.testkit.callee.address import MalformedMessage, NameAddress, Uri
from otpvoice.testkit.callee.call import Call
from otpvoice.testkit.callee.dialog import Dialog
from otpvoice.testkit.callee.facts import Invite
from otpvoice.testkit.callee.incoming import IncomingCall
from otpvoice.testkit.callee.outgoing import OutgoingCall
from otpvoice.testkit.callee.scenario import Scenario
from otpvoice.testkit.callee.script import follow
from otpvoice.testkit.callee.signalling import ALLOW
from otpvoice.testkit.callee.sip import Address
from otpvoice.testkit.callee.ticker import Ticker
from otpvoice.testkit.callee.transactions import T1, ServerTransaction, TransactionLayer

_GOODBYE_SECONDS = 1.0

Choice: TypeAlias = Scenario | Mapping[str, Scenario] | Callable[[Invite], Scenario]


class CalleeAgent:
    """Answers at ``address`` while it is open (``async with``), and calls by ``call``.

    For the calls that come ``scenario`` is one for all, one by dialled number (with or without ``+``; ``default`` for
    the others), or a function of the ``Invite``. ``port`` 0: a free one. ``record`` False keeps counts and times, but
    no packets. ``t1`` is SIP's timer T1. A SIP datagram of which ``lose`` says True is not sent. ``calls`` came,
    ``placed`` were placed. What goes wrong in following a scenario is in ``failures``, and raised at the end of the
    ``async with`` block.
    """

    def __init__(
        self,
        scenario: Choice | None = None,
        *,
        default: Scenario | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        record: bool = True,
        t1: float = T1,
        lose: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        self.scenario: Choice = Scenario.answers() if scenario is None else scenario
        self.default = default or Scenario.answers()
        self.calls: list[IncomingCall] = []
        self.placed: list[OutgoingCall] = []
        self.unknown = 0
        self._host, self._port = host, port
        self._record = record
        self._t1 = t1
        self._lose = lose
        self._dialogs: dict[str, Call] = {}
        self._invites: dict[ServerTransaction, IncomingCall] = {}
        self._scripts: dict[Call, asyncio.Task[None]] = {}
        self.failures: list[Exception] = []

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
        if error is None and self.failures:
            raise ExceptionGroup("calls could not follow their scenarios", self.failures)

    async def open(self) -> None:
        self._ticker = Ticker()
        self._new: asyncio.Queue[IncomingCall] = asyncio.Queue()
        self._layer = TransactionLayer(self._arrived, t1=self._t1, lose=self._lose)
        await self._layer.open(self._host, self._port)

    async def close(self) -> None:
        """Hangs up what still lives, waits a second for the responses, frees every port. A dead callee stays silent."""
        scripts = tuple(self._scripts.values())
        for script in scripts:
            script.cancel()
        alive = [call for call in self._dialogs.values() if call.alive]
        goodbyes = [asyncio.create_task(call.hang_up()) for call in alive]
        if goodbyes:
            _, late = await asyncio.wait(goodbyes, timeout=_GOODBYE_SECONDS)
            for goodbye in late:
                goodbye.cancel()
        await asyncio.gather(*scripts, *goodbyes, return_exceptions=True)
        for call in tuple(self._dialogs.values()):
            call.close()
        self._ticker.stop()
        await self._layer.close()

    @property
    def address(self) -> Address:
        return self._layer.address

    @property
    def malformed(self) -> int:
        """Datagrams that were no SIP."""
        return self._layer.malformed

    @property
    def repeated(self) -> int:
        """Requests that came again and were absorbed."""
        return self._layer.repeated

    def call(
        self,
        target: Address,
        user: str,
        *,
        from_user: str = "+15550142",
        display_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        scenario: Scenario | None = None,
        patience: float | None = None,
    ) -> OutgoingCall:
        """Sends an INVITE for ``sip:user@target`` and returns at once; of ``scenario`` counts what follows the answer.

        A call without a final response is cancelled after ``patience`` seconds; None: never. ``user``, ``from_user``,
        ``display_name`` and ``headers`` are sent as they are; ValueError, and nothing sent: one has a line break.
        """
        call = OutgoingCall(
            target,
            user,
            scenario or Scenario.talks(),
            from_user=from_user,
            display_name=display_name,
            headers=headers or {},
            patience=patience,
            layer=self._layer,
            ticker=self._ticker,
            record=self._record,
            over=lambda: self._ended(call),
        )
        self._dialogs[call.dialog.local_tag] = call
        self.placed.append(call)
        self._follow(call)
        return call

    async def next_call(self, within: float | None = None) -> IncomingCall:
        """The next call that came and nobody took yet, in the order of the INVITEs."""
        async with asyncio.timeout(within):
            return await self._new.get()

    def _arrived(self, transaction: ServerTransaction) -> None:
        try:
            self._route(transaction)
        except MalformedMessage:
            self._layer.malformed += 1
            transaction.respond(400, "Bad Request")

    def _route(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        call: Call | None = None
        if request.method == "CANCEL":
            invite = self._layer.invite_of(request)
            if invite is not None and (cancelled := self._invites.get(invite)) is not None:
                cancelled.receive_cancel(transaction)
                return
        elif request.to_tag:
            call = self._dialogs.get(request.to_tag)
            call = call if call is not None and call.dialog.owns(request) else None
        elif request.method == "INVITE":
            self._invited(transaction)
            return
        elif request.method == "OPTIONS":
            transaction.respond(200, tag=_tag(), headers=(ALLOW, ("Accept", "application/sdp")))
            return
        else:
            status = 481 if request.method == "BYE" else 405
            transaction.respond(status, tag=_tag(), headers=(ALLOW,))
            return
        if call is not None:
            call.receive(transaction)
        else:
            self.unknown += 1
            transaction.respond(481, tag=_tag())

    def _invited(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        required = request.header("Require")
        if required:
            transaction.respond(420, tag=_tag(), headers=(("Unsupported", required),))  # 8.2.2.3
            return
        try:
            number = Uri.parse(request.uri).user
        except MalformedMessage:
            transaction.respond(416, tag=_tag())
            return
        tag = _tag()
        dialog = Dialog.as_callee(request, tag, transaction.source)
        invite = Invite(number, _user(request.header("From")), request)
        try:
            scenario = self._choose(invite)
        except Exception as error:
            self.failures.append(error)
            transaction.respond(500, tag=tag)
            return
        call = IncomingCall(
            invite,
            scenario,
            transaction=transaction,
            dialog=dialog,
            layer=self._layer,
            ticker=self._ticker,
            record=self._record,
            over=lambda: self._ended(call),
        )
        self._dialogs[tag] = call
        self._invites[transaction] = call
        self.calls.append(call)
        self._new.put_nowait(call)
        if scenario.trying:
            transaction.respond(100)
        self._follow(call)

    def _choose(self, invite: Invite) -> Scenario:
        choice = self.scenario
        if isinstance(choice, Scenario):
            return choice
        if isinstance(choice, Mapping):
            by_number = {number.removeprefix("+"): scenario for number, scenario in choice.items()}
            return by_number.get(invite.number.removeprefix("+"), self.default)
        return choice(invite)

    def _ended(self, call: Call) -> None:
        self._dialogs.pop(call.dialog.local_tag, None)
        if isinstance(call, IncomingCall):
            self._invites.pop(call.transaction, None)
        script = self._scripts.pop(call, None)
        if script is not None:
            script.cancel()

    def _follow(self, call: Call) -> None:
        script = asyncio.create_task(follow(call))
        self._scripts[call] = script
        script.add_done_callback(self._followed)

    def _followed(self, script: asyncio.Task[None]) -> None:
        error = None if script.cancelled() else script.exception()
        if isinstance(error, Exception):
            self.failures.append(error)


def _tag() -> str:
    return secrets.token_hex(8)


def _user(value: str) -> str:
    """The user part of From; an anonymous or foreign address has none."""
    try:
        return Uri.parse(NameAddress.parse(value).uri).user
    except MalformedMessage:
        return ""
