"""Find the programs that the rig runs: those of the machine, else those that ``make rig`` unpacked.

Refuses to install anything, and to take an Asterisk that is too old.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

__all__ = ["ASTERISK_LEAST", "NotInstalled", "find", "rig_folder", "unpacked"]

# Before it, ARI users could write files (GHSA-vrfp-mg3q-3959), and originate could deadlock.
ASTERISK_LEAST: Final = (22, 10, 1)


class NotInstalled(RuntimeError):
    """A program is neither on the machine nor unpacked."""


def rig_folder() -> Path:
    """Where ``tests/rig/setup.sh`` keeps what it unpacked; the same rule as there."""
    if folder := os.environ.get("OTPVOICE_RIG"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "otpvoice"


def unpacked(name: str) -> Path:
    """The root folder of an unpacked package: ``asterisk``, ``redis``, ``espeak``, ``sipp``, ``baresip``.

    For what lies beside a program, such as baresip's modules or SIPp's recordings of keys. Raises ``NotInstalled`` when
    the machine's own package is in use: then ask for it below ``/``.
    """
    root = rig_folder() / "roots" / name
    if not root.exists():
        raise NotInstalled(f"{name} is not unpacked in {rig_folder()}: run `make rig`")
    return root


def find(program: str) -> Path:
    """The path of ``program``; ``OTPVOICE_ASTERISK`` names an Asterisk outright.

    Raises ``NotInstalled``, saying what to do.
    """
    if program == "asterisk" and (given := os.environ.get("OTPVOICE_ASTERISK")):
        return Path(given)
    if os.environ.get("OTPVOICE_RIG_PRIVATE") != "1":
        # Debian keeps servers in /usr/sbin, which is not on a user's PATH.
        path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/local/sbin{os.pathsep}/usr/sbin"
        installed = shutil.which(program, path=path)
        if installed and (program != "asterisk" or asterisk_version(Path(installed)) >= ASTERISK_LEAST):
            return Path(installed)
    wrapper = rig_folder() / "bin" / program
    if os.access(wrapper, os.X_OK):
        return wrapper
    raise NotInstalled(f"{program} is neither installed nor in {rig_folder()}: run `make rig`")


def asterisk_version(program: Path) -> tuple[int, ...]:
    """``(22, 10, 1)`` of ``Asterisk 22.10.1…``; ``()`` when it does not say."""
    said = subprocess.run([program, "-V"], capture_output=True, text=True, check=False, timeout=10).stdout
    version = re.match(r"Asterisk (\d+(?:\.\d+)*)", said)
    return tuple(int(part) for part in version[1].split(".")) if version else ()
