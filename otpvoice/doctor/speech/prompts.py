"""The prompts folder: can the recordings that plans name be played, and may whoever serves read them?"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.recordings.prompts import Prompts
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.doctor.finding import Check, Finding, Status
from otpvoice.media.g711 import Law

PROMPTS = Check("prompts", "Can the recordings in the prompts folder be played?")
UNREADABLE = PROMPTS.fails(
    "unreadable",
    "OTPVOICE_PROMPTS_DIR can't be read: {reason}",
    "Name a folder that the service's user may read (`ls -ld`, `docker compose config`: is it mounted?).",
)
ROOTS_ALONE = PROMPTS.warns(
    "roots_alone",
    "root, who looks here, reads OTPVOICE_PROMPTS_DIR; a service that is not root does not: {path} ({why})",
    "Let others read it (`chmod -R o+rX {folder}`, and o+x for each folder around it); one that the unit hides, move to"
    " /srv/otpvoice/prompts. Only if otpvoice itself runs as root this is nothing.",
)
UNFIT = PROMPTS.warns(
    "unfit",
    "{count} recordings can't be played: {names}",
    "They must be WAV, 16-bit PCM, mono or stereo, at most 10 MB and 300 s, named with letters, digits, - and _:"
    " `sox in.mp3 -r 8000 -c 1 -b 16 name.wav`.",
)
_HIDDEN: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - none of them is used
"""From our systemd unit, by ProtectHome and PrivateTmp (systemd.exec(5))."""
MOST: Final = 200
"""Recordings that are tried."""


async def look(folder: Path, law: Law, *, as_root: bool) -> list[Finding]:
    """Make each recording ready, as a call would. ``as_root``: whether others may read them is looked at, too."""
    try:
        names = await asyncio.to_thread(_recordings, folder)
        kept = await asyncio.to_thread(kept_from_others, folder, names[:MOST]) if as_root else None
    except OSError as error:
        return [UNREADABLE(reason=error.strerror or type(error).__name__)]
    finishing = AtHand()
    prompts = Prompts(folder, room=0, finishing=finishing)
    unfit: dict[str, str] = {}
    try:
        for name in names[:MOST]:
            try:
                await prompts.clip(name, law)
            except SpeechUnavailable as error:
                unfit[name] = error.reason
    finally:
        await finishing.close()
    found = judge(folder, len(names), unfit)
    if kept is None:
        return [found]
    path, why = kept
    warning = ROOTS_ALONE(path=os.fspath(path), why=why, folder=os.fspath(folder))
    return [warning] if found.status is Status.OK else [warning, found]


def _recordings(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.iterdir() if path.suffix == ".wav")


def kept_from_others(folder: Path, names: Sequence[str]) -> tuple[Path, str] | None:
    """Return what of a folder of recordings is root's alone, by mode or by its place, and why; None: nothing is.

    Raises ``OSError``.
    """
    real = folder.resolve()
    for hidden in map(Path, _HIDDEN):
        if real.is_relative_to(hidden):
            return hidden, "the systemd unit hides it: ProtectHome, PrivateTmp"
    needed = [(path, 0o1) for path in reversed(real.parents)] + [(real, 0o5)]
    for path, bits in [*needed, *((real / f"{name}.wav", 0o4) for name in names)]:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & bits != bits:
            return path, f"mode {mode:o}"
    return None


def judge(folder: Path, count: int, unfit: Mapping[str, str]) -> Finding:
    """``unfit``: why, by name."""
    if unfit:
        shown = ", ".join(f"{name} ({reason})" for name, reason in list(unfit.items())[:5])
        return UNFIT(count=len(unfit), names=shown + (", …" if len(unfit) > 5 else ""), folder=os.fspath(folder))
    return PROMPTS.ok(f"{count} recordings in {folder}" + (f", {MOST} of them tried" if count > MOST else ""))
