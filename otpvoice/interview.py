"""What an interactive plan is to do next: asked at its webhook, and read as it is spelled there.

It posts nothing itself and carries nothing out; who can't be understood has not answered.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

import structlog

from otpvoice.adapters.webhooks import Answered, NotAnswered, Reply
from otpvoice.core.actions import Action
from otpvoice.core.chance import drawn_actions
from otpvoice.core.record import CallRecord
from otpvoice.dialects.native import parse_answer
from otpvoice.dialects.native_events import Envelope
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.problems import Fault, ProblemFound
from otpvoice.dialects.spelling import ANSWER_FAULTS, Spelling
from otpvoice.session import NoAnswer

log = structlog.get_logger(__name__)


NO_SPELLINGS: Final[Mapping[str, Spelling]] = MappingProxyType({})


class Endpoint(Protocol):
    """Posts a question and returns what was said to it (``adapters.webhooks.Asker``)."""

    async def ask(
        self, account: str, url: str, event_id: str, body: bytes, seconds: float, /, *, auth: str | None = None
    ) -> Reply: ...


class Interview:
    """``session.Asker``. ``question`` returns the event by which a call asks now.

    ``defaults``: of each account; ``rehearsal``: those of its test calls. ``spellings``: others than ours, by name.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        question: Callable[[str], Envelope | None],
        defaults: Mapping[str, CallDefaults],
        rehearsal: Mapping[str, CallDefaults],
        spellings: Mapping[str, Spelling] = NO_SPELLINGS,
    ) -> None:
        self._endpoint, self._question = endpoint, question
        self._defaults, self._rehearsal, self._spellings = defaults, rehearsal, spellings

    async def ask(self, record: CallRecord, /) -> tuple[Action, ...]:
        """Return what a call is to do next; nothing: no more. Raises ``NoAnswer``."""
        question, webhook = self._question(record.id), record.plan.webhook
        if question is None or webhook is None:
            raise NoAnswer("nobody_to_ask", "there is nobody to ask")
        whom, about = (record.account, webhook.url), (question.id, question.body)
        reply = await self._endpoint.ask(*whom, *about, webhook.timeout, auth=webhook.auth)
        match reply:
            case NotAnswered(reason=reason):
                raise NoAnswer("not_answered", f"the webhook did not say what comes next: {reason}")
            case Answered(body=body):
                # Nobody listens to a test call: what is drawn is what a scripted callee presses.
                actions = self._read(record, webhook.spelling, question.type, body)
                return drawn_actions(actions, min if record.test else secrets.choice)

    def _read(self, record: CallRecord, spelled: str, asked: str, body: bytes) -> tuple[Action, ...]:
        plan, now = record.plan, time.time()
        defaults = (self._rehearsal if record.test else self._defaults)[record.account]
        spelling = self._spellings.get(spelled)
        try:
            if spelling is not None:
                return spelling.actions(body, asked, plan, defaults, now)
            return parse_answer(body, plan, defaults, now)
        except ProblemFound as found:
            # Complaints repeat no value, so that they can be told: a code may be in the answer.
            whose = {"call": record.id, "account": record.account}
            log.warning("interview.not_understood", **whose, problems=[one.path for one in found.problems])
            told = "; ".join(f"{one.path} {one.message}" for one in found.problems[:3])
            complaint = f"the webhook's answer can't be used: {told}"
            if spelling is not None and (code := _word_for(found)) is not None:
                raise NoAnswer(code, complaint) from None
            raise NoAnswer("answer_invalid", complaint) from None


def _word_for(found: ProblemFound) -> str | None:
    """Return what is wrong with an answer, where others have a word for that."""
    if found.fault is Fault.DESTINATION_NOT_ALLOWED:
        return found.fault.value
    return next((one.code for one in found.problems[:1] if one.code in ANSWER_FAULTS), None)
