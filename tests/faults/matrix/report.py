"""The crash table: written into ``docs/faults.md`` by the run that has seen it, and read back by a test.

Nothing but what lies between its two marks is touched.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from otpvoice.testkit.programs import asterisk_version, find
from tests.faults.matrix.driver import Row
from tests.faults.matrix.points import Fault, stories

PAGE: Final = Path(__file__).parents[3] / "docs" / "faults.md"
BEGIN: Final = "<!-- crash table: begin -->"
END: Final = "<!-- crash table: end -->"
BROKEN: Final = "broken"
_HEAD: Final = "| point | promised | seen | summary | clean | ready | |\n|---|---|---|---|---|---|---|\n"
_ROW: Final = re.compile(r"\| ([^|]+) \| ([^|]+) \| ([^|]+) \|[^|]*\|[^|]*\|[^|]*\| (\S+) \|")


def line(row: Row) -> str:
    """Return a row for a terminal."""
    times = "  ".join(f"{name} {_seconds(value):>6}" for name, value in _times(row).items())
    return f"{'kept  ' if row.kept else 'BROKEN'} {row.point.name:<40} {row.seen:<34} {times}"


def write(rows: Iterable[Row]) -> None:
    """Write the table into the page, which is made where there is none."""
    page = PAGE.read_text() if PAGE.exists() else f"# Faults\n\n{BEGIN}\n{END}\n"
    if BEGIN not in page:
        page += f"\n## The crash table\n\n{BEGIN}\n{END}\n"
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(list(rows))}\n{END}{after}")


def table(rows: list[Row]) -> str:
    """Return all tables, one for each fault, in the order of the points."""
    text = f"Seen on {datetime.now(UTC):%Y-%m-%d} with {_parts()}; times are seconds from the fault on.\n"
    for fault in Fault:
        told = {row.point.name: row for row in rows if row.fault is fault}
        if not told:
            continue
        ordered = [told[point.name] for point in stories(fault) if point.name in told]
        text += f"\n### {fault[0].upper()}{fault[1:]}\n\n{_sums(ordered)}\n\n{_HEAD}"
        text += "".join(_row(row) for row in ordered)
    return text


def read(page: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Return promise and verdict by point and fault, as the page has them."""
    found, fault = {}, ""
    for text in page.partition(BEGIN)[2].partition(END)[0].splitlines():
        if text.startswith("### "):
            fault = text.removeprefix("### ").lower()
        elif (match := _ROW.match(text)) is not None and match[1] != "point":
            found[match[1], fault] = (match[2], match[4])
    return found


def _row(row: Row) -> str:
    times = " | ".join(_seconds(value) for value in _times(row).values())
    seen = f"{row.seen}; its key stays claimed for 60 s" if row.claim_stayed else row.seen
    return f"| {row.point.name} | {row.promised} | {seen} | {times} | {'kept' if row.kept else BROKEN} |\n"


def _times(row: Row) -> dict[str, float | None]:
    return {"summary": row.to_summary, "clean": row.to_clean, "ready": row.to_ready}


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _sums(rows: list[Row]) -> str:
    def most(values: list[float | None]) -> str:
        known = [value for value in values if value is not None]
        return f"{median(known):.1f} s in the middle, {max(known):.1f} s at most" if known else "none"

    kept = sum(row.kept for row in rows)
    return (
        f"{kept} of {len(rows)} promises were kept. To the summary: {most([row.to_summary for row in rows])}; "
        f"until nothing was left: {most([row.to_clean for row in rows])}; "
        f"until it was ready again: {most([row.to_ready for row in rows])}."
    )


def _parts() -> str:
    asterisk = ".".join(map(str, asterisk_version(find("asterisk"))))
    return (
        f"otpvoice {version('otpvoice')}, Asterisk {asterisk}, Python {platform.python_version()}, "
        f"on {os.cpu_count()} cores with everything on them"
    )
