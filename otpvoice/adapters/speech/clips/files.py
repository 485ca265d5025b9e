"""Clips that outlive the process: on a disk, which may be full, slow, broken or gone, and keeps no call waiting.

Whatever the disk does, a clip that can't be had is made anew, and one that can't be kept is not. Only the renderer
decides what may lie here; an address is a hash, and there is sound in the files alone.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import structlog

from otpvoice.adapters.speech.clips.folder import ClipFolder
from otpvoice.adapters.speech.clips.record import NotAClip, is_address
from otpvoice.media.clip import Clip

READERS: Final = 4
PATIENCE: Final = 1.0
"""Seconds that somebody waits for a disk: an engine is faster than that."""
PAUSE: Final = 60.0
"""Seconds without a try to write, after one that failed."""
ROOM: Final = 64 * 1024 * 1024
"""Bytes of clips that wait to be written; what is beyond is not kept."""
LAST_WRITES: Final = 2.0
"""Seconds that the end waits for them."""

log = structlog.get_logger(__name__)

T = TypeVar("T")


class ClipFiles:
    """A folder of clips, at most ``most`` bytes of it. ``get`` and ``put`` belong to one event loop.

    Starting costs nothing: the folder is looked at in a thread, at the first clip. ``folder`` is made where it is not
    there, for our user alone.
    """

    def __init__(
        self,
        folder: Path,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        patience: float = PATIENCE,
    ) -> None:
        self._folder = ClipFolder(folder, most, now=now)
        self._clock = clock
        self._patience = patience
        self._readers = ThreadPoolExecutor(READERS, "clip-reader")
        self._writer = ThreadPoolExecutor(1, "clip-writer")
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._waiting: dict[str, Clip] = {}
        self._waiting_bytes = 0
        self._late = 0
        self._silent_until: float | None = None
        self._said: set[str] = set()
        self._looked = self._closed = False

    @property
    def size(self) -> int:
        """Bytes in the folder, as far as is known; 0 before it was looked at."""
        return self._folder.used

    @property
    def counts(self) -> Mapping[str, int]:
        """How often what happened, since the start.

        ``found``, ``missing``, ``damaged`` (no clip any more: removed), ``unreadable``, ``late`` (the disk took too
        long); ``written``, ``refused`` (by the disk, or while it is let alone), ``not_kept`` (too large, too many
        waiting, or something of another's in its place), ``removed`` (to make room).
        """
        with self._lock:
            return {**self._counts, "removed": self._folder.removed}

    async def get(self, address: str) -> Clip | None:
        """Return a clip, or None within ``patience``. ``address``: a SHA-256, 64 small hexadecimal digits."""
        _check(address)
        self._begin()
        if (waiting := self._waiting.get(address)) is not None:
            self._count("found")
            return waiting
        if self._closed:
            return None
        if self._late:  # somebody has waited in vain, and the disk has not answered yet
            self._count("late")
            return None
        reading = self._readers.submit(self._read, address)
        awaited = asyncio.wrap_future(reading)
        try:
            done, _ = await asyncio.wait({awaited}, timeout=self._patience)
        finally:
            # Also when the call is over before the disk has answered. Older Pythons would tell it to a loop that may be
            # closed by then.
            awaited.cancel()
            if not reading.cancel() and not reading.done():
                self._wait_no_longer(reading)
        if done:
            return reading.result()
        self._count("late")
        return None

    async def put(self, address: str, clip: Clip) -> None:
        """Keep a clip, soon: nobody waits for the disk. ``get`` has it at once."""
        _check(address)
        self._begin()
        size = len(clip.master) + len(clip.telephone)
        with self._lock:
            if self._closed or address in self._waiting:
                return
            if self._waiting_bytes + size > ROOM:
                self._counts["not_kept"] += 1
                return
            self._waiting[address] = clip
            self._waiting_bytes += size
        self._writer.submit(self._write, address, clip)

    async def close(self) -> None:
        """Finish what is being written, unless the disk hangs; from then on nothing is found or kept."""
        if self._closed:
            return
        self._closed = True
        last = asyncio.wrap_future(self._writer.submit(_nothing))
        await asyncio.wait({last}, timeout=LAST_WRITES)
        last.cancel()
        for threads in (self._readers, self._writer):
            threads.shutdown(wait=False, cancel_futures=True)

    # --- in threads ---------------------------------------------------------------------------------------------------

    def _read(self, address: str) -> Clip | None:
        try:
            clip = self._folder.read(address)
        except NotAClip as error:
            self._count("damaged")
            self._tell("speech.cache_damaged", reason=str(error))
            return None
        except OSError as error:
            self._count("unreadable")
            self._tell("speech.cache_unreadable", reason=_reason(error))
            return None
        self._count("missing" if clip is None else "found")
        return clip

    def _write(self, address: str, clip: Clip) -> None:
        try:
            if self._silent_until is not None and self._clock() < self._silent_until:
                self._count("refused")
            else:
                kept = self._on_disk(lambda: self._folder.write(address, clip))
                self._count("refused" if kept is None else "written" if kept else "not_kept")
        finally:
            with self._lock:
                del self._waiting[address]
                self._waiting_bytes -= len(clip.master) + len(clip.telephone)

    def _tidy(self) -> None:
        self._on_disk(self._folder.tidy)

    def _on_disk(self, change: Callable[[], T]) -> T | None:
        """Change something there; when it can't be, say so once, and let the disk alone for a while."""
        try:
            done = change()
        except OSError as error:
            if self._silent_until is None:
                log.warning("speech.cache_not_writing", folder=str(self._folder.path), reason=_reason(error))
            self._silent_until = self._clock() + PAUSE
            return None
        if self._silent_until is not None:
            self._silent_until = None
            log.info("speech.cache_writing_again", folder=str(self._folder.path))
        return done

    # --- words --------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._looked and not self._closed:
            self._looked = True
            self._writer.submit(self._tidy)

    def _wait_no_longer(self, reading: Future[Clip | None]) -> None:
        with self._lock:
            self._late += 1
        self._tell("speech.cache_slow")
        reading.add_done_callback(self._no_longer_late)

    def _no_longer_late(self, _: Future[Clip | None]) -> None:
        with self._lock:
            self._late -= 1

    def _count(self, word: str) -> None:
        with self._lock:
            self._counts[word] += 1

    def _tell(self, event: str, **words: object) -> None:
        """Say it once: it may be true of every file."""
        with self._lock:
            if event in self._said:
                return
            self._said.add(event)
        log.warning(event, folder=str(self._folder.path), **words)


def _nothing() -> None:
    """Comes last."""


def _check(address: str) -> None:
    if not is_address(address):
        raise ValueError("an address is a SHA-256 in small hexadecimal digits")


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
