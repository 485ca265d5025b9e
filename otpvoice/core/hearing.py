"""What each event teaches: who answered, who is on hold, how a channel ended. One place for facts, whatever runs.

It waits for nothing and turns nothing: what follows from a fact is the flow's business.
"""

from __future__ import annotations

from otpvoice.core.events import (
    CallAnswered,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallReleased,
    CallResumed,
    DigitReceived,
    Happening,
    KeyPressed,
    OnSecond,
    StreamEnded,
    TrackSilent,
)
from otpvoice.core.stage import Stage
from otpvoice.core.streaming import ended, silent


def hear(stage: Stage, event: Happening) -> None:
    """Take down what an event says of the parties, and tell what others want to know of it."""
    match event:
        case CallHeld(at=at):
            stage.held = True
            stage.proof.take_back(at)
        case CallResumed():
            stage.held = False
        case CallProgressed():
            stage.know(progressed=True)
        case CallAnswered() if not stage.hanging_up:
            # Else it crossed our hang-up, and nobody was spoken to.
            stage.know(answered=True)
        case DigitReceived(at=at):
            stage.tell(KeyPressed(at))
        case CallEnded():
            _hear_of_the_end(stage, event)
        case CallReleased():
            stage.gone = True
        case OnSecond():
            _hear_of_the_second(stage, event)
        case StreamEnded():
            ended(stage, event)
        case TrackSilent():
            silent(stage, event)
        case _:
            pass  # what was said and asked concerns the running step alone


def _hear_of_the_end(stage: Stage, event: CallEnded) -> None:
    known = stage.ending
    stage.gone = True
    stage.know(
        cause=event.cause,
        sip_status=event.sip_status,
        by_callee=event.by_callee,
        replied=event.replied if event.replied is not None else known.replied,
        fault=known.fault or event.fault,
    )
    if event.unseen_since is not None:
        # After a hang-up the queue drains on, and its marks keep coming.
        stage.proof.take_back(event.unseen_since)


def _hear_of_the_second(stage: Stage, told: OnSecond) -> None:
    second = stage.second
    if second is None or second.number != told.number:
        return  # that one is history, and was told
    if isinstance(told.event, DigitReceived):
        stage.tell(KeyPressed(told.event.at, second=True))
    second.learn(told.event)
    if second.over:
        stage.second_is_over()
