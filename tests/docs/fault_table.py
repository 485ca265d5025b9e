"""``python -m tests.docs.fault_table``: writes the table of faults into its page.

It changes nothing outside of its two markers, and refuses a page without them. What the crash matrix measures stands
between other markers of the same page, and is that run's (``tests/faults/matrix``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.docs.fault_rows import CRASH_TABLE, PROCESSES, Row
from tests.docs.fault_rows_parts import PARTS

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "faults.md"
BEGIN: Final = "<!-- faults: begin -->\n"
END: Final = "<!-- faults: end -->\n"


ROWS: Final = (*PROCESSES, *PARTS)


def table() -> str:
    """Return the table in Markdown: a line for each fault."""
    head = ["| | what happens | what is promised | by what | shown by |", "|---|---|---|---|---|"]
    return "\n".join([*head, *map(_line, ROWS)])


def _line(row: Row) -> str:
    files = dict.fromkeys(one.partition("::")[0] for one in row.shown)
    shown = "<br>".join("[crash table](#the-crash-table)" if name == CRASH_TABLE else _link(name) for name in files)
    return f"| F{row.number} | {row.fault} | {row.promised} | {row.by} | {shown} |"


def _link(name: str) -> str:
    return f"[{name.removesuffix('.py')}](../tests/{name})"


def with_table(page: str) -> str:
    """Return the page with the table as it is now. Raises ``ValueError`` where a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
