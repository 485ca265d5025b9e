"""What an interactive plan is to do next: asked at its webhook, and read as our own spelling.

It posts nothing itself and carries nothing out; who can't be understood has not answered.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from otpvoice.adapters.webhooks import Answered, NotAnswered, Reply
from otpvoice.core.actions import Action
from otpvoice.core.chance import drawn_actions
from otpvoice.core.record import CallRecord
from otpvoice.dialects.native import parse_answer
from otpvoice.dialects.native_events import Envelope
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.problems import ProblemFound
from otpvoice.session import NoAnswer

log = structlog.get_logger(__name__)


class Endpoint(Protocol):
    """Posts a question and returns what was said to it (``adapters.webhooks.Asker``)."""

    async def ask(self, account: str, url: str, event_id: str, body: bytes, seconds: float, /) -> Reply: ...


class Interview:
    """``session.Asker``. ``question`` returns the event by which a call asks now.

    ``defaults``: of each account; ``rehearsal``: those of its test calls.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        question: Callable[[str], Envelope | None],
        defaults: Mapping[str, CallDefaults],
        rehearsal: Mapping[str, CallDefaults],
    ) -> None:
        self._endpoint, self._question = endpoint, question
        self._defaults, self._rehearsal = defaults, rehearsal

    async def ask(self, record: CallRecord, /) -> tuple[Action, ...]:
        """Return what a call is to do next; nothing: no more. Raises ``NoAnswer``."""
        question, webhook = self._question(record.id), record.plan.webhook
        if question is None or webhook is None:
            raise NoAnswer("nobody_to_ask", "there is nobody to ask")
        reply = await self._endpoint.ask(record.account, webhook.url, question.id, question.body, webhook.timeout)
        match reply:
            case NotAnswered(reason=reason):
                raise NoAnswer("not_answered", f"the webhook did not say what comes next: {reason}")
            case Answered(body=body):
                # Nobody listens to a test call: what is drawn is what a scripted callee presses.
                return drawn_actions(self._read(record, body), min if record.test else secrets.choice)

    def _read(self, record: CallRecord, body: bytes) -> tuple[Action, ...]:
        try:
            defaults = self._rehearsal if record.test else self._defaults
            return parse_answer(body, record.plan, defaults[record.account], time.time())
        except ProblemFound as found:
            # Complaints repeat no value, so that they can be told: a code may be in the answer.
            whose = {"call": record.id, "account": record.account}
            log.warning("interview.not_understood", **whose, problems=[one.path for one in found.problems])
            told = "; ".join(f"{one.path} {one.message}" for one in found.problems[:3])
            raise NoAnswer("answer_invalid", f"the webhook's answer can't be used: {told}") from None
