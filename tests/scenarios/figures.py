"""What scenarios measure: told at the end of the run, never judged. A machine that is busy is not wrong."""

from __future__ import annotations

from typing import Final


class Figures:
    """Lines in the order in which they were measured."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)


FIGURES: Final = Figures()
