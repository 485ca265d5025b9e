"""The verb *dial*: call a second party, let the two talk, and take the first one back when the second is gone.

Keys that are pressed meanwhile are nobody's answer: they are neither collected nor kept. Whoever closes this verb ends
the call, and with it the second leg.
"""

from __future__ import annotations

from otpvoice.core.beside import beside
from otpvoice.core.commands import Connect, DialSecond, Part, SendDigitsToSecond
from otpvoice.core.compile import LATE, DialStep
from otpvoice.core.events import ActionFailed, DigitsNotSent, DigitsSent, OnSecond, PartiesConnected, PartiesParted
from otpvoice.core.outcome import Fault, OwnAction
from otpvoice.core.second import Second
from otpvoice.core.speaking import speak_listening
from otpvoice.core.stage import ActionFault, PlanOver, Stage, Steps, TimedOut

TO_MOVE = 5.0
"""Seconds that Asterisk may take to move a party from one bridge to another."""
END_OF_SECOND = 5.0
"""Seconds that Asterisk may take to tell that a second channel which we hung up is gone."""


def dial(stage: Stage, step: DialStep) -> Steps[None]:
    """Call the second party, and wait until its leg is over, whatever came of it.

    Raises ``PlanOver`` where it was dialled too often.
    """
    action, plan = step.action, stage.plan
    # A caller's own number is not ours to show.
    caller_id = action.caller_id or (None if plan.inbound else plan.caller_id)
    if (objection := stage.dialed.objection(action.to)) is not None:
        raise PlanOver("dialed_too_often", objection)
    second = stage.second = Second(stage.dialed.dial(action.to))
    stage.do(DialSecond(second.number, action.to, caller_id, action.ring_timeout))
    # The first party hears it ring until the two hear each other, also while keys are pressed at the other end.
    yield from beside(stage, speak_listening(stage, step.ringback), _reach(stage, step, second))
    if second.ending.answered:
        stage.dialed.answer(action.to)
    if second.over:
        return
    if second.ending.answered:
        yield from _talk(stage, step, second)
    else:
        yield from _hang_up(stage, second, OwnAction.RING_TIMEOUT)


def _reach(stage: Stage, step: DialStep, second: Second) -> Steps[None]:
    """Wait until the second party has answered, and the keys that lead on from there are pressed; or it has not."""
    # Asterisk has the same timeout and some seconds more, as for the first party.
    stage.within(step.action.ring_timeout)
    while not (second.ending.answered or second.over):
        if isinstance((yield), TimedOut):
            return
    stage.deadline = None
    if step.action.digits and not second.over:
        yield from _press(stage, step, second)


def _press(stage: Stage, step: DialStep, second: Second) -> Steps[None]:
    """Press keys at the second party. Where that fails, or nobody knows, the two are connected all the same."""
    stage.do(SendDigitsToSecond(second.number, step.action.digits))
    stage.within(step.seconds + 2 * LATE)  # by then nobody presses any more of them
    while not second.over:
        match (yield):
            case OnSecond(number=second.number, event=DigitsSent()):
                break
            case OnSecond(number=second.number, event=DigitsNotSent()):
                stage.tell(ActionFailed(stage.index, "digits_not_sent", "Asterisk did not press the keys"))
                break
            case TimedOut():
                stage.tell(ActionFailed(stage.index, "digits_not_confirmed", "Asterisk did not say that they sounded"))
                break
    stage.deadline = None


def _hang_up(stage: Stage, second: Second, own: OwnAction) -> Steps[None]:
    """End the second leg. The plan goes on when it is gone, or should be."""
    stage.hang_up_second(own)
    stage.within(END_OF_SECOND)
    while not second.over:
        if isinstance((yield), TimedOut):
            stage.second_is_over()
            return
    stage.deadline = None


def _talk(stage: Stage, step: DialStep, second: Second) -> Steps[None]:
    """Let the two hear each other until the second one is gone, or they have talked for as long as they may."""
    stage.do(Connect(second.number))
    stage.within(TO_MOVE)
    while not (stage.talking or second.over):
        match (yield):
            case PartiesConnected():
                stage.talking = True
            case TimedOut():
                raise ActionFault("not_connected", "the two parties could not be connected", Fault.MEDIA_LOST)
    stage.deadline = None
    if step.action.max_duration is not None:
        stage.within(step.action.max_duration)
    while not second.over:
        if isinstance((yield), TimedOut):
            yield from _hang_up(stage, second, OwnAction.MAX_DURATION)
            break
    stage.deadline = None
    stage.talking = False
    # Also where they were not connected yet: the two orders may have crossed.
    yield from _part(stage)


def _part(stage: Stage) -> Steps[None]:
    stage.do(Part())
    stage.within(TO_MOVE)
    while True:
        match (yield):
            case PartiesParted():
                stage.deadline = None
                return
            case TimedOut():
                raise ActionFault("not_parted", "the first party could not be taken back", Fault.MEDIA_LOST)
