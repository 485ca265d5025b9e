"""The verb *dial*: call a second party, let the two talk, and take the first one back when the second is gone.

Keys that are pressed meanwhile are nobody's answer: they are neither collected nor kept. Whoever closes this verb ends
the call, and with it the second leg.
"""

from __future__ import annotations

from otpvoice.core.commands import Connect, DialSecond, Part
from otpvoice.core.compile import DialStep
from otpvoice.core.events import PartiesConnected, PartiesParted
from otpvoice.core.outcome import Fault, OwnAction
from otpvoice.core.second import Second
from otpvoice.core.speaking import speak_listening
from otpvoice.core.stage import ActionFault, Stage, Steps, TimedOut, Told

TO_MOVE = 5.0
"""Seconds that Asterisk may take to move a party from one bridge to another."""
END_OF_SECOND = 5.0
"""Seconds that Asterisk may take to tell that a second channel which we hung up is gone."""


def dial(stage: Stage, step: DialStep) -> Steps[None]:
    """Call the second party, and wait until its leg is over, whatever came of it."""
    action, plan = step.action, stage.plan
    # A caller's own number is not ours to show.
    caller_id = action.caller_id or (None if plan.inbound else plan.caller_id)
    stage.seconds += 1
    second = stage.second = Second(stage.seconds)
    stage.do(DialSecond(second.number, action.to, caller_id, action.ring_timeout))
    yield from _ring(stage, step, second)
    if second.ending.answered:
        yield from _talk(stage, second)
    elif not second.over:
        yield from _call_off(stage, second)


def _ring(stage: Stage, step: DialStep, second: Second) -> Steps[None]:
    """Let the first party hear it ring, until the second one answers or is gone, or has rung for long enough."""
    # Asterisk has the same timeout and some seconds more, as for the first party.
    until = stage.now + step.action.ring_timeout
    ringback = speak_listening(stage, step.ringback)
    told: Told = None
    sounding = True
    try:
        while not (second.ending.answered or second.over):
            if sounding:
                try:
                    ringback.send(told)
                except StopIteration:
                    sounding = False
            wake_ringback = stage.deadline if sounding else None
            stage.deadline = until if wake_ringback is None else min(until, wake_ringback)
            told = yield
            if isinstance(told, TimedOut) and stage.now >= until:
                return
            stage.deadline = None if isinstance(told, TimedOut) else wake_ringback
    finally:
        stage.deadline = None
        ringback.close()


def _call_off(stage: Stage, second: Second) -> Steps[None]:
    """Nobody picked up in time. The plan goes on when that leg is gone, or should be."""
    stage.hang_up_second(OwnAction.RING_TIMEOUT)
    stage.within(END_OF_SECOND)
    while not second.over:
        if isinstance((yield), TimedOut):
            stage.second_is_over()
            return
    stage.deadline = None


def _talk(stage: Stage, second: Second) -> Steps[None]:
    """Let the two hear each other until the second one is gone."""
    stage.do(Connect(second.number))
    stage.within(TO_MOVE)
    while not (stage.talking or second.over):
        match (yield):
            case PartiesConnected():
                stage.talking = True
            case TimedOut():
                raise ActionFault("not_connected", "the two parties could not be connected", Fault.MEDIA_LOST)
    stage.deadline = None
    while not second.over:
        yield
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
