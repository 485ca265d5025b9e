"""The verb *send digits*: keys that we press on the first party's line.

Asterisk does not tell when they have sounded, so their time is waited for.
"""

from __future__ import annotations

from otpvoice.core.commands import SendDigits
from otpvoice.core.compile import SendStep
from otpvoice.core.events import ActionFailed, DigitReceived, DigitsNotSent
from otpvoice.core.stage import Stage, Steps, TimedOut


def send_digits(stage: Stage, step: SendStep) -> Steps[None]:
    """Press the keys, and go on when they have sounded; where they can't be pressed, say so and go on."""
    stage.do(SendDigits(step.action.digits))
    stage.within(step.seconds)
    while True:
        match (yield):
            case TimedOut():
                return
            case DigitsNotSent():
                stage.deadline = None
                stage.tell(ActionFailed(stage.index, "digits_not_sent", "Asterisk did not press the keys"))
                return
            case DigitReceived(digit=digit):
                stage.type_ahead(digit)
