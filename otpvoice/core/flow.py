"""One call, from dialling to its end, as a script that one can read and a machine that one can drive.

Outside: tell it what happened (``receive``) or that its ``deadline`` has come (``expire``), and carry out the commands
that it answers with. Inside: a generator tells the story in order and waits with a bare ``yield``. It has no clock, no
sockets and no opinion about formats; the moment is an argument.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from otpvoice.core.commands import Command, Dial, HangUp, Speak, StopSpeaking, Tell
from otpvoice.core.compile import GatherStep, HangupStep, SpokenStep, Step, compile_plan, scripts_of
from otpvoice.core.digits import Collected, DigitCollector, EndedBy
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallResumed,
    DigitReceived,
    DigitsCollected,
    Happening,
    HangupAsked,
    KeyPressed,
    MediaLost,
    PiecePlayed,
    Report,
    SpeakingFailed,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.core.locale import Locales
from otpvoice.core.outcome import Ending, Fault, OwnAction
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.speech import CodeCharacter, Script, Silence

START_OF_SPEECH = 10.0
"""Seconds within which a prepared utterance must have begun; then something is broken."""
SLACK_OF_SPEECH = 5.0
"""Seconds beyond its length after which an utterance that has not finished never will."""
END_OF_CHANNEL = 5.0
"""Seconds that Asterisk may take to tell that a channel which we hung up is gone."""
BREATH = 0.4
"""Seconds of silence before whatever is said next."""
TYPED_AHEAD = 64
"""Keys that are remembered before anybody asks for them."""


class TimedOut:
    """The deadline that the flow gave out has come."""


_Told: TypeAlias = Happening | TimedOut | None
_T = TypeVar("_T")
_Steps: TypeAlias = Generator[None, _Told, _T]


class _Failed(Exception):  # noqa: N818 - it is what happened
    """The running action can't be done."""

    def __init__(self, code: str, message: str, fault: Fault) -> None:
        super().__init__(message)
        self.code, self.message, self.fault = code, message, fault


class CallFlow:
    """Sans-I/O interpreter of a call plan. One object, one call."""

    def __init__(self, plan: CallPlan, locales: Locales) -> None:
        self.plan = plan
        self.steps: tuple[Step, ...] = compile_plan(plan, locales)
        self.proof = Proof.expecting(self.steps)
        self.over = False
        self._story = self._call()
        self._commands: list[Command] = []
        self._now = 0.0
        self._deadline: float | None = None  # of the step that runs
        self._limit: float | None = None  # of the talk
        self._held = False
        self._hanging_up = False
        self._typed: list[str] = []
        self._utterances = 0
        self._spoke = False
        self._ending = Ending(answered=False)

    @property
    def scripts(self) -> tuple[Script, ...]:
        """All that this call may speak."""
        return tuple(script for step in self.steps for script in scripts_of(step) if script)

    @property
    def deadline(self) -> float | None:
        """When to call ``expire``; None while no timer runs."""
        return min((at for at in (self._deadline, self._limit) if at is not None), default=None)

    @property
    def ending(self) -> Ending:
        """What is known of how it ended; whole once ``over``."""
        return self._ending

    def start(self, now: float) -> list[Command]:
        """Begin. Returns what to do first."""
        self._now = now
        return self._advance(None)

    def receive(self, event: Happening, now: float) -> list[Command]:
        """Tell what happened. Returns what to do; after the end, nothing."""
        self._now = now
        if self.over:
            return []
        match event:
            case CallEnded():
                return self._end(event)
            case HangupAsked(by=by):
                return self._hang_up_now(by)
            case MediaLost():
                return self._hang_up_now(None, _Failed("media_lost", "the media leg was lost", Fault.MEDIA_LOST))
            case CallHeld():
                self._held = True
            case CallResumed():
                self._held = False
            case CallProgressed():
                self._know(progressed=True)
            case CallAnswered():
                self._know(answered=True)
            case DigitReceived(at=at):
                self._tell(KeyPressed(at))
            case _:
                pass
        return self._advance(event)

    def expire(self, now: float) -> list[Command]:
        """Tell that ``deadline`` has come. Called early or twice, it does nothing."""
        self._now = now
        if self.over:
            return []
        if self._limit is not None and now >= self._limit:
            self._limit = None
            return self._hang_up_now(OwnAction.MAX_DURATION)
        if self._deadline is None or now < self._deadline:
            return []
        self._deadline = None
        return self._advance(TimedOut())

    # --- the machine ------------------------------------------------------------------------------------------------

    def _advance(self, told: _Told) -> list[Command]:
        try:
            self._story.send(told)
        except StopIteration:
            self.over = True
            self._deadline = self._limit = None
        commands, self._commands = self._commands, []
        return commands

    def _hang_up_now(self, by: OwnAction | None, why: _Failed | None = None) -> list[Command]:
        """Leave the story where it stands and end the call."""
        if self._hanging_up:
            return []  # the first reason stands
        self._hanging_up = True  # before the story is closed: a gather tells by it why it ended
        self._story.close()
        self._story = self._give_up(why, None) if why else self._hang_up(by)
        return self._advance(None)

    def _end(self, event: CallEnded) -> list[Command]:
        self._know(cause=event.cause, sip_status=event.sip_status, by_callee=event.by_callee)
        if event.replied is not None:
            self._know(replied=event.replied)
        if event.fault is not None and self._ending.fault is None:
            self._know(fault=event.fault)
        self._story.close()
        self.over = True
        self._deadline = self._limit = None
        commands, self._commands = self._commands, []
        return commands

    def _know(self, **facts: Any) -> None:
        self._ending = replace(self._ending, **facts)

    def _do(self, command: Command) -> None:
        self._commands.append(command)

    def _tell(self, report: Report) -> None:
        self._do(Tell(report))

    def _within(self, seconds: float | None) -> None:
        self._deadline = None if seconds is None else self._now + seconds

    # --- the story --------------------------------------------------------------------------------------------------

    def _call(self) -> _Steps[None]:
        self._do(Dial())
        # Asterisk has the same timeout and five seconds more: whoever of us two is alive ends the ringing.
        self._within(self.plan.ring_timeout)
        while not isinstance(told := (yield), CallAnswered):
            if isinstance(told, TimedOut):
                yield from self._hang_up(OwnAction.RING_TIMEOUT)
                return
        self._limit = self._now + self.plan.max_duration
        self._deadline = None
        if self.plan.valid_until is not None and told.at > self.plan.valid_until:
            yield from self._hang_up(OwnAction.EXPIRED)
            return
        for index, step in enumerate(self.steps):
            try:
                yield from self._perform(step)
            except _Failed as failed:
                yield from self._give_up(failed, index)
                return
            self._tell(ActionCompleted(index, type_of(step), step.action.id))
            if isinstance(step, HangupStep):
                break
        if self._spoke:
            yield from self._wait(self.plan.tail)
        yield from self._hang_up(OwnAction.HANG_UP_BY_PLAN)

    def _perform(self, step: Step) -> _Steps[None]:
        match step:
            case SpokenStep():
                yield from self._speak(step.script)
            case GatherStep():
                yield from self._gather(step)
            case HangupStep():
                pass

    def _gather(self, step: GatherStep) -> _Steps[None]:
        gather = step.action
        for attempt in range(1, gather.tries + 1):
            collected = yield from self._collect(step, attempt)
            self._tell(DigitsCollected(collected, gather.tag, attempt, gather.sensitive))
            if collected.valid:
                yield from self._speak(step.success)
                return
            yield from self._speak(step.failure)

    def _collect(self, step: GatherStep, attempt: int) -> _Steps[Collected]:
        """One try: ask, then wait for keys."""
        gather = step.action
        collector = DigitCollector(gather.rules)
        try:
            collected = self._take_typed(collector, keep=gather.type_ahead == "keep")
            if collected is None and not (collector.count and gather.barge_in):
                collected = yield from self._ask(step, collector)
            collector.arm(self._now)
            while collected is None:
                self._deadline = collector.deadline
                match (yield):
                    case DigitReceived(digit=digit):
                        collected = collector.press(digit, self._now)
                    case TimedOut():
                        collected = collector.expire(self._now)
            self._deadline = None
            return collected
        except GeneratorExit:
            # The call ended under us: what was keyed so far is told, as ended by that.
            by = EndedBy.CANCELED if self._hanging_up else EndedBy.HANGUP
            collected = collector.end(by)
            if collected is not None:
                self._tell(DigitsCollected(collected, gather.tag, attempt, gather.sensitive))
            raise

    def _ask(self, step: GatherStep, collector: DigitCollector) -> _Steps[Collected | None]:
        """Speak the prompt, over holds, with keys counted as the gather wants them."""
        gather = step.action
        collected: Collected | None = None
        speaking = self._speaking(step.prompt)
        told: _Told = None
        while True:
            try:
                speaking.send(told)
            except StopIteration:
                return collected
            told = yield
            if not isinstance(told, DigitReceived):
                continue
            if not gather.barge_in and gather.type_ahead == "flush":
                continue
            before = collector.count
            collected = collected or collector.press(told.digit, self._now)
            if gather.barge_in and (collected is not None or collector.count > before):
                speaking.close()
                return collected

    def _take_typed(self, collector: DigitCollector, *, keep: bool) -> Collected | None:
        collected = None
        while self._typed and keep and collected is None:
            collected = collector.press(self._typed.pop(0), self._now)
        if not keep:
            self._typed.clear()
        return collected

    # --- speaking ---------------------------------------------------------------------------------------------------

    def _speak(self, script: Script) -> _Steps[None]:
        """Speak to the end. Keys that come meanwhile are type-ahead."""
        speaking = self._speaking(script)
        told: _Told = None
        while True:
            try:
                speaking.send(told)
            except StopIteration:
                return
            told = yield
            if isinstance(told, DigitReceived) and len(self._typed) < TYPED_AHEAD:
                self._typed.append(told.digit)

    def _speaking(self, script: Script) -> _Steps[None]:
        """Speak to the end; after a hold, again from the start of what was interrupted. Closing it cuts the speech."""
        if not script:
            return
        lead_in = BREATH if self._spoke else self.plan.lead_in
        self._spoke = True
        start = 0
        while True:
            while self._held:
                self._deadline = None
                yield
            self._utterances += 1
            utterance = str(self._utterances)
            self._do(Speak(utterance, script, start, lead_in))
            self._within(START_OF_SPEECH)
            try:
                played = yield from self._until_played(utterance, script)
            except GeneratorExit:
                self._deadline = None
                self._do(StopSpeaking(utterance))
                raise
            self._deadline = None
            if played is None:
                return
            self._do(StopSpeaking(utterance))
            start = resume_point(script, max(played, start))
            lead_in = self.plan.lead_in

    def _until_played(self, utterance: str, script: Script) -> _Steps[int | None]:
        """Wait for the end of an utterance: None; or, when we are put on hold, the piece that was interrupted."""
        upto = 0
        while True:
            match (yield):
                case SpeakingStarted(utterance_id=started, seconds=seconds) if started == utterance:
                    self._within(seconds + SLACK_OF_SPEECH)
                case PiecePlayed(utterance_id=speaking, index=index, at=at) if speaking == utterance:
                    upto = index + 1
                    piece = script[index]
                    if isinstance(piece, CodeCharacter):
                        for report in self.proof.played(piece, at):
                            self._tell(report)
                case SpeakingFinished(utterance_id=finished, cut=False) if finished == utterance:
                    return None
                case SpeakingFailed(utterance_id=failed, reason=reason) if failed == utterance:
                    raise _Failed("speech_failed", reason, Fault.SPEECH_UNAVAILABLE)
                case CallHeld():
                    return upto
                case TimedOut():
                    raise _Failed("speech_stalled", "the speech did not come to its end in time", Fault.MEDIA_LOST)

    # --- ends -------------------------------------------------------------------------------------------------------

    def _wait(self, seconds: float) -> _Steps[None]:
        self._within(seconds)
        while not isinstance((yield), TimedOut):
            pass

    def _give_up(self, failed: _Failed, index: int | None) -> _Steps[None]:
        self._know(fault=failed.fault)
        self._tell(ActionFailed(index, failed.code, failed.message))
        yield from self._hang_up(None)

    def _hang_up(self, by: OwnAction | None) -> _Steps[None]:
        """End the channel and wait until it is gone; ``CallEnded`` closes this story too. None: a fault decided."""
        self._hanging_up = True
        self._know(own=by)
        self._limit = None
        self._do(HangUp(by))
        yield from self._wait(END_OF_CHANNEL)
        self._tell(ActionFailed(None, "end_not_seen", "Asterisk did not say that the channel is gone"))


def resume_point(script: Script, played: int) -> int:
    """Return where to take a script up again when ``played`` pieces of it were heard: nobody understands half a code.

    The start of the reading that was interrupted, else the piece that was.
    """
    at = min(played, len(script))
    # Silence belongs to what follows it.
    ahead = next((i for i in range(at, len(script)) if not isinstance(script[i], Silence)), None)
    if ahead is None:
        return at
    piece = script[ahead]
    if not isinstance(piece, CodeCharacter):
        return ahead
    return next(
        i for i, item in enumerate(script) if isinstance(item, CodeCharacter) and item.reading == piece.reading
    )


def type_of(step: Step) -> str:
    """Return the action's name as the API spells it."""
    return _TYPES[type(step.action).__name__]


_TYPES = {"Say": "say", "SayCode": "say_code", "Gather": "gather", "Pause": "pause", "Hangup": "hangup"}
