"""How often one call may dial second parties: whoever answers *dial* to the end of each leg must come to an end.

It is per call, and counts; who is called, and whether that is allowed, is known elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MOST_IN_VAIN: Final = 3
"""Second legs to one number that nobody answered, since it last did. Legs to other numbers between them change nothing:
two numbers in turn are no better than one."""
MOST_LEGS: Final = 50
"""Second legs of a call, answered or not: each has an entry in its record."""


@dataclass(slots=True)
class Dialed:
    """The second legs of one call so far. ``legs``: how many; ``in_vain``: by number, those since its last answer."""

    legs: int = 0
    in_vain: dict[str, int] = field(default_factory=dict, repr=False)

    def objection(self, number: str) -> str | None:
        """Return the rule by which this number may not be dialled now, for people and without it; None: it may."""
        if self.legs >= MOST_LEGS:
            return f"a call has at most {MOST_LEGS} second legs"
        if self.in_vain.get(number, 0) >= MOST_IN_VAIN:
            return f"a number that was dialled {MOST_IN_VAIN} times in a row without an answer is not dialled again"
        return None

    def dial(self, number: str) -> int:
        """Take down that it is dialled. Returns which second leg that is, from 1."""
        self.legs += 1
        self.in_vain[number] = self.in_vain.get(number, 0) + 1
        return self.legs

    def answer(self, number: str) -> None:
        """Take down that it answered."""
        self.in_vain.pop(number, None)
