"""What the rows of the doctor's tests are made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from otpvoice.doctor.asking import Answered
from otpvoice.doctor.finding import Finding

Judged: TypeAlias = Finding | Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Row:
    """``expected``: check and fault, ``redis.persistence.forgets``; or check and status where there is no fault."""

    expected: str
    judge: Callable[[], Judged]

    @property
    def found(self) -> list[Finding]:
        """What is said of the row's facts."""
        judged = self.judge()
        return [judged] if isinstance(judged, Finding) else list(judged)


def row(expected: str, judge: Callable[[], Judged]) -> Row:
    return Row(expected, judge)


def name_of(finding: Finding) -> str:
    return f"{finding.check}.{finding.fault or finding.status}"


def answered(status: int, document: Any = None, *, began: float = 0.0, took: float = 0.0, **headers: str) -> Answered:
    """An answer of an HTTP server."""
    body = b"" if document is None else json.dumps(document).encode()
    return Answered(status, headers, body, began, began + took)
