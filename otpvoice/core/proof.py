"""How much of a code was played: the count that ``delivered`` rests on.

It believes what it is told of single characters (``media.playout`` proves those) and counts readings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from otpvoice.core.compile import SpokenStep, Step
from otpvoice.core.events import CharacterPlayed, CodeDelivered
from otpvoice.core.speech import CodeCharacter


@dataclass(slots=True)
class Proof:
    """Characters played, in order of time. ``expected`` readings of a code; 0: none was to be spoken."""

    expected: int = 0
    readings: int = 0
    digits: list[CharacterPlayed] = field(default_factory=list)
    _run: int = 0

    @classmethod
    def expecting(cls, steps: Sequence[Step]) -> Proof:
        """Return an empty proof for what a plan wants read."""
        codes = [step for step in steps if isinstance(step, SpokenStep) and step.readings]
        return cls(expected=sum(step.readings for step in codes))

    @property
    def complete(self) -> bool:
        """Was everything played that was to be read?"""
        return bool(self.expected) and self.readings >= self.expected

    @property
    def delivered(self) -> bool | None:
        """Was at least one whole reading played? None where no code was to be spoken."""
        return self.readings > 0 if self.expected else None

    def played(self, piece: CodeCharacter, at: float) -> list[CharacterPlayed | CodeDelivered]:
        """Count a character. Returns what is to be told."""
        return self._count(CharacterPlayed(piece.reading, piece.position, piece.of, at))

    def take_back(self, since: float) -> None:
        """Forget what was counted after an instant: nobody knows whether the callee was still there."""
        kept = [report for report in self.digits if report.at <= since]
        self.digits, self.readings, self._run = [], 0, 0
        for report in kept:
            self._count(report)

    def _count(self, report: CharacterPlayed) -> list[CharacterPlayed | CodeDelivered]:
        self.digits.append(report)
        # A reading is whole when its characters followed each other from the first to the last.
        self._run = self._run + 1 if report.position == self._run + 1 else int(report.position == 1)
        if self._run < report.of or report.position != report.of:
            return [report]
        self._run = 0
        self.readings += 1
        return [report, CodeDelivered(report.at)] if self.readings == 1 else [report]
