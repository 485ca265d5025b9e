"""``otpvoice demo`` as a person runs it: what it shows, what it leaves, and that nothing is left running."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.asterisk

PATIENCE = 40.0
SECONDS = 5.0
"""In which all is stopped after Ctrl-C."""


@dataclass
class Demo:
    """A running demo. ``parts``: the processes that it started, as far as they were seen."""

    process: asyncio.subprocess.Process
    folder: Path
    output: str = ""
    parts: set[psutil.Process] = field(default_factory=set)

    async def shows(self, pattern: str) -> None:
        """Wait until its output has this."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while not re.search(pattern, self.output):
                line = await self.process.stdout.readline()
                assert line, f"it ended without {pattern}:\n{self.output}"
                self.output += line.decode()
                self.parts |= set(psutil.Process(self.process.pid).children(recursive=True))

    async def ends(self, within: float = PATIENCE) -> int:
        """Wait for its end, and return its exit code."""
        assert self.process.stdout is not None
        async with asyncio.timeout(within):
            self.output += (await self.process.stdout.read()).decode()
            return await self.process.wait()

    async def left(self) -> list[psutil.Process]:
        """Return what it started and what still runs; what was killed may take a moment.

        What has ended and lost its parent waits for whoever is process 1 here, and runs no more.
        """
        _, alive = await asyncio.to_thread(psutil.wait_procs, list(self.parts), timeout=1)
        return [one for one in alive if _runs(one)]

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object that it printed."""
        start = self.output.index("\n{\n") + 1
        found, _ = json.JSONDecoder().raw_decode(self.output[start:])
        assert isinstance(found, dict)
        return found

    @property
    def temporary(self) -> list[Path]:
        """What is in the folder for temporary files."""
        return list((self.folder / "tmp").iterdir())


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@asynccontextmanager
async def running(folder: Path, **environ: str) -> AsyncIterator[Demo]:
    """Start a demo in a folder of its own."""
    (folder / "tmp").mkdir(parents=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "otpvoice", "demo",
        cwd=folder, env=os.environ | {"TMPDIR": str(folder / "tmp"), "COLUMNS": "200"} | environ,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield Demo(process, folder)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


TIMELINE = ("queued", "dialing", "ringing", "answered", "played", "delivered", "key", "collected", "ended")


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"OTPVOICE_RIG": "nowhere", "OTPVOICE_RIG_PRIVATE": "1"}, "redis-server is neither installed nor in nowhere"),
        ({"OTPVOICE_ASTERISK": "/bin/false"}, "ended while starting"),
    ],
    ids=["no Redis", "no Asterisk"],
)
async def test_a_part_that_is_missing_is_told(tmp_path: Path, environ: dict[str, str], name: str) -> None:
    async with running(tmp_path, **environ) as demo:
        assert await demo.ends() == 1, demo.output
        assert name in demo.output
        assert "Traceback" not in demo.output
        assert demo.temporary == []


async def fails(folder: Path, victim: str, when: str, reason: str) -> None:
    """A part that dies in the middle of it."""
    async with running(folder) as demo:
        await demo.shows(when)
        parts = psutil.Process(demo.process.pid).children()
        (part,) = [part for part in parts if victim in " ".join(part.cmdline())]
        part.kill()
        assert await demo.ends(within=SECONDS * 4) == 1, demo.output
        assert re.search(reason, demo.output), demo.output
        assert "Traceback" not in demo.output
        assert await demo.left() == []
        assert demo.temporary == []


async def test_a_part_that_dies_is_told(tmp_path: Path) -> None:
    (tmp_path / "redis" / "demo").mkdir(parents=True)
    (tmp_path / "redis" / "demo" / "heard.wav").write_text("of an earlier run")
    await asyncio.gather(
        fails(tmp_path / "service", "otpvoice serve", "answered", r"otpvoice ended before .*, with -9; the end of"),
        fails(tmp_path / "redis", "redis-server", "delivered", "Redis does not answer: "),
    )
    with wave.open(str(tmp_path / "redis" / "demo" / "heard.wav")) as heard:
        assert heard.getnframes() > 0


async def is_shown_and_kept(folder: Path) -> None:
    """The call of the README."""
    async with running(folder, TO="+12025550177", CODE="705") as demo:
        await demo.shows("answered")
        assert len(demo.parts) >= 3
        code = await demo.ends()
        assert code == 0, demo.output
        summary = demo.summary
        assert (summary["schema"], summary["state"], summary["to"]) == (1, "ended", "+12025550177")
        assert summary["delivered"] is True
        assert summary["outcome"]["class"] == "completed"
        assert [digit["position"] for digit in summary["played"]["digits"]] == [1, 2, 3]
        assert summary["collected"][0]["digits"] == "1"
        shown = [re.search(rf"^ *\d+\.\d\d s  {word}\b", demo.output, re.MULTILINE) for word in TIMELINE]
        assert all(shown), demo.output
        assert "705" not in demo.output
        with wave.open(str(folder / "demo" / "heard.wav")) as heard:
            assert heard.getnframes() / heard.getframerate() * 1000 > summary["played"]["digits"][-1]["at_ms"]
        assert await demo.left() == []
        assert demo.temporary == []


async def stops(folder: Path, when: str, *signals: signal.Signals) -> None:
    """Ctrl-C, an impatient one, or a signal of others."""
    async with running(folder) as demo:
        await demo.shows(when)
        for signum in signals:
            demo.process.send_signal(signum)
        assert await demo.ends(within=SECONDS) == 128 + signals[0], demo.output
        assert demo.output.endswith("\nstopped; nothing is left running\n")
        assert "Traceback" not in demo.output
        assert "Task was destroyed" not in demo.output
        assert await demo.left() == []
        assert demo.temporary == []


async def test_a_call_is_shown_and_ctrl_c_stops_everything(tmp_path: Path) -> None:
    """Several at once, which take nothing from each other."""
    await asyncio.gather(
        is_shown_and_kept(tmp_path / "whole"),
        stops(tmp_path / "starting", "Redis", signal.SIGINT),
        stops(tmp_path / "talking", "played", signal.SIGTERM),
        stops(tmp_path / "impatient", "answered", signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGINT),
    )
