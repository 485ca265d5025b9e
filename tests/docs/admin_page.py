"""The administrator's page, in pieces: its blocks by what they open with, its sections by their heading."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = (ROOT / "docs" / "admin.md").read_text()


def block(opening: str) -> str:
    """Return the one fenced block that opens with exactly this."""
    (found,) = blocks(opening)
    return found


def blocks(opening: str) -> list[str]:
    """Return the fenced blocks that open with exactly this."""
    return re.findall(rf"^```{re.escape(opening)}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Return every line that somebody is to type."""
    shells = re.findall(r"^```console.*?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return [line for shell in shells for line in shell.splitlines()]


def part(heading: str) -> str:
    """Return what stands below a heading, up to the next one of its rank; below the title, up to the first."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, heading
    return re.split(rf"^#{{2,{max(2, len(found[1]))}}} ", found[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its first two lines."""
    table = re.search(r"^\|.*?(?=\n\n|\Z)", part(heading), re.MULTILINE | re.DOTALL)
    assert table, heading
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in table[0].splitlines()[2:]]
