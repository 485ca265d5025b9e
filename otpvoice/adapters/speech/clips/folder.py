"""The folder of clips as one thread sees it: read, write, and keep it small. Other processes may use it, too.

Everything here blocks: ``files`` calls it from threads. A file is whole or not there: it is written beside its
place and renamed. Nothing is synced to the disk; what a power cut tears is found by its digest. The least recently used
go first, by the time of the file, which a read renews once an hour at most. Files of other names are left alone.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from otpvoice.adapters.speech.clips.record import SMALLEST, NotAClip, from_record, to_record
from otpvoice.media.clip import Clip

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a file: twenty minutes of sound."""
STEP: Final = 3600.0
"""Seconds: how exactly it is known when a clip was last used."""
YOUNG: Final = 60.0
"""Seconds in which a writer has surely said that it writes."""
_BLOCK: Final = 4096
_NAME: Final = re.compile(r"[0-9a-f]{64}\.clip", re.ASCII)
_UNFINISHED: Final = re.compile(r"\.[0-9a-f]{32}\.part", re.ASCII)


class ClipFolder:
    """At most ``most`` bytes, however two processes take turns: each counts what it adds, and looks again at a tenth.

    So one process alone keeps it between eight and nine tenths. With more than two, each may be a tenth too much.
    ``removed``: how many clips went to make room. ``now``: seconds since 1970; it may jump.
    """

    def __init__(self, folder: Path, most: int, *, now: Callable[[], float] = time.time) -> None:
        self.path: Final = folder
        self._most = most
        self._now = now
        self._added = 0
        self.used = 0
        self.removed = 0

    def read(self, address: str) -> Clip | None:
        """Return a clip; None: there is none. Raises ``NotAClip`` once it is removed; ``OSError`` as the disk does."""
        path = self._place(address)
        try:
            # Not blocking: a named pipe would else be waited for. What a link leads to was not written by us.
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            if _is_ours(path):
                raise
            _remove(path)
            raise NotAClip("no file") from None
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or not SMALLEST <= status.st_size <= LARGEST:
                raise NotAClip("no file, or none of this size")
            clip = from_record(address, _whole(file, status.st_size))
            if abs(self._now() - status.st_mtime) > STEP:
                with suppress(OSError):
                    os.utime(file)
        except NotAClip:
            _remove(path)
            raise
        finally:
            os.close(file)
        return clip

    def write(self, address: str, clip: Clip) -> bool:
        """Keep a clip; False: it is too large, or its place is taken by what can't be moved. Raises ``OSError``."""
        record = to_record(address, clip)
        size = _blocks(len(record))
        if len(record) > LARGEST or size > self._most // 10:
            return False
        if self._added + size > self._most // 10 or self.used + size > self._most * 9 // 10:
            self.tidy()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.path / f".{secrets.token_hex(16)}.part"
        file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                # Says that somebody is writing; whoever dies lets go of it. Not on every kind of disk.
                with suppress(OSError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _write_whole(file, record)
                if not _rename(unfinished, self._place(address)):
                    return False
            finally:
                os.close(file)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        self._added += size
        self.used += size
        return True

    def tidy(self) -> None:
        """Look at all there is, once; remove what was begun by the dead, and the oldest where there is too much.

        Raises ``OSError`` where the folder can't be read, or where too much is left: nothing may be added to it then.
        """
        try:
            ours = list(self._look())
        except (FileNotFoundError, NotADirectoryError):
            ours = []
        self._added, self.used = 0, sum(size for *_, size in ours)
        if self.used <= self._most * 9 // 10:
            return
        refused: OSError | None = None
        for *_, name, size in sorted(ours):
            if self.used <= self._most * 8 // 10:
                return
            try:
                (self.path / name).unlink(missing_ok=True)  # the other process may have been faster
            except OSError as error:
                refused = error
                continue
            self.used -= size
            self.removed += 1
        if refused is not None and self.used > self._most * 9 // 10:
            raise refused

    def _look(self) -> Iterator[tuple[bool, float, str, int]]:
        """Yield a key for each clip, by which the least recently used are first, its name and the room it takes.

        A time that is yet to come is of a clock that was wrong: such a clip counts as old, until it is used.
        """
        soon = self._now() + STEP
        with os.scandir(self.path) as entries:
            for entry in entries:
                if _UNFINISHED.fullmatch(entry.name):
                    _remove_abandoned(self.path / entry.name, self._now())
                elif _NAME.fullmatch(entry.name):
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if status.st_size > LARGEST:
                        _remove(self.path / entry.name)  # or the clips would have to make room for it
                    elif stat.S_ISREG(status.st_mode):
                        yield status.st_mtime <= soon, status.st_mtime, entry.name, _blocks(status.st_size)

    def _place(self, address: str) -> Path:
        return self.path / f"{address}.clip"


def _whole(file: int, size: int) -> bytes:
    """Read a byte more than there should be, at most: one that grows is none of ours."""
    parts, left = [], size + 1
    while left and (part := os.read(file, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _write_whole(file: int, record: bytes) -> None:
    view = memoryview(record)
    while view:
        view = view[os.write(file, view) :]


def _rename(unfinished: Path, place: Path) -> bool:
    """Put a file into its place. False: there is a folder with something in it, or the file has been taken away."""
    with suppress(FileNotFoundError):
        try:
            unfinished.replace(place)
        except IsADirectoryError:
            if not _remove(place):
                return False
            unfinished.replace(place)
        return True
    return False


def _blocks(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _is_ours(path: Path) -> bool:
    """Is it a file at least? A link, a socket or the like is not."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return True


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except IsADirectoryError:
        try:
            path.rmdir()
        except OSError:
            return False  # something is in it
    except OSError:
        return False
    return True


def _remove_abandoned(path: Path, now: float) -> None:
    """Remove what nobody writes any more. A young one is left alone: its writer may not have said so yet."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if abs(now - os.fstat(file).st_mtime) > YOUNG:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
    except OSError:
        pass  # somebody is writing it
    finally:
        os.close(file)
