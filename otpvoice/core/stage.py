"""What the parts of a call's story share: the moment, the deadline, and the commands that are to be carried out.

It decides nothing. ``flow`` owns it; the verbs (``speaking``, ``gathering``) are generators that work on it, and a bare
``yield`` in them waits for what happens next.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from otpvoice.core.commands import Command, Tell
from otpvoice.core.events import Happening, Report
from otpvoice.core.outcome import Fault
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof

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


@dataclass(slots=True)
class Stage:
    """``now`` is set on each entry and nowhere else; ``deadline`` is the running step's."""

    plan: CallPlan
    proof: Proof
    now: float = 0.0
    deadline: float | None = None
    held: bool = False
    hanging_up: bool = False
    spoke: bool = False
    utterances: int = 0
    typed: list[str] = field(default_factory=list, repr=False)
    commands: list[Command] = field(default_factory=list)

    def do(self, command: Command) -> None:
        """Have something done."""
        self.commands.append(command)

    def tell(self, report: Report) -> None:
        """Report to whoever follows the call."""
        self.do(Tell(report))

    def type_ahead(self, digit: str) -> None:
        """Remember a key that nobody has asked for yet."""
        if len(self.typed) < TYPED_AHEAD:
            self.typed.append(digit)

    def within(self, seconds: float) -> None:
        """Wake the running step after so many seconds."""
        self.deadline = self.now + seconds

    def take_commands(self) -> list[Command]:
        """Return what is to be done, once."""
        commands, self.commands = self.commands, []
        return commands
