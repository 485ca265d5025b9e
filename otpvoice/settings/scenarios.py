"""Prepared callflows: a folder of JSON files, each called after its scenario, read once at the start.

That each is an object of JSON is seen here; what it says is for the dialect that has scenarios.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from otpvoice.dialects.problems import ProblemFound
from otpvoice.dialects.reader import LARGEST, read_object
from otpvoice.settings import values

SUFFIX: Final = ".json"
MOST: Final = 1000
"""Scenarios of a folder."""


def scenarios_in(folder: Path) -> Mapping[str, bytes]:
    """Return the text of each scenario by its name, which is the file's without ``.json``.

    Raises ``ValueError`` with the rule that one of them breaks, and which.
    """
    paths = sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))
    if len(paths) > MOST:
        raise ValueError(f"must hold at most {MOST} scenarios")
    return {path.name.removesuffix(SUFFIX): _text(path) for path in paths}


def scenarios_dir(value: Any) -> Path:
    """A folder of scenarios that can be read."""
    folder = values.folder(value)
    scenarios_in(folder)
    return folder


def _text(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
        read_object(text)
    except OSError as error:
        raise ValueError(f"must hold files that can be read: {path.name}: {error.strerror}") from None
    except ProblemFound as found:
        raise ValueError(f"must hold scenarios as JSON: {path.name} {found.problems[0].message}") from None
    return text
