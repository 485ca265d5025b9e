"""The ends of a call: we give up, we let the channel go or hang it up, and wait until everybody is gone.

Whose decision an end is, and that the first one stands, is the flow's business.
"""

from __future__ import annotations

from otpvoice.core.commands import HangUp, Release
from otpvoice.core.events import ActionFailed
from otpvoice.core.outcome import OwnAction
from otpvoice.core.stage import ActionFault, Stage, Steps, TimedOut


def give_up(stage: Stage, fault: ActionFault, index: int | None, within: float) -> Steps[None]:
    """End the call because something broke, in the plan's action ``index`` or (None) under the whole call."""
    stage.know(fault=fault.fault)
    stage.tell(ActionFailed(index, fault.code, fault.message))
    yield from let_go(stage, None, within)


def let_go(stage: Stage, by: OwnAction | None, within: float) -> Steps[None]:
    """End our part of the call: the channel goes on in its dialplan, if it came from one that wants it back.

    ``by``: whose decision it was; None: a fault's.
    """
    if not stage.plan.goes_on:
        yield from hang_up(stage, by, within)
        return
    stage.know(own=by)
    stage.do(Release())
    yield from leave(stage, within)


def hang_up(stage: Stage, by: OwnAction | None, within: float) -> Steps[None]:
    """End the channel, also where it could go on."""
    stage.know(own=by)
    stage.do(HangUp(by))
    yield from leave(stage, within)


def leave(stage: Stage, within: float) -> Steps[None]:
    """End the second leg, too, and wait at most ``within`` seconds until all channels are gone."""
    stage.hanging_up = True
    stage.limit = None
    ending = stage.ending
    if ending.own is None and ending.fault is None:
        # The first party hung up, and both end when the first does: that is the plan.
        stage.hang_up_second(OwnAction.HANG_UP_BY_PLAN)
    else:
        stage.hang_up_second(ending.own, ending.fault)
    stage.within(within)
    while not stage.gone or stage.second is not None:
        if isinstance((yield), TimedOut):
            who = "channel" if not stage.gone else "second channel"
            stage.tell(ActionFailed(None, "end_not_seen", f"Asterisk did not say that the {who} is gone"))
            stage.second_is_over()
            return
