"""8x8's spelling of a call, for all of its calls: how it is told, and how what is answered is read."""

from __future__ import annotations

from otpvoice.core.actions import Action
from otpvoice.core.plan import CallPlan
from otpvoice.dialects.callflow.answering import read_answer
from otpvoice.dialects.callflow.telling import CallflowTeller
from otpvoice.dialects.offers import CallDefaults


class CallflowSpelling:
    """``dialects.spelling.Spelling``."""

    def teller(self) -> CallflowTeller:
        """Return one for a call that begins, or is found at its end."""
        return CallflowTeller()

    def actions(
        self, body: bytes, asked: str, plan: CallPlan, defaults: CallDefaults, now: float, /
    ) -> tuple[Action, ...]:
        """Return what an answer says is to be done next. Raises ``ProblemFound``."""
        return read_answer(body, asked, plan, defaults, now)
