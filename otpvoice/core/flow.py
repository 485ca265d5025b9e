"""One call, from dialling to its end, as a script that one can read and a machine that one can drive.

Outside: tell it what happened (``receive``) or that its ``deadline`` has come (``expire``), and carry out the commands
that it answers with. Inside: a generator tells the story in order and waits with a bare ``yield``. It has no clock, no
sockets and no opinion about formats; the moment is an argument.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from otpvoice.core.commands import Command, Dial, HangUp
from otpvoice.core.compile import GatherStep, HangupStep, SpokenStep, Step, compile_plan, scripts_of
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallResumed,
    DigitReceived,
    Flooded,
    HangupAsked,
    Happening,
    KeyPressed,
    MediaLost,
)
from otpvoice.core.gathering import gather
from otpvoice.core.locale import Locales
from otpvoice.core.outcome import Ending, Fault, OwnAction
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.speaking import speak
from otpvoice.core.speech import Script
from otpvoice.core.stage import ActionFault, Stage, Steps, TimedOut, Told

END_OF_CHANNEL = 5.0
"""Seconds that Asterisk may take to tell that a channel which we hung up is gone."""


class CallFlow:
    """Sans-I/O interpreter of a call plan. One object, one call."""

    def __init__(self, plan: CallPlan, locales: Locales) -> None:
        """Raises ``ValueError`` where a template of the plan breaks its rules."""
        self.plan = plan
        self.steps: tuple[Step, ...] = compile_plan(plan, locales)
        self.proof = Proof.expecting(self.steps)
        self.over = False
        self._stage = Stage(plan, self.proof)
        self._story = self._call()
        self._limit: float | None = None
        self._ending = Ending(answered=False)

    @property
    def scripts(self) -> tuple[Script, ...]:
        """All that this call may speak."""
        return tuple(script for step in self.steps for script in scripts_of(step) if script)

    @property
    def deadline(self) -> float | None:
        """When to call ``expire``: the running step's time or the end of the talk; None while neither is set."""
        return min((at for at in (self._stage.deadline, self._limit) if at is not None), default=None)

    @property
    def ending(self) -> Ending:
        """What is known of how it ended; whole once ``over``."""
        return self._ending

    def start(self, now: float, at: float) -> list[Command]:
        """Begin. ``at``: the instant, in Unix seconds. Returns what to do first; nothing where the call is stale."""
        self._stage.now = now
        if self._is_stale(at):
            self._know(own=OwnAction.EXPIRED)
            self._story.close()
            self._finish()
            return []
        return self._advance(None)

    def receive(self, event: Happening, now: float) -> list[Command]:
        """Tell what happened. Returns what to do; after the end, nothing."""
        self._stage.now = now
        if self.over:
            return []
        match event:
            case CallEnded():
                return self._end(event)
            case HangupAsked(by=by):
                return self._turn_to(self._hang_up(by))
            case MediaLost():
                fault = ActionFault("media_lost", "the media leg was lost", Fault.MEDIA_LOST)
                return self._turn_to(self._give_up(fault, None))
            case Flooded():
                fault = ActionFault("flooded", "events came faster than they can be followed", Fault.INTERNAL_ERROR)
                return self._turn_to(self._give_up(fault, None))
            case CallHeld(at=at):
                self._stage.held = True
                self.proof.take_back(at)
            case CallResumed():
                self._stage.held = False
            case CallProgressed():
                self._know(progressed=True)
            case CallAnswered() if not self._stage.hanging_up:
                # Else it crossed our hang-up, and nobody was spoken to.
                self._know(answered=True)
            case DigitReceived(at=at):
                self._stage.tell(KeyPressed(at))
            case _:
                pass
        return self._advance(event)

    def expire(self, now: float) -> list[Command]:
        """Tell that ``deadline`` has come. Called early or twice, it does nothing."""
        self._stage.now = now
        if self.over:
            return []
        if self._limit is not None and now >= self._limit:
            return self._turn_to(self._hang_up(OwnAction.MAX_DURATION))
        if self._stage.deadline is None or now < self._stage.deadline:
            return []
        self._stage.deadline = None
        return self._advance(TimedOut())

    # --- the machine ------------------------------------------------------------------------------------------------

    def _advance(self, told: Told) -> list[Command]:
        try:
            self._story.send(told)
        except StopIteration:
            self._finish()
        return self._stage.take_commands()

    def _turn_to(self, end: Steps[None]) -> list[Command]:
        """Leave the story where it stands for one of its ends. The first end stands."""
        if self._stage.hanging_up:
            end.close()
            return []
        self._stage.hanging_up = True  # before the story is closed: a gather tells by it why it ended
        self._story.close()
        self._story = end
        return self._advance(None)

    def _end(self, event: CallEnded) -> list[Command]:
        self._know(
            cause=event.cause,
            sip_status=event.sip_status,
            by_callee=event.by_callee,
            replied=event.replied if event.replied is not None else self._ending.replied,
            fault=self._ending.fault or event.fault,
        )
        if event.unseen_since is not None:
            # After a hang-up the queue drains on, and its marks keep coming.
            self.proof.take_back(event.unseen_since)
        self._story.close()
        self._finish()
        return self._stage.take_commands()

    def _finish(self) -> None:
        self.over = True
        self._stage.deadline = self._limit = None

    def _is_stale(self, at: float) -> bool:
        return self.plan.valid_until is not None and at > self.plan.valid_until

    def _know(self, **facts: Any) -> None:
        self._ending = replace(self._ending, **facts)

    # --- the story --------------------------------------------------------------------------------------------------

    def _call(self) -> Steps[None]:
        self._stage.do(Dial())
        # Asterisk has the same timeout and some seconds more: whoever of us two is alive ends the ringing.
        self._stage.within(self.plan.ring_timeout)
        while not isinstance(told := (yield), CallAnswered):
            if isinstance(told, TimedOut):
                yield from self._hang_up(OwnAction.RING_TIMEOUT)
                return
        self._stage.deadline = None
        self._limit = self._stage.now + self.plan.max_duration
        if self._is_stale(told.at):
            yield from self._hang_up(OwnAction.EXPIRED)
            return
        for index, step in enumerate(self.steps):
            try:
                yield from self._perform(step)
            except ActionFault as fault:
                yield from self._give_up(fault, index)
                return
            self._stage.tell(ActionCompleted(index, type_of(step), step.action.id))
            if isinstance(step, HangupStep):
                break
        if self._stage.spoke:
            yield from self._wait(self.plan.tail)
        yield from self._hang_up(OwnAction.HANG_UP_BY_PLAN)

    def _perform(self, step: Step) -> Steps[None]:
        match step:
            case SpokenStep(script=script):
                yield from speak(self._stage, script)
            case GatherStep():
                yield from gather(self._stage, step)
            case HangupStep():
                pass

    def _wait(self, seconds: float) -> Steps[None]:
        self._stage.within(seconds)
        while not isinstance((yield), TimedOut):
            pass

    def _give_up(self, fault: ActionFault, index: int | None) -> Steps[None]:
        self._know(fault=fault.fault)
        self._stage.tell(ActionFailed(index, fault.code, fault.message))
        yield from self._hang_up(None)

    def _hang_up(self, by: OwnAction | None) -> Steps[None]:
        """End the channel and wait until it is gone; ``CallEnded`` closes this story too. None: a fault decided."""
        self._stage.hanging_up = True
        self._know(own=by)
        self._limit = None
        self._stage.do(HangUp(by))
        yield from self._wait(END_OF_CHANNEL)
        self._stage.tell(ActionFailed(None, "end_not_seen", "Asterisk did not say that the channel is gone"))


def type_of(step: Step) -> str:
    """Return the action's name as the API spells it."""
    return _TYPES[type(step.action).__name__]


_TYPES = {"Say": "say", "SayCode": "say_code", "Gather": "gather", "Pause": "pause", "Hangup": "hangup"}
