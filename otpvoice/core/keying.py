"""The verb *send digits*: keys that we press on the first party's line.

Whoever presses them tells when all have sounded; no time is computed for that, since a late machine would cut the last.
"""

from __future__ import annotations

from otpvoice.core.commands import SendDigits
from otpvoice.core.compile import LATE, SendStep
from otpvoice.core.events import ActionFailed, DigitReceived, DigitsNotSent, DigitsSent
from otpvoice.core.stage import Stage, Steps, TimedOut


def send_digits(stage: Stage, step: SendStep) -> Steps[None]:
    """Press the keys, and go on when they have sounded; where they can't be pressed, or nobody knows, say so."""
    stage.do(SendDigits(step.action.digits))
    stage.within(step.seconds + 2 * LATE)  # by then nobody presses any more of them
    while True:
        match (yield):
            case DigitsSent():
                stage.deadline = None
                return
            case TimedOut():
                stage.tell(ActionFailed(stage.index, "digits_not_confirmed", "Asterisk did not say that they sounded"))
                return
            case DigitsNotSent():
                stage.deadline = None
                stage.tell(ActionFailed(stage.index, "digits_not_sent", "Asterisk did not press the keys"))
                return
            case DigitReceived(digit=digit):
                stage.type_ahead(digit)
