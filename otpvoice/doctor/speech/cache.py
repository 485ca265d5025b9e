"""The folder in which speech is kept from one start to the next: can it be written, and is there room?

Nothing is written to find out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otpvoice.doctor.finding import Check, Finding
from otpvoice.doctor.sizes import size
from otpvoice.settings.voices import why_not_written

CACHE = Check("voice.cache", "Can speech be kept from one start to the next?")
NOT_WRITTEN = CACHE.warns(
    "not_written",
    "nothing is kept in OTPVOICE_SPEECH_CACHE: {reason}",
    "Give it to the service's user: `install -d -o otpvoice -m 700 {folder}` (in our unit CacheDirectory= does it, in"
    " compose a volume). Calls are made as ever; after a start all speech is made again.",
)
ROOTS_ALONE = CACHE.warns(
    "roots_alone",
    "root, who looks here, may write OTPVOICE_SPEECH_CACHE; a service that is not root may not: {path} is root's",
    "Give it to the service's user: `install -d -o otpvoice -m 700 {folder}`. Only if otpvoice itself runs as root this"
    " is nothing.",
)
CLOSE = CACHE.warns(
    "close",
    "OTPVOICE_SPEECH_CACHE may become {most}, has {used}, and its disk has {free} free ({folder})",
    "Make room, move it, or let it become less: OTPVOICE_SPEECH_CACHE_SIZE. When the disk is full nothing more is kept,"
    " and whoever shares the disk has none either.",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """``reason``: why nothing can be written; "": it can. ``roots``: what of it is root's alone. In bytes."""

    folder: str
    most: int
    reason: str = ""
    roots: str = ""
    files: int = 0
    used: int = 0
    free: int | None = None


def look(folder: Path | None, most: int, *, as_root: bool) -> list[Finding]:
    """``most``: what it may become, in bytes. ``as_root``: root looks, and perhaps somebody else serves."""
    if folder is None:
        return [CACHE.ok("no folder is set: speech is kept in memory, and made again after a start")]
    reason = why_not_written(folder)
    if reason is not None:
        return [judge(Kept(os.fspath(folder), most, reason))]
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    sizes = list(_sizes(folder))
    free = shutil.disk_usage(nearest).free
    roots = os.fspath(nearest) if as_root and _is_roots(nearest) else ""
    return [judge(Kept(os.fspath(folder), most, "", roots, len(sizes), sum(sizes), free))]


def judge(seen: Kept) -> Finding:
    """Say what keeps it from being kept."""
    if seen.reason:
        return NOT_WRITTEN(reason=seen.reason, folder=seen.folder)
    if seen.roots:
        return ROOTS_ALONE(path=seen.roots, folder=seen.folder)
    if seen.free is not None and seen.free < seen.most - seen.used + _MARGIN:
        return CLOSE(folder=seen.folder, most=size(seen.most), used=size(seen.used), free=size(seen.free))
    return CACHE.ok(
        f"{size(seen.used)} of {size(seen.most)} in {seen.files} files ({seen.folder})",
        used=seen.used,
        most=seen.most,
        free=seen.free,
    )


_MARGIN: Final = 100_000_000
"""Bytes that others need."""


def _sizes(folder: Path) -> Iterator[int]:
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                yield os.lstat(os.path.join(where, name)).st_size
            except OSError:
                continue  # it went meanwhile


def _is_roots(path: Path) -> bool:
    found = path.stat()
    return found.st_uid == 0 and not found.st_mode & 0o002
