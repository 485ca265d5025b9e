"""``python -m tests.docs.metric_table``: writes the table of metrics into its page, from the catalogue.

It changes nothing outside of the two markers, and refuses a page without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from otpvoice.metrics.catalogue import CATALOGUE, Label, Measured

PAGE: Final = Path(__file__).parents[2] / "docs" / "metrics.md"
BEGIN: Final = "<!-- table: begin -->\n"
END: Final = "<!-- table: end -->\n"


def table() -> str:
    """Return the table in Markdown: a line for each metric."""
    return "\n".join(["| metric | type | what it tells | labels |", "|---|---|---|---|", *map(_line, CATALOGUE)])


def _line(one: Measured) -> str:
    return f"| `{one.name}` | {one.kind} | {one.says} | {'; '.join(map(_label, one.labels))} |"


def _label(label: Label) -> str:
    says = ", ".join(f"`{value}`" for value in label.values) or label.says
    return f"`{label.name}`: {says}"


def buckets() -> str:
    """Return the buckets of the histograms in Markdown: a line for each."""
    return "\n".join(["| histogram | buckets |", "|---|---|", *_histograms()])


def _histograms() -> Iterator[str]:
    for one in CATALOGUE:
        if one.buckets:
            yield f"| `{one.name}` | {', '.join(f'{bound:.10g}' for bound in one.buckets)} |"


def with_table(page: str) -> str:
    """Return the page with the tables as they are now. Raises ``ValueError`` where a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n\n{buckets()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
