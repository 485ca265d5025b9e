"""What is wrong with the settings, all of it at once.

A problem names the variable and the rule and shows an example; it never repeats what was set, which may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

ProblemKind: TypeAlias = Literal["value", "unknown", "unreadable", "no_toml", "twice"]
"""What is to be done about it: ``value`` is to be set, or set as its rule says."""


@dataclass(frozen=True, slots=True)
class SettingsProblem:
    """``name``: the variable, or the file and the place in it. ``rule`` ends a sentence that begins with the name."""

    name: str
    rule: str
    example: str | None = None
    kind: ProblemKind = "value"

    def __str__(self) -> str:
        example = f" (for example: {self.example})" if self.example else ""
        return f"{self.name} {self.rule}{example}"


@dataclass(frozen=True, slots=True)
class SettingsWarning:
    """What should be known, and keeps nothing from starting. ``word``: a stable one, as faults have."""

    word: Literal["no_effect", "dev", "any_destination", "no_redis", "no_limit", "no_secret_key", "speech_cache"]
    sentence: str

    def __str__(self) -> str:
        return self.sentence


class SettingsError(ValueError):
    """The program can't start like this. Its text has a line for each problem."""

    def __init__(self, problems: Iterable[SettingsProblem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} settings are" if len(self.problems) > 1 else "1 setting is"
        super().__init__("\n  ".join([f"{count} wrong:", *map(str, self.problems)]))
