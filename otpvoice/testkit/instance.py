"""One server process in a folder of its own: started, waited for, stopped, killed, paused, started again.

Refuses to leave it behind. It leads a process group that is killed as a whole, and ``setpriv --pdeathsig`` (util-linux)
has the kernel kill it when the thread that started it dies, however that happens; so start it from the main thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from otpvoice.testkit.programs import NotInstalled

__all__ = ["Instance", "StartFailed", "started"]

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_START_LIMIT: Final = 20.0
_POLL: Final = 0.02
_ATTEMPTS: Final = 5
_IN_USE: Final = "Address already in use"


class StartFailed(RuntimeError):
    """The server did not come up; the message holds the end of its log."""

    def __init__(self, message: str, *, address_in_use: bool) -> None:
        super().__init__(message)
        self.address_in_use = address_in_use


class Instance(ABC):
    """A running server. ``async with`` stops it at the end of the block.

    Not bound to an event loop: a fixture of one loop may hand it to tests of another.
    """

    def __init__(self, folder: Path, log_path: Path) -> None:
        self.folder = folder
        self.log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None
        self._paused = False

    @abstractmethod
    def _prepare(self) -> None:
        """Write what the server reads when it starts; done once, so that ``restart`` finds what tests changed."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """The server in the foreground."""

    @abstractmethod
    async def _answers(self) -> bool:
        """Whether it serves; asked again and again while it starts."""

    @abstractmethod
    async def _ask_to_stop(self) -> None:
        """Ask it to end at once, by its own means."""

    @abstractmethod
    def _release(self) -> None:
        """Give back what outlives the process, such as ports."""

    @property
    def pid(self) -> int:
        """Process id of the server, also after it died; ``RuntimeError`` before its first start."""
        if self._process is None:
            raise RuntimeError(f"{type(self).__name__} was never started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives, paused or not."""
        return self._process is not None and self._process.poll() is None

    def cpu_seconds(self) -> float:
        """User and system time that the process has used, in seconds (proc(5), fields 14 and 15)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND

    def rss_bytes(self) -> int:
        """Resident memory of the process, in bytes (proc(5), statm)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def pause(self) -> None:
        """Freeze it (SIGSTOP): its sockets stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)
        self._paused = True

    def resume(self) -> None:
        """Let it go on after ``pause``."""
        self._signal(signal.SIGCONT)
        self._paused = False

    def kill(self) -> None:
        """Kill it and all that it started (SIGKILL), and wait until it is gone. ``restart`` finds all as it was."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)
        self._paused = False

    async def stop(self, *, patience: float = 0.25) -> None:
        """End it: asked first, killed after ``patience`` seconds or at once when paused. May be called twice."""
        try:
            await self._end(patience)
        finally:
            # Also when nobody waits for its end: what it has is taken away only when it is gone.
            self.kill()
            self._release()

    async def restart(self, *, patience: float = 0.25) -> None:
        """End it if it still runs, and start it again with the same ports, passwords and folder."""
        await self._end(patience)
        for attempt in range(_ATTEMPTS):
            try:
                await self._launch()
            except StartFailed as failure:
                if not failure.address_in_use or attempt == _ATTEMPTS - 1:
                    raise
                # The former life's sockets may take a moment to go.
                await asyncio.sleep(0.2)
            else:
                return

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _launch(self) -> None:
        """Start the process and wait until it answers; ``StartFailed`` (and no process) when it does not in time."""
        begin = self._log_size()
        try:
            self._start_process()
            async with asyncio.timeout(_START_LIMIT):
                while not await self._answers():
                    if not self.running:
                        raise self._failure("ended while starting", begin)
                    if _IN_USE in self._log_since(begin):
                        raise self._failure("wants a port that is taken", begin)
                    await asyncio.sleep(_POLL)
            # A server with several ports may serve one of them and miss another.
            if _IN_USE in self._log_since(begin):
                raise self._failure("wants a port that is taken", begin)
        except TimeoutError:
            failure = self._failure(f"did not answer within {_START_LIMIT:.0f} s", begin)
            self.kill()
            raise failure from None
        except BaseException:
            self.kill()
            raise

    def _start_process(self) -> None:
        output = self.folder / "output.log"
        # Popen and not asyncio's: a process that belongs to no event loop can be killed when its loop is gone.
        with output.open("ab") as sink:
            try:
                self._process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", "--", *self._command()],  # noqa: S607
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise NotInstalled(f"{error.filename} is missing; setpriv is part of util-linux") from error

    async def _end(self, patience: float) -> None:
        if self.running and not self._paused:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(patience):
                    await self._ask_to_stop()
                    # Polled: the process belongs to no event loop (see _start_process).
                    while self.running:  # noqa: ASYNC110
                        await asyncio.sleep(_POLL)
        # Also when the server ended by itself: what it started is in its group.
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if not self.running:
            raise ProcessLookupError(f"{type(self).__name__} does not run")
        os.killpg(self.pid, number)

    def _failure(self, what: str, begin: int) -> StartFailed:
        log = self._log_since(begin)
        # A server that logs to its output has said it once.
        output = [] if self.log_path == self.folder / "output.log" else self._output_tail()
        tail = "\n".join([*output, *log.splitlines()[-30:]])
        return StartFailed(
            f"{type(self).__name__} in {self.folder} {what}; the end of its log:\n{tail}", address_in_use=_IN_USE in log
        )

    def _log_size(self) -> int:
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def _log_since(self, begin: int) -> str:
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")

    def _output_tail(self) -> list[str]:
        output = self.folder / "output.log"
        return output.read_text(errors="replace").splitlines()[-10:] if output.exists() else []


InstanceT = TypeVar("InstanceT", bound=Instance)


async def started(make: Callable[[], InstanceT]) -> InstanceT:
    """What ``make`` makes, up and answering; made anew as long as one of its ports turns out to be taken."""
    for attempt in range(_ATTEMPTS):
        instance = make()
        try:
            instance._prepare()
            await instance._launch()
        except BaseException as error:
            instance._release()
            if not (isinstance(error, StartFailed) and error.address_in_use and attempt < _ATTEMPTS - 1):
                raise
        else:
            return instance
    raise AssertionError("the last attempt returns or raises")
