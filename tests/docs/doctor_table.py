"""``python -m tests.docs.doctor_table``: writes what the doctor looks at, and all that it may find, into its page.

It changes nothing outside of the markers, and refuses a page without them. The words are those of the code: each fault
is a constant beside the check that finds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from otpvoice.doctor import CHECKS
from otpvoice.doctor.finding import Check

PAGE: Final = Path(__file__).parents[2] / "docs" / "doctor.md"
BEGIN, END = "<!-- checks: begin -->\n", "<!-- checks: end -->\n"

_CODE: Final = re.compile(
    r"`(?P<marked>[^`]+)`|asterisk -rx '[^']*'|otpvoice (?:doctor --call|calls ‹call›)"
    r"|systemctl (?:status|start|restart) \w+|docker compose (?:ps|up -d \w+|restart \w+)|\b[\w/-]+\.(?:conf|so|md)\b"
    r"|OTPVOICE_\w+|SSL_CERT_FILE"
)
"""What is marked as code where it is written, and what is code wherever it stands."""

_BAR: Final = r"\|"


def checks() -> str:
    """Return a part for each check: what it asks, and a row for each fault."""
    return "\n\n".join("\n".join(_part(check)) for check in CHECKS)


def _part(check: Check) -> Iterator[str]:
    yield f"### {check.word}"
    yield ""
    yield check.asks
    yield ""
    yield "| | what is wrong | what to do |"
    yield "|---|---|---|"
    for fault in check.faults:
        yield f"| {fault.status} `{fault.name}` | {_cell(fault.message)} | {_cell(fault.remedy)} |"


def _cell(text: str) -> str:
    """Return a sentence for a cell: facts by their names, what is typed as code."""
    plain = re.sub(
        r"\{(\w+)(?:[:!][^{}]*)?\}", lambda found: f"‹{found[1]}›", text.replace("{{", "\0").replace("}}", "\1")
    )
    pieces: list[str] = []
    at = 0
    for found in _CODE.finditer(plain):
        pieces += [_escaped(plain[at : found.start()]), f"`{(found['marked'] or found[0]).replace('|', _BAR)}`"]
        at = found.end()
    pieces.append(_escaped(plain[at:]))
    return "".join(pieces).replace("\0", "{").replace("\1", "}")


def _escaped(text: str) -> str:
    return re.sub(r"([*_|<>\[\]`\\])", r"\\\1", text)


def with_table(page: str) -> str:
    """Return the page with the checks as they are now. Raises ``ValueError`` where a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{checks()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
