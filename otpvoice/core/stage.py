"""What the parts of a call's story share: the moment, the deadlines, who is there, and what is to be carried out.

It decides nothing. ``flow`` owns it; the verbs (``speaking``, ``gathering``, ``dialing``) and the ends of a call
(``ending``) are generators that work on it, and a bare ``yield`` in them waits for what happens next.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

from otpvoice.core.commands import Command, HangUpSecond, Tell
from otpvoice.core.digits import Collected
from otpvoice.core.events import DigitsCollected, Happening, Report, SecondEnded
from otpvoice.core.outcome import Ending, Fault, OwnAction
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.redialing import Dialed
from otpvoice.core.second import Second
from otpvoice.core.streams import RunningStreams

T = TypeVar("T")

TYPED_AHEAD = 64
"""Keys that are remembered before anybody asks for them."""


class TimedOut:
    """The deadline that was given out has come."""


Told: TypeAlias = Happening | TimedOut | None
Steps: TypeAlias = Generator[None, Told, T]


class ActionFault(Exception):
    """The running action can't be done, and the call ends with ``fault``. ``code`` and ``message`` are for people."""

    def __init__(self, code: str, message: str, fault: Fault) -> None:
        super().__init__(message)
        self.code, self.message, self.fault = code, message, fault


class PlanOver(Exception):
    """The rest of the plan makes no sense any more, and nothing broke. ``code`` and ``message`` are for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(slots=True)
class Stage:
    """``now`` is set on each entry and nowhere else; ``deadline`` is the running step's, ``limit`` the whole talk's.

    ``gone``: the first party's channel is no longer ours. ``second``: the second party, while there is one;
    ``dialed``: those that were called so far. ``talking``: the two hear each other, and not us. ``streams``: those of
    the call's audio that run.

    ``index``: of the running action, among all that were asked for so far. ``asks``: when it is done, somebody is asked
    what to do next; ``question``: the report of what it brought, by which that is then done.
    """

    plan: CallPlan
    proof: Proof
    ending: Ending
    now: float = 0.0
    deadline: float | None = None
    limit: float | None = None
    held: bool = False
    hanging_up: bool = False
    gone: bool = False
    spoke: bool = False
    talking: bool = False
    index: int = 0
    asks: bool = False
    question: DigitsCollected | None = None
    utterances: int = 0
    dialed: Dialed = field(default_factory=Dialed)
    second: Second | None = None
    streams: RunningStreams = field(default_factory=RunningStreams)
    collected: Collected | None = None
    typed: list[str] = field(default_factory=list, repr=False)
    commands: list[Command] = field(default_factory=list)

    def do(self, command: Command) -> None:
        """Have something done."""
        self.commands.append(command)

    def tell(self, report: Report) -> None:
        """Report to whoever follows the call."""
        self.do(Tell(report))

    def know(self, **facts: Any) -> None:
        """Take down how the call ended, as far as that is known."""
        self.ending = replace(self.ending, **facts)

    def type_ahead(self, digit: str) -> None:
        """Remember a key that nobody has asked for yet."""
        if len(self.typed) < TYPED_AHEAD:
            self.typed.append(digit)

    def within(self, seconds: float) -> None:
        """Wake the running step after so many seconds."""
        self.deadline = self.now + seconds

    def hang_up_second(self, own: OwnAction | None, fault: Fault | None = None) -> None:
        """End the second leg, if there is one and nobody has said so yet; the reason is ours, or a fault's."""
        if self.second is not None and self.second.hang_up(own, fault):
            self.do(HangUpSecond(self.second.number))

    def second_is_over(self) -> None:
        """Tell how the second leg ended, once. Whatever comes of it after this is history."""
        if self.second is not None:
            self.tell(SecondEnded(self.second.number, self.second.outcome))
            self.second = None

    def take_question(self) -> DigitsCollected | None:
        """Return what an action has left to ask by, once."""
        question, self.question = self.question, None
        return question

    def take_commands(self) -> list[Command]:
        """Return what is to be done, once."""
        commands, self.commands = self.commands, []
        return commands
