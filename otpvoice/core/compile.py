"""A plan's actions as scripts: everything that a call may have to speak, known before it rings.

What is compiled can be rendered ahead, so that a text that can't be spoken rings nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final, TypeAlias, assert_never

from otpvoice.core.actions import (
    RANDOM_KEY,
    Action,
    Dial,
    Gather,
    Hangup,
    Pause,
    Play,
    Prompt,
    Say,
    SayCode,
    SendDigits,
    StopStream,
    Stream,
)
from otpvoice.core.locale import Locales
from otpvoice.core.plan import CallPlan
from otpvoice.core.question import BETWEEN_SENTENCES, Manner, failure_script, gate_script, menu_script, offer_script
from otpvoice.core.reading import closing_script, code_script, play_script, replay_script, say_script
from otpvoice.core.ringback import ringback
from otpvoice.core.speech import Script, Silence


@dataclass(frozen=True, slots=True)
class SpokenStep:
    """Say this, or play it."""

    action: Say | SayCode | Play | Pause
    script: Script


@dataclass(frozen=True, slots=True)
class Tongue:
    """A code in one language: its readings, one more for each time that it may be asked for, and the offer of that.

    ``closing``: what is said when nobody asks any more; empty: the plan goes on, or has said all.
    """

    readings: Script
    replays: tuple[Script, ...]
    offer: Script
    closing: Script = ()


@dataclass(frozen=True, slots=True)
class CodeStep:
    """Read a code to somebody who presses keys for it.

    ``gate``: what is asked before (empty: nothing is); ``key``: what it wants. ``tongues``: the call's own language
    first (under ""), then the others by their keys.
    """

    action: SayCode
    key: str | None
    gate: Script
    failure: Script
    tongues: Mapping[str, Tongue]


@dataclass(frozen=True, slots=True)
class SendStep:
    """Press keys, which takes so many ``seconds``."""

    action: SendDigits
    seconds: float


@dataclass(frozen=True, slots=True)
class GatherStep:
    """Ask, collect, answer."""

    action: Gather
    prompt: Script
    success: Script
    failure: Script


@dataclass(frozen=True, slots=True)
class DialStep:
    """Call a second party; the first one hears ``ringback`` meanwhile. Pressing its keys takes so many ``seconds``."""

    action: Dial
    ringback: Script
    seconds: float


@dataclass(frozen=True, slots=True)
class StreamStep:
    """Open a stream; one that talks has the callee until it ends."""

    action: Stream


@dataclass(frozen=True, slots=True)
class StopStreamStep:
    """End a stream."""

    action: StopStream


@dataclass(frozen=True, slots=True)
class HangupStep:
    """End here."""

    action: Hangup


Step: TypeAlias = SpokenStep | CodeStep | GatherStep | SendStep | DialStep | StreamStep | StopStreamStep | HangupStep

TONE: Final = 0.1
"""Seconds that a key which we press sounds."""
KEY: Final = 0.25
"""Seconds from one key to the next: it is quiet before each for as long as it sounds, and nobody is always in time."""
WAIT: Final = 0.5
"""Seconds of a ``w``."""
LATE: Final = 5.0
"""Seconds by which keys may be late, all in all, before no more of them are pressed."""


def compile_plan(plan: CallPlan, locales: Locales) -> tuple[Step, ...]:
    """Return one step an action. Raises ``ValueError`` for a template that breaks its rules.

    Where a code is the last thing that is said before we hang up, its language's closing sentence follows it.
    """
    last = _last_words(plan)
    return tuple(_compile(action, plan, locales, closes=index == last) for index, action in enumerate(plan.actions))


def compile_actions(actions: Iterable[Action], plan: CallPlan, locales: Locales) -> tuple[Step, ...]:
    """Return one step an action, spoken as a plan wants it. Raises ``ValueError`` as ``compile_plan``."""
    return tuple(_compile(action, plan, locales, closes=False) for action in actions)


def sending_seconds(digits: str) -> float:
    """Return how long it takes to press these keys."""
    return sum(WAIT if digit == "w" else KEY for digit in digits) + TONE


def scripts_of(step: Step) -> tuple[Script, ...]:
    """Return all that a step may speak, for rendering it ahead."""
    match step:
        case SpokenStep(script=script):
            return (script,)
        case CodeStep(gate=gate, failure=failure, tongues=tongues):
            spoken = ((one.readings, *one.replays, one.offer, one.closing) for one in tongues.values())
            return (gate, failure, *(script for scripts in spoken for script in scripts))
        case GatherStep(prompt=prompt, success=success, failure=failure):
            return (prompt, success, failure)
        case DialStep(ringback=ringback_):
            return (ringback_,)
        case SendStep() | StreamStep() | StopStreamStep() | HangupStep():
            return ()
        case _:
            assert_never(step)


def scripts_in(steps: Iterable[Step]) -> tuple[Script, ...]:
    """Return all that steps may speak, each script once."""
    return tuple(dict.fromkeys(script for step in steps for script in scripts_of(step) if script))


def type_of(step: Step) -> str:
    """Return the action's name as the API spells it."""
    return _TYPES[type(step.action).__name__]


def _last_words(plan: CallPlan) -> int | None:
    """Return the index of the code behind which nothing comes but the end of the call."""
    if plan.webhook is not None and plan.webhook.interactive:
        return None  # who is asked may have more to say
    done = list(takewhile(lambda action: not isinstance(action, Hangup), plan.actions))
    goes_on = plan.goes_on and len(done) == len(plan.actions)
    return len(done) - 1 if done and isinstance(done[-1], SayCode) and not goes_on else None


def _compile(action: Action, plan: CallPlan, locales: Locales, *, closes: bool) -> Step:
    match action:
        case SayCode(gate=gate, replay=replay, languages=languages) if gate or replay or languages:
            return _compile_code(action, plan, locales, closes=closes)
        case SayCode() if closes:
            closing = closing_script(action, plan.language, plan.voice, locales)
            silence = (Silence(BETWEEN_SENTENCES),) if closing else ()
            return SpokenStep(action, (*_prompt((action,), plan, locales), *silence, *closing))
        case Say() | SayCode() | Play() | Pause():
            return SpokenStep(action, _prompt((action,), plan, locales))
        case Gather():
            return GatherStep(
                action,
                prompt=_prompt(action.prompt, plan, locales),
                success=_prompt(action.success, plan, locales),
                failure=_prompt(action.failure, plan, locales),
            )
        case SendDigits(digits=digits):
            return SendStep(action, sending_seconds(digits))
        case Dial(digits=digits):
            return DialStep(action, ringback(plan.language), sending_seconds(digits))
        case Stream():
            return StreamStep(action)
        case StopStream():
            return StopStreamStep(action)
        case Hangup():
            return HangupStep(action)
        case _:
            assert_never(action)


def _compile_code(say: SayCode, plan: CallPlan, locales: Locales, *, closes: bool) -> CodeStep:
    manner = Manner(plan.language, plan.voice, locales)
    key = say.gate.key if say.gate is not None else None
    if key == RANDOM_KEY:
        raise ValueError("a random key is drawn before a plan is compiled: see core.chance")
    own = say.language or plan.language
    # Who brings his own sentence has the last word with it, in whatever language the code is heard.
    closes = closes and say.template is None
    return CodeStep(
        say,
        key,
        gate=menu_script(say, manner) if key is None else gate_script(say, key, manner),
        failure=() if say.gate is None else _prompt(say.gate.failure, plan, locales) or failure_script(say, manner),
        tongues={
            choice: _tongue(_in(language, own, say, locales), language, plan, manner, closes=closes)
            for choice, language in (("", own), *((choice.key, choice.language) for choice in say.languages))
        },
    )


def _in(language: str, own: str, say: SayCode, locales: Locales) -> SayCode:
    # A template is in the call's own language; another one says it in its own words, where it has any.
    locale = locales.find(language)
    keep = locale is None or locale is locales.find(own)
    return replace(say, language=language, template=say.template if keep else None)


def _tongue(say: SayCode, language: str, plan: CallPlan, manner: Manner, *, closes: bool) -> Tongue:
    replay, locales = say.replay, manner.locales
    return Tongue(
        code_script(say, plan.language, plan.voice, locales),
        tuple(
            replay_script(say, count, plan.language, plan.voice, locales)
            for count in range(1, (replay.limit if replay else 0) + 1)
        ),
        offer_script(say, replay.key, language, manner) if replay else (),
        closing_script(say, plan.language, plan.voice, locales) if closes else (),
    )


def _prompt(items: Prompt, plan: CallPlan, locales: Locales) -> Script:
    script: list[Script] = []
    for item in items:
        match item:
            case Say():
                script.append(say_script(item, plan.language, plan.voice))
            case SayCode(gate=gate, replay=replay, languages=languages):
                if gate or replay or languages:
                    raise ValueError("a code in a prompt asks for no keys of its own: they are the gather's")
                script.append(code_script(item, plan.language, plan.voice, locales))
            case Play():
                script.append(play_script(item))
            case Pause():
                script.append((Silence(item.seconds),))
            case _:
                assert_never(item)
    return tuple(piece for part in script for piece in part)


_TYPES: Final = {
    "Say": "say",
    "SayCode": "say_code",
    "Play": "play",
    "Gather": "gather",
    "Pause": "pause",
    "SendDigits": "send_digits",
    "Dial": "dial",
    "Stream": "stream",
    "StopStream": "stop_stream",
    "Hangup": "hangup",
}
