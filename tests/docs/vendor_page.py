"""What the pages for who leaves a vendor have in common: tables with a verdict in each row, and files that they show.

It reads pages, and judges nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
VERDICTS: Final = {"works", "differs", "not offered"}


class VendorPage:
    """A page of ``docs/`` and the folder of its examples, by their name."""

    def __init__(self, name: str) -> None:
        self.text = (ROOT / "docs" / f"{name}.md").read_text()
        self.examples = ROOT / "docs" / "examples" / name

    def part(self, heading: str) -> str:
        """Return what stands below a heading, whatever its level, up to the next one."""
        (found,) = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", self.text, re.MULTILINE | re.DOTALL)
        return str(found)

    def rows(self, heading: str | None = None) -> list[list[str]]:
        """Return the cells of all tables (below a heading), without the lines above and below their heads."""
        lines = (self.text if heading is None else self.part(heading)).splitlines()
        tables = [line for line in lines if line.startswith("|")]
        heads = {at for at, line in enumerate(tables) if set(line) <= set("|-")}
        kept = [line for at, line in enumerate(tables) if at not in heads and at + 1 not in heads]
        return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in kept]

    def names(self, heading: str) -> list[str]:
        """Return what is in back quotes in the first cells below a heading."""
        return [name for row in self.rows(heading) for name in re.findall(r"`([^`]+)`", row[0])]

    def judged(self, *headings: str) -> dict[str, str]:
        """Return the verdicts below these headings, by name."""
        rows = [row for heading in headings for row in self.rows(heading) if len(row) > 1 and row[1] in VERDICTS]
        return {name.strip("`"): row[1] for row in rows for name in row[0].split(", ")}

    def shown(self) -> dict[str, str]:
        """Return the files that are shown whole, by path."""
        found = re.findall(r"^```json file=(\S+)\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        return dict(found)

    def commands(self) -> list[str]:
        """Return the commands, each whole."""
        return re.findall(r"^```console\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
