"""One child process that finishes sound, order by order; for whoever has a thread to wait in.

What it writes is not believed. Its memory is limited from outside before the first order (prlimit(2); see ``child``),
its environment holds no secret, and it can be killed from any thread.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from otpvoice.adapters.speech.finishing.workshop_frames import Garbage, Order, order_head, read_answer
from otpvoice.media.clip import Clip

PROGRAM: Final = (sys.executable, "-I", "-m", "otpvoice.adapters.speech.finishing.workshop_child")
"""Isolated (``-I``): no module is taken from a folder or variable that somebody else can write."""
MEMORY: Final = 1024 * 1024 * 1024
"""Enough for a quarter of an hour."""
OPEN_FILES: Final = 64

_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH")


class Died(Exception):
    """It ended by itself. Whatever it was told can be told another one: sound is made again."""


class Wrong(Exception):
    """What it wrote is no answer; it is killed."""


class NotStarted(Exception):
    """It could not be started; the message says why."""


class Worker:
    """A child process. ``finish`` blocks, ``kill`` does not; each may be called by its own thread."""

    def __init__(self, program: Sequence[str] = PROGRAM) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603
                list(program),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                env=_environment(),
            )
        except OSError as error:
            raise NotStarted(errno.errorcode.get(error.errno or 0, "")) from None
        _limit(self._process.pid)

    def finish(self, order: Order) -> Clip | None:
        """Return the clip; None: it could not be made of this sound. Raises ``Died``, ``Wrong``."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise Died
        try:
            stdin.write(order_head(order))
            stdin.write(order.wave.pcm)
            stdin.flush()
            return read_answer(stdout.read)
        except (OSError, EOFError, ValueError):
            raise Died from None
        except Garbage:
            raise Wrong from None

    def kill(self) -> None:
        """End it and its children at once."""
        # Asked first: a process that is gone and was waited for leaves its number to others.
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def bury(self) -> None:
        """Kill it and wait until nothing of it is left. Not while another thread is in ``finish``."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                continue  # what was not yet written has nobody to read it


def _limit(pid: int) -> None:
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        try:
            resource.prlimit(pid, limit, (most, most))
        except ProcessLookupError:
            return


def _environment() -> dict[str, str]:
    # Ours holds passwords. One thread: a worker is as many as are wanted.
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **passed_on}
