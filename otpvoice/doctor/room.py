"""Room: on the disks that can be seen from here, and for open files."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otpvoice.doctor.asking import Answered, ask, new_http
from otpvoice.doctor.finding import Check, Finding
from otpvoice.doctor.sizes import size

DISK = Check("disk", "Is there room on the disks that can be seen from here?")
FULL = DISK.fails(
    "full",
    "{what} has {free} free of {total} ({path})",
    "Make room, or move it: df -h {path}, du -xh {path} | sort -h | tail. A Redis that can't write refuses all calls.",
)
FILLING = DISK.warns(
    "filling",
    "{what} has {free} free of {total} ({path})",
    "Make room before it is full: df -h {path}, du -xh {path} | sort -h | tail. Are logs rotated?",
)
FULL_BELOW: Final = 100e6
FILLING_BELOW: Final = 1e9
"""Bytes."""

LIMITS = Check("limits", "May otpvoice and Asterisk open as many files as their calls need?")
FEW = LIMITS.warns(
    "few",
    "otpvoice may open {limit} files, and with OTPVOICE_MEDIA_LEGS=…:{legs} it may need {needed}",
    "LimitNOFILE=65536 in its systemd unit, ulimits: nofile in compose; then restart it. Or lower the maximum of"
    " OTPVOICE_MEDIA_LEGS.",
)
UNSEEN = LIMITS.unsure(
    "unseen",
    "how many files otpvoice may open can't be seen from here: with OTPVOICE_MEDIA_LEGS=…:{legs} it may need {needed},"
    " and in this shell it would have {limit}",
    "Where it runs: grep 'open files' /proc/<its process>/limits. systemd: LimitNOFILE=65536 in its unit (ours has it);"
    " compose: ulimits: nofile; in a shell: ulimit -n 65536 before otpvoice serve.",
)
ASTERISK_FEW = LIMITS.warns(
    "asterisk_few",
    "Asterisk may open {limit} files, and {legs} calls need {needed}",
    "maxfiles = 65536 in asterisk.conf [options], LimitNOFILE in its systemd unit (ulimits in compose); restart it.",
)
OF_A_CALL: Final = 3
"""Sockets of ours for a call: its media leg, a stream, a webhook."""
BESIDES: Final = 256
"""REST, Redis, applications that ask, the events socket, files."""
OF_A_CALL_IN_ASTERISK: Final = 10
"""SIP channel, RTP and RTCP, media leg, alert pipes, timers (asterisk/asterisk.conf)."""


@dataclass(frozen=True, slots=True)
class Disk:
    """``what`` lies there, for people; in bytes."""

    what: str
    path: str
    free: int
    total: int


def disks(folders: Mapping[str, str]) -> list[Disk]:
    """Look at the file systems on which these folders are, by what lies there; each once, and those that there are."""
    seen: dict[int, Disk] = {}
    for what, path in folders.items():
        try:
            usage, device = shutil.disk_usage(path), os.stat(path).st_dev
        except OSError:
            continue  # not on this machine, or not for us to see
        seen.setdefault(device, Disk(what, path, usage.free, usage.total))
    return list(seen.values())


def own_folders() -> dict[str, str]:
    """Return the folders of this process that are written to."""
    # Not tempfile.gettempdir(): it tries folders by writing into them, and we change nothing.
    folders = {"the temporary folder": os.environ.get("TMPDIR") or "/tmp"}  # noqa: S108
    with contextlib.suppress(OSError):  # it may be deleted, and we still in it
        folders["the working directory"] = str(Path.cwd())
    return folders


def judge(seen: Iterable[Disk]) -> list[Finding]:
    """Say which are full. A small file system (a tmpfs) is full when hardly anything of it is left."""
    known = list(seen)
    found: list[Finding] = []
    for disk in known:
        facts = {"what": disk.what, "path": disk.path, "free": size(disk.free), "total": size(disk.total)}
        if disk.free < min(FULL_BELOW, disk.total / 20):
            found.append(FULL(**facts))
        elif disk.free < min(FILLING_BELOW, disk.total / 5):
            found.append(FILLING(**facts))
    if found or not known:
        return found or [DISK.skipped("no file system can be seen from here")]
    said = ", ".join(f"{size(disk.free)} free for {disk.what}" for disk in known)
    return [DISK.ok(said, **{disk.path: disk.free for disk in known})]


def own_limit() -> int:
    """Return how many files a process started here may open; a huge number where there is no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1_000_000


async def metrics_of(url: str) -> bytes:
    """Return what the otpvoice at ``url`` says at ``/metrics``; nothing: it does not say."""
    async with new_http() as http:
        answer = await ask(http, f"{url.rstrip('/')}/metrics")
    return answer.body if isinstance(answer, Answered) and answer.status == 200 else b""


def limit_in(metrics: bytes) -> int | None:
    """Return what ``process_max_fds`` says there."""
    found = re.search(rb"^process_max_fds ([0-9.e+]+)$", metrics, re.MULTILINE)
    with contextlib.suppress(ValueError, OverflowError):
        return int(float(found[1])) if found is not None else None
    return None


def judge_limits(own: int, legs: int, asterisk: int | None, *, service: int | None = None) -> list[Finding]:
    """``legs``: the maximum. ``service``: what otpvoice may open; None: nobody knows, and ``own`` is this process's.

    ``asterisk``: what ``maxfiles`` sets; None: nothing, or nobody knows.
    """
    found: list[Finding] = []
    needed = OF_A_CALL * legs + BESIDES
    if (own if service is None else service) < needed:
        found.append((FEW if service is not None else UNSEEN)(limit=service or own, legs=legs, needed=needed))
    if asterisk is not None and asterisk < OF_A_CALL_IN_ASTERISK * legs:
        found.append(ASTERISK_FEW(limit=asterisk, legs=legs, needed=OF_A_CALL_IN_ASTERISK * legs))
    where = f"{own} open files here" if service is None else f"otpvoice may open {service} files"
    said = f"{where}; {needed} may be needed"
    return found or [LIMITS.ok(said, here=own, service=service, asterisk=asterisk)]
