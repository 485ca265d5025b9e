"""What the image is made of, without an image: its scripts in their places, and an ``asterisk`` that they start."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("entrypoint.sh", "healthy.sh", "container.env")
# Root, who reads whatever he likes, is no more than the files' owner without these (capabilities(7)).
_WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--") if os.geteuid() == 0 else ()
# What it was told, and what its environment was; then it is over.
STUB = """#!/bin/sh
printf '%s\\n' "$@" >'{told}/arguments'
env >'{told}/environment'
"""


@dataclass(frozen=True, slots=True)
class Container:
    """Folders that stand for a container's: ``own`` for /etc/asterisk, ``bin`` on its PATH."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, asterisk: str | None = None) -> Container:
        """``asterisk``: the text of the program; by default one that writes down what it was told."""
        container = cls(folder)
        for made in (container.share, container.own, container.bin, folder / "told"):
            made.mkdir(parents=True)
        for name in SCRIPTS:
            (container.share / name).symlink_to(ROOT / "docker" / "asterisk" / name)
        for name in ("asterisk", "dialplan"):
            (container.share / name).symlink_to(ROOT / name)
        program = container.bin / "asterisk"
        program.write_text(asterisk or STUB.format(told=folder / "told"))
        program.chmod(0o755)
        return container

    @property
    def share(self) -> Path:
        return self.folder / "share"

    @property
    def own(self) -> Path:
        return self.folder / "own"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def etc(self) -> Path:
        """The configuration that was rendered."""
        return self.run / "etc"

    @property
    def arguments(self) -> list[str]:
        """What the stub was told."""
        return (self.folder / "told" / "arguments").read_text().splitlines()

    @property
    def asterisks_environment(self) -> str:
        return (self.folder / "told" / "environment").read_text()

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The environment of a container with these variables, but for its folders."""
        folders = {"ETC": "etc", "RUN": "", "DB": "db", "KEY": "", "CACHE": "cache", "SPOOL": "spool", "LOG": "log"}
        return {
            "PATH": f"{self.bin}:{os.defpath}",
            "OWN_CONFIG_DIR": str(self.own),
            **{f"AST_{name}_DIR": str(self.run / folder) for name, folder in folders.items()},
            **given,
        }

    def start(self, given: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
        """Run the entrypoint to its end, as somebody to whom a file's mode matters."""
        return subprocess.run(
            [*_WITHOUT_PRIVILEGES, self.share / "entrypoint.sh", *command],
            env=self.environment(given),
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
