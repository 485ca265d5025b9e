"""Calls told as lists of (second, what happened), and what the flow wanted done, second by second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from otpvoice.core.actions import Action
from otpvoice.core.commands import Command, Tell
from otpvoice.core.events import (
    DigitReceived,
    Happening,
    PiecePlayed,
    Report,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.core.flow import CallFlow
from otpvoice.core.locale import Locale, Locales
from otpvoice.core.outcome import Outcome, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.speech import Script, Silence

BEGAN = 1000.0
"""When every call begins, in Unix seconds; second 0 of the story."""
ENGLISH = Locale(
    tag="en",
    code="Your code is: {code}",
    code_with_brand="Your {brand} code is: {code}",
    again="Again:",
    capital="capital {letter}",
    gate="Press {key} for your code.",
    gate_any="Press a key for your code.",
    gate_failure="Goodbye.",
    replay="Press {key} to hear it again.",
    choose="For English, press {key}.",
    star="star",
    pound="pound",
    digits=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    letters={},
    voices={"espeak": {"en": "en"}},
    as_in="{letter} as in {word}",
    spelling={"b": "Bravo", "z": "Zulu"},
)
GERMAN = replace(
    ENGLISH,
    tag="de",
    code="Ihr Code lautet: {code}",
    code_with_brand="Ihr Code von {brand} lautet: {code}",
    again="Ich wiederhole:",
    gate="Für Ihren Code: {key}.",
    gate_any="Für Ihren Code: eine Taste.",
    gate_failure="Auf Wiederhören.",
    replay="Noch einmal: {key}.",
    choose="Für Deutsch: {key}.",
    star="Stern",
    pound="Raute",
    as_in="{letter} wie {word}",
    spelling={"b": "Berta", "z": "Zeppelin"},
    digits=("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
)
LOCALES = Locales([ENGLISH, GERMAN])
"""Languages that say nothing at the end, so that most stories are told without it."""
CLOSING = Locales([replace(ENGLISH, closing="That was all."), replace(GERMAN, closing="Das war alles.")])
"""The same, with their closing sentences, as all that are packaged have them."""


class Passes:
    """Time passes until the deadline, which is this second."""

    def __repr__(self) -> str:
        return "PASSES"


PASSES = Passes()
Told: TypeAlias = tuple[float, Happening | Passes]
Done: TypeAlias = tuple[float, Command]


def outbound(*actions: Action, locales: Locales = LOCALES, **changes: Any) -> CallFlow:
    """Return a call that is to be placed."""
    plan = CallPlan(to="+15550100", caller_id="+15550199", trunk="default", language="en", actions=actions)
    return CallFlow(replace(plan, **changes), locales)


def inbound(*actions: Action, locales: Locales = LOCALES, **changes: Any) -> CallFlow:
    """Return a call that came in, and goes on in its dialplan."""
    plan = CallPlan(to="100", caller_id="+15550123", trunk="default", language="en", actions=actions, inbound=True)
    return CallFlow(replace(replace(plan, goes_on=True), **changes), locales)


def live(flow: CallFlow, *told: Told) -> list[Done]:
    """Begin a call and let things happen; return what was done, and when."""
    return [(0.0, command) for command in flow.start(0.0, BEGAN)] + go_on(flow, *told)


def go_on(flow: CallFlow, *told: Told) -> list[Done]:
    """Let more happen. Where time passes, it passes until the flow's own deadline."""
    done: list[Done] = []
    for now, event in told:
        if isinstance(event, Passes):
            assert flow.deadline == now, "nothing else was due then"
            commands = flow.expire(now)
        else:
            commands = flow.receive(event, now)
        done += [(now, command) for command in commands]
    return done


def heard(utterance: int, script: Script, at: float, upto: int | None = None) -> list[Told]:
    """A script is played within the second from ``at`` on: all of it, or only the pieces before ``upto``."""
    name, then = str(utterance), BEGAN + at + 1.0
    pieces = [index for index, piece in enumerate(script[:upto]) if not isinstance(piece, Silence)]
    return [
        (at, SpeakingStarted(name, BEGAN + at, 1.0)),
        *((at + 1.0, PiecePlayed(name, index, then)) for index in pieces),
        *([(at + 1.0, SpeakingFinished(name, then, cut=False))] if upto is None else []),
    ]


def pressed(at: float, *keys: str) -> list[Told]:
    """Keys are pressed, all in one moment."""
    return [(at, DigitReceived(key, BEGAN + at)) for key in keys]


def orders(done: Sequence[Done]) -> list[Command]:
    """Return what was ordered, without reports."""
    return [command for _, command in done if not isinstance(command, Tell)]


def reports(done: Sequence[Done]) -> list[Report]:
    """Return what was reported."""
    return [command.report for _, command in done if isinstance(command, Tell)]


def outcome(flow: CallFlow) -> Outcome:
    """Return how a call ended that is over."""
    assert flow.over
    assert flow.deadline is None
    return classify(flow.ending)
