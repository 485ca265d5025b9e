"""``python -m tests.docs.number_table``: writes the table of test numbers into its page, from the code.

It changes nothing outside of the two markers, and refuses a page without them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from otpvoice.rehearsal.numbers import markdown

PAGE: Final = Path(__file__).parents[2] / "docs" / "testing.md"
BEGIN: Final = "<!-- numbers: begin -->\n"
END: Final = "<!-- numbers: end -->\n"


def with_table(page: str) -> str:
    """Return the page with the table as it is now. Raises ``ValueError`` where a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{markdown()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
