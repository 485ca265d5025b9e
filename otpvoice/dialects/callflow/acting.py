"""From the entries of a callflow to what the core does, and whether this account may have it done.

Milliseconds end here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from otpvoice.core import actions as core
from otpvoice.core.digits import DigitRules
from otpvoice.core.plan import CallPlan
from otpvoice.dialects import speech_profiles
from otpvoice.dialects.callflow import params
from otpvoice.dialects.callflow.entries import Entry
from otpvoice.dialects.numbers import owned
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialects.problems import Problem
from otpvoice.dialects.speakable import unspeakable
from otpvoice.dialects.voice_names import Casting, Spoken

HASH: Final = "#"
"""The one key that can end a capture."""
_KEYS: Final = "0123456789*"


@dataclass(frozen=True, slots=True)
class Action:
    """One that the core does, and the entry that it came from."""

    entry: Entry
    action: core.Action


def language_of(entries: Sequence[Entry], defaults: CallDefaults) -> str:
    """Return the language of a callflow: that of the first who speaks."""
    for entry in entries:
        if isinstance(entry.params, params.Spoken):
            return _cast(entry.params, Casting(defaults, defaults.language)).language or defaults.language
    return defaults.language


def core_actions(
    entries: Sequence[Entry], trunk: TrunkOffer, casting: Casting, label: str | None = None
) -> tuple[Action, ...]:
    """Return what the core is to do: calls are second parties, on this trunk. ``label``: goes into each action.

    A call that nothing follows ends with its second party (8x8, "Session Summary (IVR)", scenario 1).
    """
    done = [Action(one, _to_core(one, trunk, casting, label)) for one in entries]
    if done and isinstance(done[-1].action, core.Dial):
        done.append(Action(done[-1].entry, core.Hangup(id=label)))
    return tuple(done)


def chosen_trunk(calls: Sequence[Entry], defaults: CallDefaults) -> TrunkOffer | Problem:
    """Return the first trunk on which all of these calls may show what they ask for, or which of them may not."""
    blamed = []
    for trunk in defaults.trunks.values():
        foreign = _foreign(calls, trunk)
        if not foreign:
            return trunk
        blamed.append(foreign[0])
    # The trunk that would carry the most of them decides who is to blame.
    return _foreign_source(max(blamed, key=lambda one: one.place) if blamed else calls[0])


def foreign_sources(calls: Sequence[Entry], trunk: TrunkOffer) -> list[Problem]:
    """Return a problem for each call that would show a caller ID that this trunk has not."""
    return [_foreign_source(one) for one in _foreign(calls, trunk)]


def _foreign(calls: Sequence[Entry], trunk: TrunkOffer) -> list[Entry]:
    return [one for one in calls if isinstance(one.params, params.MakeCall) and not owned(one.params.source, trunk)]


def _foreign_source(call: Entry) -> Problem:
    return Problem(call.path("source"), "caller_id_not_allowed", "must be one of the caller IDs that may be used")


def mute(actions: Sequence[Action], plan: CallPlan, defaults: CallDefaults) -> Iterator[Problem]:
    """Return a problem for each action that nobody can speak."""
    for one in actions:
        for problem in unspeakable(replace(plan, actions=(one.action,), webhook=None), defaults):
            by_name = isinstance(one.entry.params, params.Spoken) and one.entry.params.voice_profile is not None
            yield replace(problem, path=one.entry.path("voiceProfile" if by_name else "language"))
            break


def _to_core(entry: Entry, trunk: TrunkOffer, casting: Casting, label: str | None) -> core.Action:
    match entry.params:
        case params.MakeCall() as call:
            source = owned(call.source, trunk)
            return core.Dial(call.destination, source, trunk.ring_timeout, id=label)
        case params.Say() as said:
            return replace(_said(said.text, said, casting), times=said.repetition, id=label)
        case params.PlayFile() as file:
            return core.Play(times=file.repetition, url=file.file_url, id=label)
        case params.SayAndCapture() as asked:
            return _gather(asked, casting, label)
        case params.Hangup():
            return core.Hangup(id=label)
        case params.Scenario():
            raise TypeError("a scenario is read before it is done")


def _gather(asked: params.SayAndCapture, casting: Casting, label: str | None) -> core.Gather:
    def spoken(text: str | None) -> core.Prompt:
        return () if text is None else (_said(text, asked, casting),)

    overall = (asked.overall_timeout or params.DEFAULT_OVERALL_TIMEOUT) / 1000
    return core.Gather(
        DigitRules(
            min_digits=asked.min_digits or 1,
            max_digits=asked.max_digits or params.DEFAULT_MOST_DIGITS,
            terminators=HASH if asked.complete_on_hash else "",
            valid_digits=_KEYS if asked.complete_on_hash else _KEYS + HASH,
            # There is no timer of its own for the first key.
            first_digit_timeout=overall,
            inter_digit_timeout=asked.digit_timeout / 1000 if asked.digit_timeout is not None else overall,
            overall_timeout=overall,
        ),
        prompt=(replace(_said(asked.prompt_message, asked, casting), times=asked.repetition),),
        success=spoken(asked.success_message),
        failure=spoken(asked.failure_message),
        tries=asked.no_of_tries,
        id=label,
        tag=label,
    )


def _said(text: str, spoken: params.Spoken, casting: Casting) -> core.Say:
    asked = _cast(spoken, casting)
    return core.Say(text, language=asked.language, voice=asked.voice, speed=spoken.speed)


def _cast(spoken: params.Spoken, casting: Casting) -> Spoken:
    """Return who speaks which language: that of the profile, where nothing else is said."""
    asked = casting.understood(spoken.voice_profile, spoken.language)
    if asked.language is not None or spoken.voice_profile is None:
        return asked
    # One of our own voices, whose name need not tell.
    return replace(asked, language=speech_profiles.language_of(spoken.voice_profile, casting.defaults.profiles()))
