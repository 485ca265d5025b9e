"""How a call is taken: its record is made, and kept before anything else; or it is refused, and its record says so.

What begins then is the switchboard's business (``app``); which calls there are, the register's.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import structlog

from otpvoice.ari.node import AsteriskNode
from otpvoice.core.chance import drawn
from otpvoice.core.flow import CallFlow
from otpvoice.core.outcome import Fault, OwnAction
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord
from otpvoice.core.refusal import complaint
from otpvoice.stasis.named import named
from otpvoice.stasis.needs import ready_node
from otpvoice.stasis.ports import NotTaken
from otpvoice.stasis.register import Register

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Taking(Register):
    """The register, and how its calls are taken."""

    async def refuse(
        self,
        plan: CallPlan,
        *,
        fault: Fault,
        account: str,
        door: str,
        call_id: str | None = None,
        token: str | None = None,
        test: bool = False,
        why: str | None = None,
    ) -> dict[str, Any]:
        """Take a call that must not begin, and end it by ``fault`` at once. Returns its record, as it was taken.

        Nobody is dialled, no Asterisk is needed, and the destination is neither locked nor counted, since nobody's
        telephone is in use. ``fault``: one of ``core.refusal.MESSAGES``; ``why``: for people, and no secret. Raises
        ``NotTaken``, as ``place``.
        """
        record = self._record(call_id or new_call_id(), self._flow(plan, rehearsed=test), account, door)
        record.test, record.refused = test, fault
        # Written with the call itself: should we die now, whoever finds it knows that it is not to be dialled.
        record.errors.append(complaint(fault, why))
        with named(record):
            await self._accept(record, None, token)
            taken = record.to_json()
            log.info("call.refused", account=account, reason=fault.value)
            self._end_unbegun(record, fault=fault)
        return taken

    def _flow(self, plan: CallPlan, *, rehearsed: bool = False) -> CallFlow:
        # Where it is rehearsed nobody listens: what is drawn is what a scripted callee presses.
        return CallFlow(drawn(plan, min if rehearsed else self.draw), self.locales)

    def _record(self, call_id: str, flow: CallFlow, account: str, door: str) -> CallRecord:
        return CallRecord(
            id=call_id,
            account=account,
            door=door,
            plan=flow.plan,
            proof=flow.proof,
            node=None,
            instance=self.instance,
            created_at=self.clock.wall(),
            voice=flow.plan.voice or self.voice_name,
        )

    def _check(self, node: AsteriskNode | None) -> None:
        """Is there still a way to call (where one is needed)? Asked again after each wait. Raises ``NotTaken``."""
        self.check_open()
        if node is not None:
            ready_node([node])

    async def _accept(self, record: CallRecord, node: AsteriskNode | None, token: str | None) -> None:
        """Have a new record kept. Whoever drains waits for calls that have begun, not for those that are about to."""
        self._check(node)
        kept = False
        try:
            await self.records.accept(record, token=token)
            kept = True
            self._check(node)
        except NotTaken as refused:
            if kept or refused.recorded:
                own, fault = (OwnAction.SHUTDOWN, None) if self.draining else (None, Fault.LOST_BEFORE_DIALING)
                self._end_unbegun(record, own=own, fault=fault)
            raise


def new_call_id() -> str:
    """Return an id that nobody can guess."""
    return "call_" + secrets.token_hex(16)
