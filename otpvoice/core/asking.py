"""The verb *ask*: the plan has run out of actions, and somebody is asked what to do next.

Who is asked, and how, is the session's business; what comes of it is told.
"""

from __future__ import annotations

from otpvoice.core.actions import Action
from otpvoice.core.commands import Ask
from otpvoice.core.events import ActionFailed, DigitReceived, Instructed, NotInstructed
from otpvoice.core.stage import Stage, Steps, TimedOut

TO_PREPARE = 35.0
"""Seconds beyond the webhook's timeout for what was answered to be read, and its sound to be made."""
MOST_AT_ONCE = 100
"""Questions that a call may ask however soon: two programs that talk past each other must come to an end."""
ONE_MORE_EVERY = 5.0
"""Seconds of talk for which it may ask one more. A person takes longer to hear what is asked and to answer it, so that
a menu may go on for as long as a call may last."""


def may_ask(asked: int, talked: float) -> bool:
    """May a call that has asked so often, and has lasted so many seconds since its answer, ask once more?"""
    return asked < MOST_AT_ONCE + int(talked / ONE_MORE_EVERY)


def ask(stage: Stage, patience: float) -> Steps[tuple[Action, ...] | None]:
    """Ask, and wait. Returns what to do next (nothing: the plan is over), or None where no answer can be used."""
    stage.do(Ask())
    stage.within(patience + TO_PREPARE)
    while True:
        match (yield):
            case Instructed(actions=actions):
                stage.deadline = None
                return actions
            case NotInstructed(code=code, message=message):
                stage.deadline = None
                stage.tell(ActionFailed(None, code, message))
                return None
            case DigitReceived(digit=digit):
                stage.type_ahead(digit)
            case TimedOut():
                stage.tell(ActionFailed(None, "answer_late", "what to do next was not known in time"))
                return None
