"""``python -m tests.docs.licence_table``: writes the licences of what otpvoice needs at run time into their page.

Which packages, in which version and for whom, is ``requirements/runtime.txt``; each one's licence is what its own
metadata say, as an SPDX expression. Metadata that say nothing, or two things, are refused unless ``KNOWN`` decides.
What only another system needs (Windows) is left out; what only another Python needs is in ``KNOWN``, so that each
Python writes the same page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final, cast

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements" / "runtime.txt"
PAGE: Final = ROOT / "docs" / "licences.md"
BEGIN: Final = "<!-- packages: begin -->\n"
END: Final = "<!-- packages: end -->\n"

KNOWN: Final = {
    # Python before 3.11.3 alone.
    "async-timeout": "Apache-2.0",
    # LICENSE-APACHE and LICENSE-MIT are beside each other; its field names one of them, its classifiers both.
    "uvloop": "MIT OR Apache-2.0",
}
_WRITTEN: Final = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "ISC License": "ISC",
    "MIT License": "MIT",
}
_CLASSIFIERS: Final = {
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_SPDX: Final = re.compile(r"\(*[A-Za-z0-9.+-]+\)*( (AND|OR|WITH) \(*[A-Za-z0-9.+-]+\)*)*", re.ASCII)
_ELSEWHERE: Final = "sys_platform == 'win32'"


@dataclass(slots=True)
class Package:
    """``needed_by``: other packages; our own name where we need it ourselves."""

    name: str
    version: str
    marker: str = ""
    needed_by: list[str] = field(default_factory=list)


def packages(lock: str) -> list[Package]:
    """Return what a lock file has, in its order, but for what is not for Linux."""
    found: list[Package] = []
    for line in lock.splitlines():
        if pinned := re.match(r"([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^ \\]+)(?: ; ([^\\]+?))? *\\?$", line):
            found.append(Package(pinned[1], pinned[2], pinned[3] or ""))
        elif told := re.fullmatch(r" +# +(?:via *)?(.*)", line):
            name = re.sub(r"\[.*?\]| \(pyproject\.toml\)", "", told[1]).strip()
            found[-1].needed_by += [name] if name else []
    return [package for package in found if package.marker != _ELSEWHERE]


def licence(name: str, told: Message | None) -> str:
    """Return the licence of a package by its metadata. Raises ``ValueError`` where nothing decides."""
    if name in KNOWN:
        return KNOWN[name]
    if told is None:
        raise ValueError(f"{name} is not installed, and not in KNOWN")
    expression = told.get("License-Expression")
    if expression:
        return _spdx(name, str(expression))
    classifiers = {
        _CLASSIFIERS.get(last := str(line).rpartition(" :: ")[2], last)
        for line in told.get_all("Classifier") or ()
        if str(line).startswith("License :: ") and " :: " in str(line)[len("License :: ") :]
    }
    if len(classifiers) > 1:
        raise ValueError(f"{name} has several licences and does not say how: {sorted(classifiers)}")
    written = str(told.get("License") or "")
    return _spdx(name, *classifiers) if classifiers else _spdx(name, _WRITTEN.get(written, written))


def _spdx(name: str, expression: str) -> str:
    if not _SPDX.fullmatch(expression):
        raise ValueError(f"{name}: no SPDX expression: {expression[:60]!r}")
    return expression


def table() -> str:
    """Return the table of packages."""
    return "\n".join(["| package | version | licence | needed by |", "|---|---|---|---|", *_rows()])


def _rows() -> Iterator[str]:
    for package in packages(LOCK.read_text()):
        try:
            # The protocol that it is typed as has no get() before Python 3.12.
            told = cast("Message", metadata(package.name))
        except PackageNotFoundError:
            told = None
        only = f" (where {package.marker})" if package.marker else ""
        named = licence(package.name, told)
        yield f"| {package.name}{only} | {package.version} | {named} | {', '.join(package.needed_by)} |"


def with_table(page: str) -> str:
    """Return the page with the table as it is now. Raises ``ValueError`` where a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
