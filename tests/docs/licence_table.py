"""``python -m tests.docs.licence_table``: writes the licences of what otpvoice needs at run time into their page.

Which packages, in which version and for whom, is ``requirements/runtime.txt``, and for the extra ``gtts`` what
``requirements/dev.txt`` has besides; each one's licence is what its own metadata say, as an SPDX expression. Metadata
that say nothing, or two things, are refused unless ``KNOWN`` decides. What only another system needs (Windows) is left
out; what only another Python needs is in ``KNOWN``, so that each Python writes the same page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final, cast

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements" / "runtime.txt"
LOCK_OF_EXTRAS: Final = ROOT / "requirements" / "dev.txt"
EXTRA: Final = "gtts"
PAGE: Final = ROOT / "docs" / "licences.md"
BEGIN: Final = "<!-- packages: begin -->\n"
END: Final = "<!-- packages: end -->\n"
BEGIN_EXTRA: Final = f"<!-- {EXTRA}: begin -->\n"
END_EXTRA: Final = f"<!-- {EXTRA}: end -->\n"

KNOWN: Final = {
    # Python before 3.11.3 alone.
    "async-timeout": "Apache-2.0",
    # Its metadata say BSD; LICENSE.txt has three clauses.
    "click": "BSD-3-Clause",
    # One release for Python 3.11, one for what is newer; both say this.
    "numpy": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
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


def of_the_extra(runtime: str, everything: str) -> list[Package]:
    """Return what the extra needs and the program itself does not, by the lock files of both."""
    known = {package.name for package in packages(runtime)}
    locked = packages(everything)
    wanted = {EXTRA}
    while more := {one.name for one in locked if wanted.intersection(one.needed_by)} - wanted:
        wanted |= more
    found = [package for package in locked if package.name in wanted - known]
    for package in found:
        # Who else needs it there is none of the page's business.
        package.needed_by = [name for name in package.needed_by if name in wanted | {"otpvoice"}]
    return found


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


def table(listed: Iterable[Package]) -> str:
    """Return the table of packages."""
    return "\n".join(["| package | version | licence | needed by |", "|---|---|---|---|", *_rows(listed)])


def _rows(listed: Iterable[Package]) -> Iterator[str]:
    for package in listed:
        try:
            # The protocol that it is typed as has no get() before Python 3.12.
            told = cast("Message", metadata(package.name))
        except PackageNotFoundError:
            told = None
        only = f" (where {package.marker})" if package.marker else ""
        named = licence(package.name, told)
        yield f"| {package.name}{only} | {package.version} | {named} | {', '.join(package.needed_by)} |"


def with_table(page: str) -> str:
    """Return the page with its tables as they are now. Raises ``ValueError`` where a marker is missing."""
    runtime = LOCK.read_text()
    extra = of_the_extra(runtime, LOCK_OF_EXTRAS.read_text())
    for listed, begin, end in ((packages(runtime), BEGIN, END), (extra, BEGIN_EXTRA, END_EXTRA)):
        before, rest = page.split(begin)
        _, after = rest.split(end)
        page = f"{before}{begin}\n{table(listed)}\n\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
