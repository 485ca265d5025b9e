"""``python -m tests.docs.word_table``: writes the words that ``POST /v2/voice`` answers into their page, from the code.

It changes nothing outside of the two markers, and refuses a page without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from otpvoice.dialects.jsonrpc.words import ACCEPTED, WORDS

PAGE: Final = Path(__file__).parents[2] / "docs" / "telesign.md"
BEGIN: Final = "<!-- codes: begin -->\n"
END: Final = "<!-- codes: end -->\n"
NEVER: Final = "to_number_blocked_by_telesign"
"""A word of theirs that is none of ours."""


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield word, HTTP status, code of JSON-RPC, whose it is, and what it means."""
    yield ACCEPTED, "202", "", "theirs", "the call was taken; whether somebody answers is told by `dial_completed`"
    for word, meant in WORDS.items():
        yield word, str(meant.status), str(meant.code), "theirs" if meant.theirs else "", meant.meaning
    yield NEVER, "", "", "theirs", "never answered: nobody blocks a number for all"


def table() -> str:
    """Return it as Markdown."""
    lines = [f"| `{word}` | {' | '.join(cells)} |" for word, *cells in rows()]
    return "\n".join(["| `status` | HTTP | `error.code` | | by what |", "|---|---|---|---|---|", *lines])


def with_table(page: str) -> str:
    """Return the page with the table as it is now. Raises ``ValueError`` where a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
