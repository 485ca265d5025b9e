"""What goes into the image: never an Asterisk that is too old."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.asterisk.container import ROOT


def gather(tmp_path: Path, says: str) -> tuple[int, str]:
    """Exit code and complaint, where ``asterisk -V`` says this."""
    program = tmp_path / "asterisk"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    conf = ROOT / "asterisk" / "modules.conf"
    done = subprocess.run(
        ["sh", ROOT / "docker" / "asterisk" / "gather.sh", tmp_path / "out", "22.10.1", conf, "--"],
        env={"PATH": f"{tmp_path}:{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "says",
    ["Asterisk 22.10.0", "Asterisk 22.9.12+dfsg+~cs6", "Asterisk 20.20.1", "Asterisk 9.1", "Asterisk GIT-master", ""],
)
def test_an_asterisk_that_is_too_old_is_refused(says: str, tmp_path: Path) -> None:
    code, complaint = gather(tmp_path, says)
    assert code == 1
    assert "is too old: otpvoice needs 22.10.1 or later" in complaint
    assert "--build-arg BASE=" in complaint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("says", ["Asterisk 22.10.1+dfsg+~cs6.17.60671434-1", "Asterisk 22.11.0", "Asterisk 23.0.0"])
def test_one_that_is_new_enough_is_not(says: str, tmp_path: Path) -> None:
    """It fails later, where there is no such Asterisk installed."""
    assert "too old" not in gather(tmp_path, says)[1]
