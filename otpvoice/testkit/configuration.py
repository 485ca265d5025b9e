"""Render ``asterisk/*.conf`` for one installation, as an admin does: ``asterisk/render.sh`` has all the rules.

Refuses, with it, names that are missing and values that Asterisk would misread.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Unfit", "defaults", "render", "source_folder"]


class Unfit(ValueError):
    """What keeps the files from being rendered: a sentence a line, and no value in any."""


def source_folder() -> Path:
    """The project's ``asterisk/`` folder, of the checkout that this file is in."""
    return Path(__file__).resolve().parents[2] / "asterisk"


def defaults(folder: Path) -> dict[str, str]:
    """The names that may be used, with their default values: the lines ``NAME=value`` of ``defaults.env``."""
    lines = (folder / "defaults.env").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def render(folder: Path, values: Mapping[str, str]) -> None:
    """Make ``folder``, which is not there yet, with the files that these values give; all others are defaults.

    An empty value counts as not given. ``Unfit`` tells all that is wrong; nothing is made then.
    """
    done = subprocess.run(
        [source_folder() / "render.sh", folder],
        env={"PATH": os.environ.get("PATH", os.defpath), **values},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unfit(done.stderr.strip())
