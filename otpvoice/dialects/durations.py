"""How long a call of the dialplan may last, from what its plan may take: no argument says so.

It is a bound and no estimate, so that nobody is cut off in the middle of what was asked for. A dialplan that wants less
has ``TIMEOUT(absolute)``.
"""

from __future__ import annotations

from typing import Final, assert_never

from otpvoice.core import actions as core
from otpvoice.core.compile import sending_seconds
from otpvoice.media.streams.formats import FORMATS

SHORTEST: Final = 180.0
"""Seconds: what a call over HTTP has where it says nothing."""
LONGEST: Final = 14_400.0
"""Seconds: the most that a call over HTTP may ask for; a call that connects two people has it always."""
BETWEEN: Final = 30.0
"""Seconds a call for what is no action: a voice that has to be made first, a lead-in, a caller on hold."""
CHARACTER: Final = 0.2
"""Seconds a character of a text at speed 1: about three times what reading aloud takes."""
RECORDING: Final = 300.0
"""Seconds of the longest recording that is played."""
READING: Final = 60.0
"""Seconds of a code with its sentence: 12 characters at the slowest speed take half of it."""

TALKING: Final = 3600.0
"""Seconds of a stream that talks, where its format has no bound of its own."""


def longest(actions: tuple[core.Action, ...]) -> float:
    """Return the seconds from the answer on within which such a call is over, whatever is keyed."""
    return min(LONGEST, max(SHORTEST, BETWEEN + sum(map(_seconds, actions))))


def _seconds(action: core.Action) -> float:
    match action:
        case core.Say():
            return action.times * (CHARACTER * len(action.text) / action.speed + action.gap)
        case core.SayCode():
            asked = action.gate.tries * (READING + action.gate.timeout) if action.gate else 0.0
            return READING * (action.times + (action.replay.limit if action.replay else 0)) + asked
        case core.Play():
            return action.times * RECORDING
        case core.Pause():
            return action.seconds
        case core.Gather():
            spoken = sum(map(_seconds, (*action.prompt, *action.success, *action.failure)))
            return action.tries * (action.rules.overall_timeout + spoken)
        case core.SendDigits():
            return sending_seconds(action.digits)
        case core.Dial():
            return LONGEST
        case core.Stream(format=format_):
            # One that listens runs beside the others.
            return (FORMATS[format_].longest or TALKING) if action.talks else 0.0
        case core.StopStream() | core.Hangup():
            return 0.0
        case _:
            assert_never(action)
