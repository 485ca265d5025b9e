"""A real Redis on loopback, in a folder of its own, empty at the start.

Refuses to keep anything unless ``appendonly`` is asked for.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from otpvoice.testkit.instance import Instance, started
from otpvoice.testkit.ports import PortBlock
from otpvoice.testkit.programs import find

__all__ = ["RedisInstance"]


class RedisInstance(Instance):
    """A running Redis: made by ``start``, ended by ``stop`` or ``async with``."""

    def __init__(self, folder: Path, *, appendonly: bool) -> None:
        """Claim a port; nothing runs before ``start``."""
        super().__init__(folder, folder / "redis.log")
        self._appendonly = appendonly
        self._program = find("redis-server")
        self._ports = PortBlock.claim(10)

    @classmethod
    async def start(cls, folder: Path, *, appendonly: bool = False) -> Self:
        """Start one and wait until it answers.

        ``appendonly``: every write is on disk before it is answered, so that ``kill`` and ``restart`` lose nothing;
        otherwise they lose everything. Raises ``NotInstalled`` or ``StartFailed``.
        """
        return await started(lambda: cls(folder.absolute(), appendonly=appendonly))

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return self._ports.tcp

    @property
    def url(self) -> str:
        """``redis://127.0.0.1:PORT/0``."""
        return f"redis://127.0.0.1:{self.port}/0"

    def _command(self) -> Sequence[str | Path]:
        return [self._program, self.folder / "redis.conf"]

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            # "-LOADING" while it reads its file.
            return await reader.readline() == b"+PONG\r\n"
        except OSError:
            return False
        finally:
            writer.close()

    async def _ask_to_stop(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def _release(self) -> None:
        self._ports.release()

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            "daemonize no",
            f'dir "{self.folder}"',
            f'logfile "{self.log_path}"',
            'save ""',
            f"appendonly {'yes' if self._appendonly else 'no'}",
            "appendfsync always",
        ]
        (self.folder / "redis.conf").write_text("\n".join(lines) + "\n")
