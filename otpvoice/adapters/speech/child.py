"""Run a program that is not to be trusted with its input: bounded in time, memory and output, killable, no shell.

It knows nothing of speech. The text goes in by standard input alone: speech engines take file names and options from
their arguments (``espeak-ng -w…`` as a text writes a file).

The limits are set from outside (prlimit(2)), after the start and before the first byte of input is written, so that
they hold whenever the input can do harm. A ``preexec_fn`` would run Python between fork and exec of a program with
threads, where any lock may be held for ever; a shell with ``ulimit`` would put a shell into the path.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final, cast

from otpvoice.core.speech import SpeechUnavailable

MEMORY: Final = 512 * 1024 * 1024
OPEN_FILES: Final = 32
FILE_SIZE: Final = 64 * 1024 * 1024
"""Not 0: libpulse, which Debian's espeak-ng starts even to write to a pipe, makes an empty file of this size in memory,
and is killed if it can't."""
TOO_MUCH: Final = "the engine wrote too much"
_PASSED_ON: Final = ("PATH", "ESPEAK_DATA_PATH", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Bounds:
    """``seconds`` from start to end, and of processor time on each of ``cores``; ``output`` and ``memory`` in bytes.

    ``niceness``: 0 to 19, how far behind others it stands for a processor (setpriority(2)).
    """

    seconds: float
    output: int
    memory: int = MEMORY
    cores: int = 1
    niceness: int = 0


async def ask(argv: Sequence[str], text: bytes, bounds: Bounds, *, file: int | None = None) -> bytes:
    """Return what the program writes to standard output for ``text`` on its standard input.

    ``file``: a descriptor that it gets under the same number, for what it can't write to a pipe; no file that it writes
    is longer than ``bounds.output`` then. Raises ``SpeechUnavailable`` if it can't be started, passes a bound, or ends
    with another status than 0. When this returns or raises, also by cancellation, the program and its children are
    gone, unless they left its session.

    On asyncio's own loop (until Python 3.12 at least) a cancellation in the moment of the start is never answered:
    ``BaseSubprocessTransport._wait`` waits for pipes that are not connected. Service and commands run on uvloop.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, output = await loop.subprocess_exec(
            lambda: _Output(bounds.output),
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # it may repeat the text
            start_new_session=True,
            cwd="/",
            env=_environment(os.environ),
            pass_fds=() if file is None else (file,),
        )
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "")
        raise SpeechUnavailable(f"{Path(argv[0]).name} could not be started ({name})") from None
    try:
        async with asyncio.timeout(bounds.seconds):
            _limit(transport.get_pid(), bounds, FILE_SIZE if file is None else bounds.output)
            _write(transport, text)
            await output.complete
    except TimeoutError:
        raise SpeechUnavailable(f"the engine took longer than {bounds.seconds:g} s") from None
    finally:
        if not output.exited.done():
            _kill_session(transport.get_pid())
        try:
            # Before ``close``, which polls the process and would take its status away from the loop's watcher.
            if not output.exited.done():
                await asyncio.wait([output.exited], timeout=1)
        finally:
            transport.close()
    if status := transport.get_returncode():
        if status == -signal.SIGXFSZ:
            raise SpeechUnavailable(TOO_MUCH)
        raise SpeechUnavailable(f"the engine ended with {_named(status)}")
    return output.received()


class _Output(asyncio.SubprocessProtocol):
    """What a program wrote. ``complete`` fails as soon as it is too much."""

    def __init__(self, most: int) -> None:
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        self.complete: asyncio.Future[None] = loop.create_future()
        self._chunks: list[bytes] = []
        self._room = most
        self._at_end = False
        self._pid: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pid = cast("asyncio.SubprocessTransport", transport).get_pid()

    def received(self) -> bytes:
        return b"".join(self._chunks)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._room -= len(data)
        if self._room >= 0:
            self._chunks.append(data)
        elif not self.complete.done():
            self.complete.set_exception(SpeechUnavailable(TOO_MUCH))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._at_end = self._at_end or fd == 1
        self._settle()

    def process_exited(self) -> None:
        self.exited.set_result(None)
        if self._pid is not None:
            # Whoever it left behind may live on unseen, or hold our pipe open: it is over when the program is.
            _kill_session(self._pid)
        self._settle()

    def _settle(self) -> None:
        if self._at_end and self.exited.done() and not self.complete.done():
            self.complete.set_result(None)


def _write(transport: asyncio.SubprocessTransport, text: bytes) -> None:
    # uvloop's transports are none of asyncio's classes.
    stdin = cast("asyncio.WriteTransport | None", transport.get_pipe_transport(0))
    # Closed: the program ended already, and uvloop would raise. What it ended with is told by ``complete``.
    if stdin is not None and not stdin.is_closing():
        stdin.write(text)
        stdin.close()


def _limit(pid: int, bounds: Bounds, file_size: int) -> None:
    seconds = (ceil(bounds.seconds) + 1) * bounds.cores
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: bounds.memory,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_FSIZE: file_size,
        resource.RLIMIT_CORE: 0,
    }
    try:
        for limit, most in limits.items():
            resource.prlimit(pid, limit, (most, most))
        if bounds.niceness:
            os.setpriority(os.PRIO_PROCESS, pid, bounds.niceness)
    except ProcessLookupError:
        return
    except OSError as error:
        raise SpeechUnavailable(f"the engine could not be limited ({errno.errorcode.get(error.errno or 0)})") from None


def _kill_session(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # it is gone; with EPERM its number is somebody else's by now


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    # Ours holds passwords.
    return {"LC_ALL": "C.UTF-8", **{name: environ[name] for name in _PASSED_ON if name in environ}}


def _named(status: int) -> str:
    return f"status {status}" if status > 0 else f"signal {-status}"
