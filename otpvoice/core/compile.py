"""A plan's actions as scripts: everything that a call may have to speak, known before it rings.

What is compiled can be rendered ahead, so that a text that can't be spoken rings nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from otpvoice.core.actions import Action, Dial, Gather, Hangup, Pause, Play, Prompt, Say, SayCode
from otpvoice.core.locale import Locales
from otpvoice.core.plan import CallPlan
from otpvoice.core.reading import code_script, play_script, say_script
from otpvoice.core.ringback import ringback
from otpvoice.core.speech import Script, Silence


@dataclass(frozen=True, slots=True)
class SpokenStep:
    """Say this, or play it."""

    action: Say | SayCode | Play | Pause
    script: Script


@dataclass(frozen=True, slots=True)
class GatherStep:
    """Ask, collect, answer."""

    action: Gather
    prompt: Script
    success: Script
    failure: Script


@dataclass(frozen=True, slots=True)
class DialStep:
    """Call a second party; the first one hears ``ringback`` meanwhile."""

    action: Dial
    ringback: Script


@dataclass(frozen=True, slots=True)
class HangupStep:
    """End here."""

    action: Hangup


Step: TypeAlias = SpokenStep | GatherStep | DialStep | HangupStep


def compile_plan(plan: CallPlan, locales: Locales) -> tuple[Step, ...]:
    """Return one step an action. Raises ``ValueError`` for a template that breaks its rules."""
    return tuple(_compile(action, plan, locales) for action in plan.actions)


def scripts_of(step: Step) -> tuple[Script, ...]:
    """Return all that a step may speak, for rendering it ahead."""
    match step:
        case SpokenStep(script=script):
            return (script,)
        case GatherStep(prompt=prompt, success=success, failure=failure):
            return (prompt, success, failure)
        case DialStep(ringback=ringback_):
            return (ringback_,)
        case HangupStep():
            return ()
        case _:
            assert_never(step)


def type_of(step: Step) -> str:
    """Return the action's name as the API spells it."""
    return _TYPES[type(step.action).__name__]


def _compile(action: Action, plan: CallPlan, locales: Locales) -> Step:
    match action:
        case Say() | SayCode() | Play() | Pause():
            return SpokenStep(action, _prompt((action,), plan, locales))
        case Gather():
            return GatherStep(
                action,
                prompt=_prompt(action.prompt, plan, locales),
                success=_prompt(action.success, plan, locales),
                failure=_prompt(action.failure, plan, locales),
            )
        case Dial():
            return DialStep(action, ringback(plan.language))
        case Hangup():
            return HangupStep(action)
        case _:
            assert_never(action)


def _prompt(items: Prompt, plan: CallPlan, locales: Locales) -> Script:
    script: list[Script] = []
    for item in items:
        match item:
            case Say():
                script.append(say_script(item, plan.language, plan.voice))
            case SayCode():
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
    "Dial": "dial",
    "Hangup": "hangup",
}
