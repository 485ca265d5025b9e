"""Whether all that a plan would speak and play can be: asked before anybody is rung.

It makes no sound. Voices and recordings are asked for through what the account offers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias, assert_never

from otpvoice.core import actions as core
from otpvoice.core.plan import CallPlan
from otpvoice.dialects.hosted_voices import engine_voice
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.problems import Problem, json_path

_Place: TypeAlias = tuple[str | int, ...]
_Audible: TypeAlias = core.Say | core.SayCode | core.Play


def unspeakable(plan: CallPlan, defaults: CallDefaults, *, shorthand: bool = False) -> Iterator[Problem]:
    """Return what a voice does not speak, once for each language and voice, and each recording that there is not.

    ``shorthand``: the plan's actions were not written out as ``actions``.
    """
    asked: set[tuple[str, str | None]] = set()
    for place, action in _audible(plan, shorthand=shorthand):
        if isinstance(action, core.Play):
            # One that is fetched is looked at when it is: before the call, but not before the answer.
            if action.prompt is not None and not (defaults.prompts and defaults.prompts(action.prompt)):
                yield Problem(json_path((*place, "prompt")), "prompt", "names a recording that there is not")
            continue
        spoken = action.language or plan.language, action.voice or plan.voice
        if spoken not in asked:
            asked.add(spoken)
            if (why := _mute(*spoken, defaults)) is not None:
                own = "voice" if action.voice else "language" if action.language else None
                path = (*place, own) if own else ("language" if plan.voice is None else "voice",)
                yield Problem(json_path(path), "voice", f"asks for what can't be spoken: {why}")


def _mute(language: str, voice: str | None, defaults: CallDefaults) -> str | None:
    """Return why a voice does not speak a language; None: it does."""
    if voice is not None and engine_voice(voice) is not None:
        # Of a hosted product's voice nothing is left but its language: nobody speaks that, or somebody stood in.
        return f"no voice speaks {language}"
    if defaults.check_voice is not None:
        try:
            defaults.check_voice(language, voice)
        except ValueError as error:
            return str(error)
    return None


def _audible(plan: CallPlan, *, shorthand: bool) -> Iterator[tuple[_Place, _Audible]]:
    """Return all that is heard, with its place in the request."""
    for index, action in enumerate(plan.actions):
        place: _Place = ("actions", index)
        if shorthand:
            place = ("gather",) if isinstance(action, core.Gather) else ()
        yield from _audible_in(place, action)
    for index, action in enumerate(plan.webhook.fallback if plan.webhook is not None else ()):
        yield from _audible_in(("webhook", "fallback", index), action)


def _audible_in(place: _Place, action: core.Action) -> Iterator[tuple[_Place, _Audible]]:
    match action:
        case core.Say() | core.Play():
            yield place, action
        case core.SayCode(gate=gate, languages=languages):
            yield place, action
            yield from _prompted((*place, "gate", "failure"), gate.failure if gate is not None else ())
            for index, choice in enumerate(languages):
                spoken = replace(action, language=choice.language, gate=None, languages=())
                yield (*place, "languages", index), spoken
        case core.Gather():
            for name in ("prompt", "success", "failure"):
                yield from _prompted((*place, name), getattr(action, name))
        case core.Pause() | core.SendDigits() | core.Dial() | core.Stream() | core.StopStream() | core.Hangup():
            pass
        case _:
            assert_never(action)


def _prompted(place: _Place, prompt: core.Prompt) -> Iterator[tuple[_Place, _Audible]]:
    for index, item in enumerate(prompt):
        if not isinstance(item, core.Pause):
            yield (*place, index), item
