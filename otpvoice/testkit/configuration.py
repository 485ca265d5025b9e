"""Render ``asterisk/*.conf`` for one installation: ``@NAME@`` becomes its value, and nothing else is touched.

Refuses names that ``asterisk/defaults.env`` does not list, and values that Asterisk would read as syntax.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

__all__ = ["defaults", "render", "source_folder"]

_PLACEHOLDER: Final = re.compile(r"@([A-Z][A-Z0-9_]*)@")
_UNFIT: Final = re.compile(r"[;\[\]\x00-\x1f\x7f]|^\s|\s$")


def source_folder() -> Path:
    """The project's ``asterisk/`` folder, of the checkout that this file is in."""
    return Path(__file__).resolve().parents[2] / "asterisk"


def defaults(folder: Path) -> dict[str, str]:
    """The names that may be used, with their default values: the lines ``NAME=value`` of ``defaults.env``."""
    lines = (folder / "defaults.env").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def render(text: str, values: Mapping[str, str]) -> str:
    """``text`` with each placeholder replaced; ``ValueError`` names what is unknown, empty, or unfit to be written."""

    def value_of(placeholder: re.Match[str]) -> str:
        name = placeholder[1]
        if name not in values:
            raise ValueError(f"@{name}@ is not in asterisk/defaults.env")
        value = values[name]
        if not value:
            raise ValueError(f"{name} has no default and must be given")
        if _UNFIT.search(value):
            raise ValueError(f"{name} has a character that Asterisk would read as syntax")
        return value

    return _PLACEHOLDER.sub(value_of, text)
