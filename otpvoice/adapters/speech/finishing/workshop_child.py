"""The program in which sound is finished: it takes one order after the other until there are no more.

It is run by ``worker``, which limits its memory; here it gives up files and children before it reads the first order,
and bounds each order's processor time, so that it does not outlive whoever started it. Nothing imports it.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from typing import Final

from otpvoice.adapters.speech.finishing.workshop_frames import LARGEST, Order, answer_head, read_order
from otpvoice.media.clip import Clip
from otpvoice.media.sound.finish import finish_recording, finish_speech
from otpvoice.media.wav import Wave

_SECONDS: Final = 60
"""Of processor time for one order."""


def main() -> None:
    """Read, finish, write."""
    os.nice(10)  # calls that talk go first
    # All that is loaded late is loaded, while there are files: half a second of a tone that is too loud.
    finish_speech(Wave(22050, b"\x00\x40\x00\xc0" * 5000), 0.8)
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while order := read_order(source.read):
        _allow(_SECONDS)
        clip = _finished(order)
        sink.write(answer_head(clip))
        if clip:
            sink.write(clip.telephone)
            sink.write(clip.master)
        sink.flush()


def _finished(order: Order) -> Clip | None:
    try:
        clip = finish_recording(order.wave) if order.speed is None else finish_speech(order.wave, order.speed)
    except (ValueError, MemoryError):
        return None
    return clip if len(clip.telephone) <= LARGEST else None


def _allow(seconds: int) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + seconds, hard))


if __name__ == "__main__":
    # Nobody listens any more: it is over.
    with suppress(BrokenPipeError):
        main()
