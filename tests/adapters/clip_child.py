"""Another process on a folder of clips: ``python -m tests.adapters.clip_child FOLDER MOST ROUNDS [LIMIT]``.

It writes and reads the clips of ``clip_of`` and prints what came of it as JSON, in its last line. LIMIT: bytes that one
of its files may have at most; the kernel refuses what is beyond, as a quota does. ``dies``: it ends in the middle of a
write.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from otpvoice.adapters.speech.clips import folder as clip_folder
from otpvoice.adapters.speech.clips.files import ClipFiles
from otpvoice.media.clip import Clip


def address_of(number: int) -> str:
    """Return an address."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def clip_of(number: int, size: int = 20_000) -> Clip:
    """Return the clip that belongs to it, of some ``size`` bytes."""
    word = number.to_bytes(4, "big")
    return Clip(word * (size // 6), word * (size // 12))


async def work(folder: Path, most: int, rounds: int) -> dict[str, int]:
    """Write and read, and check what is read. ``strange``: clips that were others; ``largest``: bytes of the folder."""
    files = ClipFiles(folder, most)
    strange = largest = 0
    for number in range(rounds):
        await files.put(address_of(number), clip_of(number))
        # One of those that the other process writes and removes at the same time.
        found = await files.get(address_of(number * 7 % rounds))
        strange += found is not None and found != clip_of(number * 7 % rounds)
        largest = max(largest, sum(_sizes(folder)))
    await files.close()
    return {**files.counts, "strange": strange, "largest": largest}


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            yield path.stat().st_size


def _die(*_: object) -> int:
    os._exit(9)


if __name__ == "__main__":
    path, room, times, *more = sys.argv[1:]
    if more == ["dies"]:
        clip_folder._write_whole = _die  # type: ignore[assignment]
    elif more:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(more[0]), int(more[0])))
    done = asyncio.run(work(Path(path), int(room), int(times)))
    sys.stdout.write(f"\n{json.dumps(done)}")
