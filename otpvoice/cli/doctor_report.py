"""How findings look: lines for people, as they come; or one line of JSON at the end.

One finding is one line that can be searched for, unless a terminal is narrower. Nothing steers the terminal.
"""

from __future__ import annotations

import io
import json
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console

from otpvoice.cli.client import printable
from otpvoice.doctor import CHECKS, Finding, Status

SCHEMA: Final = 1
_STYLES: Final = {
    Status.OK: "green",
    Status.SKIPPED: "dim",
    Status.UNKNOWN: "magenta",
    Status.WARNING: "yellow",
    Status.FAILED: "bold red",
}
_STATUS: Final = max(map(len, Status)) + 2
_CHECK: Final = max(len(check.word) for check in CHECKS) + 2
_INDENT: Final = _STATUS + _CHECK
_NARROWEST: Final = _INDENT + 24


class Report:
    """Add findings as they come; ``close`` says the sum."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A terminal that knows no "…" shows something else for it; the report goes on.
            sys.stdout.reconfigure(errors="replace")
        self._findings: list[Finding] = []
        self._skipped: list[Finding] = []
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

    def add(self, finding: Finding) -> None:
        """Print a finding, for people."""
        self._findings.append(finding)
        if self._json:
            return
        if self._skipped and finding.message != self._skipped[0].message:
            self._tell_skipped()
        if finding.status is Status.SKIPPED:
            self._skipped.append(finding)
        else:
            self._print(finding)

    def _print(self, finding: Finding) -> None:
        head = finding.status.value.ljust(_STATUS)
        self._console.print(head, style=_STYLES[finding.status], end="")
        self._console.print(finding.check.ljust(_CHECK) + self._folded(finding.message))
        if finding.remedy:
            self._console.print(" " * _INDENT + self._folded(finding.remedy), style="cyan")

    def _tell_skipped(self) -> None:
        """Of many that wait for the same, one line: the fault that matters is not to be looked for among them."""
        skipped, self._skipped = self._skipped, []
        if len(skipped) == 1:
            self._print(skipped[0])
        elif skipped:
            others = ", ".join(finding.check for finding in skipped)
            message = f"{skipped[0].message}: {others}"
            self._print(Finding(f"{len(skipped)} checks", Status.SKIPPED, message))

    def tell(self, line: str) -> None:
        """Print what happens meanwhile, for people."""
        if not self._json:
            self._tell_skipped()
            self._console.print(" " * _INDENT + printable(line), style="dim")

    def close(self, exit_code: int) -> None:
        """Say the sum."""
        self._tell_skipped()
        counts = Counter(finding.status for finding in self._findings)
        if self._json:
            sys.stdout.write(f"{json.dumps(self._document(exit_code, counts))}\n")
            return
        said = ", ".join(f"{counts[status]} {status}" for status in reversed(Status) if counts[status])
        worst = next((status for status in reversed(Status) if counts[status]), Status.OK)
        self._console.print(f"\n{len(self._findings)} findings: {said}", style=_STYLES[worst])

    def _document(self, exit_code: int, counts: Mapping[Status, int]) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "ok": exit_code == 0,
            "exit_code": exit_code,
            "counts": {status.value: counts[status] for status in Status},
            "findings": [finding.to_json() for finding in self._findings],
        }

    def _folded(self, text: str) -> str:
        """Return a text that hangs behind its check, where it is a terminal that it is read on."""
        line = printable(text)
        if not self._console.is_terminal or self._console.width < _NARROWEST:
            return line
        width = self._console.width - _INDENT
        # Commands and addresses stay whole: they are copied.
        rows = textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
        return f"\n{' ' * _INDENT}".join(rows)
