"""People with phones, and what they do when they are called: a script that reads as a sentence.

A script is a list of steps, each ``after`` so many seconds from the end of the one before; the first from the
INVITE. Nothing happens here: ``call.py`` plays it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from tests.fakes.call import Call, Heard

TIMER_B: Final = 32.0  # SIP: how long an INVITE goes unanswered before it is a 408 of our own


@dataclass(frozen=True, slots=True)
class Rings:
    after: float


@dataclass(frozen=True, slots=True)
class Progresses:
    after: float


@dataclass(frozen=True, slots=True)
class Answers:
    after: float


@dataclass(frozen=True, slots=True)
class Rejects:
    """``made_up``: by Asterisk, where not one SIP response came."""

    status: int
    after: float
    made_up: bool = False


@dataclass(frozen=True, slots=True)
class Redirects:
    """302 with a Contact. ``dropped``: Asterisk's dialling thread hangs up before the response's code is told."""

    user: str
    after: float
    dropped: bool


@dataclass(frozen=True, slots=True)
class Presses:
    digits: str
    on: float
    off: float
    after: float


@dataclass(frozen=True, slots=True)
class Says:
    audio: bytes = field(repr=False)
    after: float


@dataclass(frozen=True, slots=True)
class Holds:
    after: float
    for_: float


@dataclass(frozen=True, slots=True)
class HangsUp:
    after: float
    cause: int | None


Step = Rings | Progresses | Answers | Rejects | Redirects | Presses | Says | Holds | HangsUp


class Callee:
    """The owner of one number. A script is played from the start for each call; the last one for all others."""

    def __init__(self, number: str) -> None:
        self.number = number
        self.calls: list[Call] = []
        self.open_microphone = False
        self._scripts: list[list[Step]] = [[]]
        self._first = 0

    def rings(self, after: float = 0.0) -> Self:
        """180."""
        return self._then(Rings(after))

    def progresses(self, after: float = 0.0) -> Self:
        """183."""
        return self._then(Progresses(after))

    def answers(self, after: float = 0.0, *, ringing: bool = True) -> Self:
        """200; with a 180 at once, as phones do, where the script did not say anything of ringing."""
        if ringing and not self._scripts[-1]:
            self.rings()
        return self._then(Answers(after))

    def rejects(self, status: int, after: float = 0.0) -> Self:
        """A final SIP response from 300 to 699."""
        return self._then(Rejects(status, after))

    def redirects(self, user: str, after: float = 0.0, *, dropped: bool = False) -> Self:
        """302, to another user."""
        return self._then(Redirects(user, after, dropped))

    def busy(self, after: float = 0.0) -> Self:
        return self.rejects(486, after)

    def never_answers(self) -> Self:
        """Rings for ever."""
        return self.rings()

    def unreachable(self, timer_b: float = TIMER_B) -> Self:
        """No SIP reply at all: Asterisk gives up after timer B, unless the originate's timeout is shorter."""
        return self._then(Rejects(408, timer_b, made_up=True))

    def unconnected(self) -> Self:
        """Nobody listens: a TCP connection refused, a name that does not resolve."""
        return self._then(Rejects(503, 0.0, made_up=True))

    def presses(self, digits: str, *, on: float = 0.1, off: float = 0.1, after: float = 0.0) -> Self:
        return self._then(Presses(digits, on, off, after))

    def says(self, audio: bytes, after: float = 0.0) -> Self:
        """Takes as long as it lasts."""
        return self._then(Says(audio, after))

    def holds(self, after: float, for_: float) -> Self:
        return self._then(Holds(after, for_))

    def hangs_up(self, after: float = 0.0, *, cause: int | None = None) -> Self:
        return self._then(HangsUp(after, cause))

    def next_time(self) -> Self:
        """What follows is for the next call."""
        self._scripts.append([])
        return self

    def anew(self) -> Self:
        """What follows replaces all scripts, from the next call on."""
        self._scripts, self._first = [[]], len(self.calls)
        return self

    def has_open_microphone(self) -> Self:
        """Sends silence when there is nothing to say, as phones without silence suppression do."""
        self.open_microphone = True
        return self

    def _then(self, step: Step) -> Self:
        self._scripts[-1].append(step)
        return self

    @property
    def silent(self) -> bool:
        """Will the next call get no SIP response, not even 100 Trying?"""
        return any(isinstance(step, Rejects) and step.made_up for step in self.steps())

    @property
    def scripted(self) -> bool:
        return bool(self._scripts[0])

    def steps(self) -> Iterator[Step]:
        """The script of the next call."""
        return iter(self._scripts[min(len(self.calls) - self._first, len(self._scripts) - 1)])

    @property
    def call(self) -> Call:
        """The last call."""
        assert self.calls, f"{self.number} was never called"
        return self.calls[-1]

    @property
    def heard(self) -> list[Heard]:
        return self.call.heard
