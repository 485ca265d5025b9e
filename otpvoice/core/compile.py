"""A plan's actions as scripts: everything that a call may have to speak, known before it rings.

What is compiled can be rendered ahead, so that a text that can't be spoken rings nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from otpvoice.core.actions import Action, Gather, Hangup, Pause, Prompt, Say, SayCode
from otpvoice.core.locale import Locales
from otpvoice.core.plan import CallPlan
from otpvoice.core.reading import code_script, say_script
from otpvoice.core.speech import Script, Silence


@dataclass(frozen=True, slots=True)
class SpokenStep:
    """Say this."""

    action: Say | SayCode | Pause
    script: Script


@dataclass(frozen=True, slots=True)
class GatherStep:
    """Ask, collect, answer."""

    action: Gather
    prompt: Script
    success: Script
    failure: Script


@dataclass(frozen=True, slots=True)
class HangupStep:
    """End here."""

    action: Hangup


Step: TypeAlias = SpokenStep | GatherStep | HangupStep


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
        case HangupStep():
            return ()


def _compile(action: Action, plan: CallPlan, locales: Locales) -> Step:
    match action:
        case Say() | SayCode() | Pause():
            return SpokenStep(action, _prompt((action,), plan, locales))
        case Gather():
            return GatherStep(
                action,
                prompt=_prompt(action.prompt, plan, locales),
                success=_prompt(action.success, plan, locales),
                failure=_prompt(action.failure, plan, locales),
            )
        case Hangup():
            return HangupStep(action)


def _prompt(items: Prompt, plan: CallPlan, locales: Locales) -> Script:
    script: list[Script] = []
    for item in items:
        match item:
            case Say():
                script.append(say_script(item, plan.language, plan.voice))
            case SayCode():
                script.append(code_script(item, plan.language, plan.voice, locales))
            case Pause():
                script.append((Silence(item.seconds),))
    return tuple(piece for part in script for piece in part)
