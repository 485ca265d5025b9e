"""The words of the doctor: a check looks at something, a fault is what may be wrong with it, a finding what was seen.

Every fault is a constant with its sentence and its remedy, so that the page for administrators is made from the code
and knows all of them. What is put into a sentence is never a secret: whoever gathers facts leaves those out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

HANGS: Final = "no_answer"
"""The fault that any check may have."""


class Status(StrEnum):
    """How a check went, from good to bad."""

    OK = "ok"
    SKIPPED = "skipped"
    """Its ground is missing: something else has to be mended first."""
    UNKNOWN = "unknown"
    """It can't be seen from here."""
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. ``fault``: a stable word, "" where nothing is wrong; ``details``: for JSON.

    ``remedy``: exactly what to do, "" where there is nothing.
    """

    check: str
    status: Status
    message: str
    remedy: str = ""
    fault: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as one JSON object; the same keys always."""
        return {
            "check": self.check,
            "status": self.status.value,
            "fault": self.fault or None,
            "message": self.message,
            "remedy": self.remedy or None,
            "details": dict(self.details),
        }


@dataclass(frozen=True, slots=True)
class Fault:
    """What may be wrong. Called with facts it is a finding; ``{name}`` in its sentences is the fact of that name.

    In a remedy, what is typed stands between backquotes: a page shows it as code, a terminal as it is.
    """

    check: str
    name: str
    status: Status
    message: str
    remedy: str

    def __call__(self, **facts: Any) -> Finding:
        return Finding(
            self.check,
            self.status,
            self.message.format(**facts),
            self.remedy.replace("`", "").format(**facts),
            self.name,
            facts,
        )


class Check:
    """What is looked at, by a stable ``word``. ``asks``: the question, for people. ``faults``: all, in order."""

    def __init__(self, word: str, asks: str) -> None:
        self.word, self.asks = word, asks
        self.faults: list[Fault] = []

    def fails(self, name: str, message: str, remedy: str) -> Fault:
        """Return a fault with which otpvoice does not work, or not safely."""
        return self._fault(name, Status.FAILED, message, remedy)

    def warns(self, name: str, message: str, remedy: str) -> Fault:
        """Return a fault that will hurt one day."""
        return self._fault(name, Status.WARNING, message, remedy)

    def unsure(self, name: str, message: str, remedy: str) -> Fault:
        """Return what can't be seen from here; ``remedy``: how to look by hand."""
        return self._fault(name, Status.UNKNOWN, message, remedy)

    def ok(self, message: str, **details: Any) -> Finding:
        """Say that all is right."""
        return Finding(self.word, Status.OK, message, details=details)

    def skipped(self, reason: str) -> Finding:
        """Say why nobody looked."""
        return Finding(self.word, Status.SKIPPED, f"not looked at: {reason}")

    def hangs(self, seconds: float) -> Finding:
        """Say that what it asks gave no answer in time, not even that it is not there. It is not taken for right."""
        remedy = f"Something that it asks hangs; other lines may say what. Alone: otpvoice doctor --only {self.word}."
        return Finding(self.word, Status.FAILED, f"no answer within {seconds:g} s", remedy, HANGS)

    def unknown(self, message: str, remedy: str = "") -> Finding:
        """Say that something unforeseen kept us from looking."""
        return Finding(self.word, Status.UNKNOWN, message, remedy)

    def _fault(self, name: str, status: Status, message: str, remedy: str) -> Fault:
        fault = Fault(self.word, name, status, message, remedy)
        self.faults.append(fault)
        return fault
