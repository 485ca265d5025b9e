"""How much of a code was played: the count that ``delivered`` rests on.

It believes what it is told of single characters (``media.playout`` proves those) and counts readings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from otpvoice.core.compile import CodeStep, SpokenStep, Step, scripts_of
from otpvoice.core.events import CharacterPlayed, CodeDelivered
from otpvoice.core.speech import CodeCharacter, Script


@dataclass(slots=True)
class Proof:
    """Characters played, in order of time.

    ``spoken``: is a code to be spoken at all, wherever in the plan? ``expected``: readings that are due whatever the
    callee keys; what a gather says, or is read again by request, may not come, or come more than once, and is not among
    them.
    """

    spoken: bool = False
    expected: int = 0
    readings: int = 0
    digits: list[CharacterPlayed] = field(default_factory=list)
    _run: int = 0
    _reading: int = 0

    @classmethod
    def expecting(cls, steps: Sequence[Step]) -> Proof:
        """Return an empty proof for what a plan wants read."""
        proof = cls()
        proof.expect(steps)
        return proof

    def expect(self, steps: Sequence[Step]) -> None:
        """Expect what these steps want read, too."""
        self.spoken = self.spoken or any(_readings(script) for step in steps for script in scripts_of(step))
        self.expected += sum(map(_due, steps))

    @property
    def complete(self) -> bool:
        """Was everything played that was due to be read, and something at all?"""
        return 0 < self.readings >= self.expected

    @property
    def delivered(self) -> bool | None:
        """Was at least one whole reading played? None where no code was to be spoken."""
        return self.readings > 0 if self.spoken else None

    def played(self, piece: CodeCharacter, at: float) -> list[CharacterPlayed | CodeDelivered]:
        """Count a character. Returns what is to be told."""
        return self._count(CharacterPlayed(piece.reading, piece.position, piece.of, at))

    def take_back(self, since: float) -> None:
        """Forget what was counted after an instant: nobody knows whether the callee was still there."""
        kept = [report for report in self.digits if report.at <= since]
        self.digits, self.readings, self._run, self._reading = [], 0, 0, 0
        for report in kept:
            self._count(report)

    def _count(self, report: CharacterPlayed) -> list[CharacterPlayed | CodeDelivered]:
        self.digits.append(report)
        # A reading is whole when its own characters followed each other from the first to the last.
        follows = report.reading == self._reading and report.position == self._run + 1
        self._reading = report.reading
        self._run = self._run + 1 if follows else int(report.position == 1)
        if self._run < report.of:
            return [report]
        self._run = 0
        self.readings += 1
        return [report, CodeDelivered(report.at)] if self.readings == 1 else [report]


def _due(step: Step) -> int:
    match step:
        case SpokenStep(script=script):
            return _readings(script)
        case CodeStep(action=say):
            return say.times
        case _:
            return 0


def _readings(script: Script) -> int:
    return sum(isinstance(piece, CodeCharacter) and piece.position == piece.of for piece in script)
