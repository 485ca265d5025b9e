"""Processes that take orders: a line of JSON in, a line of JSON out.

What is measured must not share a process with whoever measures it. A worker ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

ROOT: Final = Path(__file__).parent.parent
LIMIT: Final = 16 * 1024 * 1024
Obey: TypeAlias = Callable[[dict[str, Any]], Awaitable[Any]]


class WorkerFailed(RuntimeError):
    """The process ended before it answered."""


class Worker:
    """``python -m benchmarks.<name>``; ``async with`` ends it. ``nice``: lower its priority by so much."""

    def __init__(self, name: str, log: Path, *, env: dict[str, str] | None = None) -> None:
        self.name = name
        self._log, self._env = log, env
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        if self._process is None:
            raise WorkerFailed(f"{self.name} was not started")
        return self._process.pid

    async def __aenter__(self) -> Self:
        with self._log.open("ab") as sink:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"benchmarks.{self.name}",
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                limit=LIMIT,
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def ask(self, order: str, **values: Any) -> Any:
        """Have something done; returns the answer."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise WorkerFailed(f"{self.name} was not started")
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps({"order": order, **values}).encode() + b"\n")
            await process.stdin.drain()
        line = await process.stdout.readline()
        if not line:
            raise WorkerFailed(f"{self.name} ended; its log: {self._log}\n{self._log.read_text()[-2000:]}")
        return json.loads(line)

    @property
    def cpu(self) -> float:
        """Seconds of CPU that the process has used."""
        return cpu_of(self.pid)


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process and its threads have used, to the nanosecond (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


async def obey(orders: Obey) -> None:
    """In the worker: answer orders from standard input, one after the other, until it ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        answer = await orders(json.loads(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
