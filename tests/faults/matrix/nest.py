"""Lives of the service that begin at once: forked from a process that has imported all it needs and done nothing else.

Starting Python and importing takes a second of CPU; a hundred lives would spend their time on that. What is forked is
the product as ``dying`` wraps it, in a session of its own, with an environment and a folder of its own.

``python -m tests.faults.matrix.nest`` reads a line of JSON an egg, ``{"folder", "env"}``, and writes the pid.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Final, NoReturn

ROOT: Final = Path(__file__).parents[3]
_PDEATHSIG: Final = 1  # prctl(2)


class Nest:
    """``with Nest() as nest:`` and ``nest.hatch(…)``; all lives end with it."""

    def __enter__(self) -> Nest:
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "tests.faults.matrix.nest"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def hatch(self, folder: Path, environment: dict[str, str]) -> Life:
        """Begin a life. What it says goes into ``output.log`` of its folder."""
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None
        assert told is not None
        asked.write(json.dumps({"folder": str(folder), "env": environment}) + "\n")
        asked.flush()
        return Life(int(told.readline()))


class Life:
    """What ``Instance`` wants to know of a process, of one that is not our child: the kernel reaps it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        """None while it lives. How it ended nobody knows."""
        with contextlib.suppress(OSError):
            if Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                return None
        return -signal.SIGKILL

    def wait(self, timeout: float) -> int:
        """Wait until it is gone. Raises ``TimeoutExpired``."""
        over = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > over:
                raise subprocess.TimeoutExpired("a life", timeout)
            time.sleep(0.002)
        return code


def brood(eggs: IO[str]) -> None:
    """Fork for each line, until there are none."""
    from otpvoice.__main__ import main  # noqa: PLC0415 - here, and nowhere else, it is to be imported
    from otpvoice.cli import app, serve  # noqa: F401, PLC0415
    from tests.faults.matrix.dying import Watch, wrap  # noqa: PLC0415

    wrap(Watch())
    gc.collect()
    gc.freeze()
    # Nobody waits for them here: the kernel puts them away.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in eggs:
        egg = json.loads(line)
        if (pid := os.fork()) == 0:
            _live(egg["folder"], egg["env"], main)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _live(folder: str, environment: dict[str, str], main: object) -> NoReturn:
    code = 70
    try:
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        nothing, said = os.open(os.devnull, os.O_RDONLY), os.open("output.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for from_, to in ((nothing, 0), (said, 1), (said, 2)):
            os.dup2(from_, to)
        sys.argv = ["otpvoice", "serve"]
        assert callable(main)
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    brood(sys.stdin)
