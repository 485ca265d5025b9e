"""One call, from dialling or answering to its end, as a script that one can read and a machine that one can drive.

Outside: tell it what happened (``receive``) or that its ``deadline`` has come (``expire``), and carry out the commands
that it answers with. Inside: a generator tells the story in order and waits with a bare ``yield``. It has no clock, no
sockets and no opinion about formats; the moment is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from otpvoice.core.actions import Action
from otpvoice.core.asking import ask, may_ask
from otpvoice.core.coding import read_code
from otpvoice.core.commands import Answer, Command, Dial
from otpvoice.core.compile import (
    CodeStep,
    DialStep,
    GatherStep,
    HangupStep,
    SendStep,
    SpokenStep,
    Step,
    StopStreamStep,
    StreamStep,
    compile_actions,
    compile_plan,
    scripts_in,
    type_of,
)
from otpvoice.core.dialing import dial
from otpvoice.core.digits import Collected
from otpvoice.core.ending import give_up, hang_up, leave, let_go
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    Asked,
    CallAnswered,
    CallEnded,
    CallProgressed,
    CallReleased,
    Flooded,
    HangupAsked,
    Happening,
    MediaLost,
    MediaUnavailable,
    OriginateAccepted,
)
from otpvoice.core.gathering import gather
from otpvoice.core.hearing import hear
from otpvoice.core.keying import send_digits
from otpvoice.core.locale import Locales
from otpvoice.core.outcome import Ending, Fault, OwnAction
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.speaking import speak
from otpvoice.core.speech import Script
from otpvoice.core.stage import ActionFault, PlanOver, Stage, Steps, TimedOut, Told
from otpvoice.core.streaming import begin, stop_stream, stream

TO_ORDER = 40.0
"""Seconds for an order to reach Asterisk: a leg, what is written ahead, one that boots. Each has a bound of its own."""
TO_ANSWER = 10.0
"""Seconds that picking up a channel which was handed to us may take, with the wait for a media leg."""
END_OF_CHANNEL = 5.0
"""Seconds that Asterisk may take to tell that a channel which we hung up or released is gone."""


class CallFlow:
    """Sans-I/O interpreter of a call plan. One object, one call."""

    def __init__(self, plan: CallPlan, locales: Locales) -> None:
        """Raises ``ValueError`` where a template of the plan breaks its rules."""
        self.plan = plan
        self._locales = locales
        self.steps: tuple[Step, ...] = compile_plan(plan, locales)
        self._fallback = self.compiled(plan.webhook.fallback) if plan.webhook is not None else ()
        self.proof = Proof.expecting(self.steps)
        self.over = False
        self._stage = Stage(plan, self.proof, Ending(answered=False, inbound=plan.inbound))
        self._begun = False
        self._story = self._call()

    @property
    def scripts(self) -> tuple[Script, ...]:
        """All that this call may speak, as far as that is known before it begins."""
        return scripts_in((*self.steps, *self._fallback))

    def compiled(self, actions: Iterable[Action]) -> tuple[Step, ...]:
        """Return actions as this call would do them. Raises ``ValueError`` as the constructor."""
        return compile_actions(actions, self.plan, self._locales)

    @property
    def deadline(self) -> float | None:
        """When to call ``expire``: the running step's time or the end of the talk; None while neither is set."""
        return min((at for at in (self._stage.deadline, self._stage.limit) if at is not None), default=None)

    @property
    def ending(self) -> Ending:
        """What is known of how it ended; whole once ``over``."""
        return self._stage.ending

    @property
    def collected(self) -> Collected | None:
        """What the last gather brought, sensitive or not: for whoever asked, and for nobody else."""
        return self._stage.collected

    def start(self, now: float, at: float) -> list[Command]:
        """Begin. ``at``: the instant, in Unix seconds. Returns what to do first.

        Nothing where the call is stale and was to be dialled, or has ended or been turned to its end already.
        """
        self._stage.now = now
        if self.over or self._begun:
            return []
        if not self._is_stale(at):
            return self._advance(None)
        if self.plan.inbound:
            return self._turn_to(self._let_go(OwnAction.EXPIRED))
        self._stage.know(own=OwnAction.EXPIRED)
        self._story.close()
        self._finish()
        return []

    def give_up(self, code: str, message: str, fault: Fault, now: float) -> list[Command]:
        """End the call, because something that it needs can't be had. Returns what to do."""
        self._stage.now = now
        return self._fail(code, message, fault)

    def receive(self, event: Happening, now: float) -> list[Command]:
        """Tell what happened. Returns what to do; after the end, nothing."""
        self._stage.now = now
        if self.over:
            return []
        hear(self._stage, event)
        match event:
            case CallEnded() | CallReleased():
                return self._gone()
            case HangupAsked(by=by):
                return self._turn_to(self._asked_to_end(by))
            case MediaLost() if not self._stage.talking:  # else they talk without it; ``Part`` will show
                return self._fail("media_lost", "the media leg was lost", Fault.MEDIA_LOST)
            case MediaUnavailable():
                return self._fail("media_unavailable", "there was no media leg", Fault.MEDIA_UNAVAILABLE)
            case Flooded():
                return self._fail("flooded", "events came faster than they can be followed", Fault.INTERNAL_ERROR)
            case _:
                return self._advance(event) if self._begun else self._stage.take_commands()

    def expire(self, now: float) -> list[Command]:
        """Tell that ``deadline`` has come. Called early or twice, it does nothing."""
        self._stage.now = now
        if self.over:
            return []
        if self._stage.limit is not None and now >= self._stage.limit:
            return self._turn_to(self._let_go(OwnAction.MAX_DURATION))
        if self._stage.deadline is None or now < self._stage.deadline:
            return []
        self._stage.deadline = None
        return self._advance(TimedOut())

    # --- the machine ------------------------------------------------------------------------------------------------

    def _advance(self, told: Told) -> list[Command]:
        self._begun = True
        try:
            self._story.send(told)
        except StopIteration:
            self._finish()
        return self._stage.take_commands()

    def _turn_to(self, end: Steps[None]) -> list[Command]:
        """Leave the story where it stands for one of its ends. The first end stands."""
        if self.over or self._stage.hanging_up:
            end.close()
            return []
        self._stage.hanging_up = True  # before the story is closed: a gather tells by it why it ended
        self._story.close()
        self._story = end
        return self._advance(None)

    def _fail(self, code: str, message: str, fault: Fault) -> list[Command]:
        return self._turn_to(self._give_up(ActionFault(code, message, fault), None))

    def _gone(self) -> list[Command]:
        """The first party's channel is gone; so is the call, where there is no second one to end."""
        if self._stage.hanging_up:
            return self._advance(None)
        self._story.close()  # and only then turned: see ``_turn_to``
        return self._turn_to(leave(self._stage, END_OF_CHANNEL))

    def _finish(self) -> None:
        self.over = True
        self._stage.deadline = self._stage.limit = None

    def _is_stale(self, at: float) -> bool:
        return self.plan.valid_until is not None and at > self.plan.valid_until

    # --- the story --------------------------------------------------------------------------------------------------

    def _call(self) -> Steps[None]:
        stage = self._stage
        stage.do(Answer() if self.plan.inbound else Dial())
        # Asterisk has the same timeout and some seconds more: whoever of us two is alive ends the ringing.
        stage.within(TO_ANSWER if self.plan.inbound else self.plan.ring_timeout + TO_ORDER)
        rings = self.plan.inbound
        while not isinstance(told := (yield), CallAnswered):
            if isinstance(told, TimedOut):
                yield from self._not_answered()
                return
            if not rings and isinstance(told, OriginateAccepted | CallProgressed):
                # Not before: what is written ahead, and an Asterisk that boots, take no time from who is to pick up.
                rings = True
                stage.within(self.plan.ring_timeout)
        stage.deadline = None
        stage.limit = stage.now + self.plan.max_duration
        if self._is_stale(told.at):
            yield from self._let_go(OwnAction.EXPIRED)
            return
        for order in self.plan.streams:
            begin(stage, order, None)
        hung_up = False
        try:
            hung_up = yield from self._do_all()
        except ActionFault as fault:
            yield from self._give_up(fault, stage.index)
            return
        except PlanOver as over:
            stage.tell(ActionFailed(stage.index, over.code, over.message))
        if stage.spoke:
            yield from self._wait(self.plan.tail)
        yield from (self._hang_up if hung_up else self._let_go)(OwnAction.HANG_UP_BY_PLAN)

    def _do_all(self) -> Steps[bool]:
        """Do what the plan says, and what whoever is asked says then. Returns whether the call is to be hung up."""
        stage, webhook = self._stage, self.plan.webhook
        steps = self.steps
        if webhook is None or not webhook.interactive:
            return (yield from self._do(steps, asks=False))
        began, asked = stage.now, 0
        while may_ask(asked, stage.now - began):
            if (yield from self._do(steps, asks=True)):
                return True
            actions, asked = (yield from ask(stage, webhook.timeout)), asked + 1
            steps = self._fallback if actions is None else self.compiled(actions)
            self.proof.expect(steps)
            if not actions:
                break
        return (yield from self._do(steps, asks=False))

    def _do(self, steps: Sequence[Step], *, asks: bool) -> Steps[bool]:
        """Do some steps. Returns whether one of them hangs up, which is then the last."""
        stage = self._stage
        for step in steps:
            stage.asks = asks and step is steps[-1] and not isinstance(step, HangupStep)
            yield from self._perform(step)
            completed = ActionCompleted(stage.index, type_of(step), step.action.id)
            question = stage.take_question()
            stage.tell(Asked(completed) if stage.asks and question is None else completed)
            if question is not None:
                stage.tell(Asked(question))
            stage.index += 1
            if isinstance(step, HangupStep):
                return True
        return False

    def _perform(self, step: Step) -> Steps[None]:
        match step:
            case SpokenStep(script=script):
                yield from speak(self._stage, script)
            case CodeStep():
                yield from read_code(self._stage, step)
            case SendStep():
                yield from send_digits(self._stage, step)
            case GatherStep():
                yield from gather(self._stage, step)
            case DialStep():
                yield from dial(self._stage, step)
            case StreamStep():
                yield from stream(self._stage, step)
            case StopStreamStep():
                stop_stream(self._stage, step)
            case HangupStep():
                pass
            case _:
                assert_never(step)

    def _wait(self, seconds: float) -> Steps[None]:
        self._stage.within(seconds)
        while not isinstance((yield), TimedOut):
            pass

    def _not_answered(self) -> Steps[None]:
        if self.plan.inbound:
            # It was on us to pick up.
            fault = ActionFault("not_answered", "the channel could not be answered in time", Fault.MEDIA_UNAVAILABLE)
            return self._give_up(fault, None)
        return self._let_go(OwnAction.RING_TIMEOUT)

    # --- its ends ---------------------------------------------------------------------------------------------------

    def _asked_to_end(self, by: OwnAction) -> Steps[None]:
        # Who asks by name for a hang-up gets one; else the caller's dialplan has something left to say.
        return self._hang_up(by) if by is OwnAction.HANG_UP_BY_API else self._let_go(by)

    def _give_up(self, fault: ActionFault, index: int | None) -> Steps[None]:
        return give_up(self._stage, fault, index, END_OF_CHANNEL)

    def _let_go(self, by: OwnAction) -> Steps[None]:
        return let_go(self._stage, by, END_OF_CHANNEL)

    def _hang_up(self, by: OwnAction) -> Steps[None]:
        return hang_up(self._stage, by, END_OF_CHANNEL)
