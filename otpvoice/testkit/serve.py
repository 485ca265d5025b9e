"""``otpvoice serve`` as a process of its own, with settings of its own and nobody else's.

Refuses to pass secrets by arguments or inherit anybody's environment: all settings are in a file that only the owner
may read.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import aiohttp

from otpvoice.testkit.instance import Instance, started
from otpvoice.testkit.ports import PortBlock

__all__ = ["ServeInstance"]

_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
_POLL: Final = 0.02


class ServeInstance(Instance):
    """A running service: made by ``start``, ended by ``stop`` or ``async with``. Its log is JSON, a line an event."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        """Claim a port and make an API key; nothing runs before ``start``."""
        super().__init__(folder, folder / "output.log")
        self.key = secrets.token_urlsafe(24)
        self._settings = settings
        self._ports = PortBlock.claim(10)

    @classmethod
    async def start(cls, folder: Path, settings: Mapping[str, object]) -> Self:
        """Start one and wait until it answers; ``ready`` waits until it can place calls.

        ``settings``: variables in lower case, without prefix; ``trunk`` is a dial string. Raises ``StartFailed``.
        """
        return await started(lambda: cls(folder.absolute(), settings))

    @property
    def url(self) -> str:
        """Base URL of its hook."""
        return f"http://127.0.0.1:{self._ports.tcp}"

    @property
    def headers(self) -> dict[str, str]:
        """What a request needs to be let in."""
        return {"Authorization": f"Bearer {self.key}"}

    async def ready(self, within: float = 20.0) -> None:
        """Wait until ``/readyz`` says yes. Raises ``TimeoutError`` with what it said last."""
        said = ""
        try:
            async with asyncio.timeout(within), aiohttp.ClientSession() as http:
                while True:
                    async with http.get(f"{self.url}/readyz") as answer:
                        said = await answer.text()
                        if answer.status == 200:
                            return
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise TimeoutError(f"not ready within {within:g} s: {said}") from None

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what it logs, from the beginning, as it comes. Ends with the process."""
        with self.log_path.open(encoding="utf-8", errors="replace") as log:
            line = ""
            while True:
                running = self.running  # asked first: what it wrote at last is read, too
                line += log.readline()
                if line.endswith("\n"):
                    if line.startswith("{"):
                        yield json.loads(line)
                    line = ""
                elif not running:
                    return
                else:
                    await asyncio.sleep(_POLL)

    def terminate(self, signum: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end (SIGTERM or SIGINT): the calls may finish; again: they end now."""
        os.kill(self.pid, signum)

    async def ended(self, within: float = 20.0) -> int:
        """Wait until it has ended. Returns its exit code, for a signal that ended it negative. ``TimeoutError``."""
        async with asyncio.timeout(within):
            # Polled: the process belongs to no event loop (see Instance).
            while self._process is None or (code := self._process.poll()) is None:  # noqa: ASYNC110
                await asyncio.sleep(_POLL)
        return code

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "instance": "test",
            "log": "json",
            "log_level": "debug",
            "http_bind": f"127.0.0.1:{self._ports.tcp}",
            "api_keys": self.key,
            "media_legs": "2:20",
        } | dict(self._settings)
        path = self.folder / "otpvoice.toml"
        path.touch(mode=0o600)
        trunk = {"name": "default", "dial": settings.pop("trunk"), "codec": settings.pop("codec", "ulaw")}
        path.write_text(f"{_toml(settings)}\n[[trunk]]\n{_toml(trunk)}")

    def _command(self) -> Sequence[str | Path]:
        passed_on = [f"{name}={os.environ[name]}" for name in _PASSED_ON if name in os.environ]
        config = f"OTPVOICE_CONFIG={self.folder / 'otpvoice.toml'}"
        return ["env", "-i", *passed_on, config, sys.executable, "-m", "otpvoice", "serve"]

    async def _answers(self) -> bool:
        try:
            async with aiohttp.ClientSession() as http, http.get(f"{self.url}/healthz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def _ask_to_stop(self) -> None:
        self.terminate()

    def _release(self) -> None:
        self._ports.release()


def _toml(table: Mapping[str, object]) -> str:
    # A JSON string is a TOML string.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())
