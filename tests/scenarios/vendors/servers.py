"""A customer's server or script as a process of its own: what its user fills in is filled in, and that is all.

``bottle`` is the stand-in beside it. It judges nothing; what came, and how it was answered, is read from its output.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from tests.scenarios.phones import SOON

HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that a server answered. ``said``: its body. ``id``: its header ``webhook-id``."""

    path: str
    id: str
    said: dict[str, Any]
    status: int
    answer: str

    @property
    def event(self) -> str:
        return str(self.said["event"])

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.said["data"]
        return data


@dataclass(slots=True)
class Running:
    """A server that runs. ``visits``: in the order in which it answered them."""

    url: str
    visits: list[Visit] = field(default_factory=list)
    _told: asyncio.Condition = field(default_factory=asyncio.Condition)

    def of(self, reference: str) -> list[Visit]:
        """Return what was told of a call, each event once: one that comes again has the same id."""
        mine: dict[str, Visit] = {}
        for visit in self.visits:
            if visit.said["reference_id"] == reference:
                mine.setdefault(visit.id, visit)
        return [*mine.values()]

    async def told(self, event: str, reference: str | None = None, within: float = SOON) -> Visit:
        """Wait for an event (of this call)."""
        await self.until(lambda: self._found(event, reference) is not None, within)
        found = self._found(event, reference)
        assert found is not None
        return found

    async def until(self, condition: Callable[[], bool], within: float = SOON) -> None:
        """Wait until something holds; it is asked after each request."""
        async with asyncio.timeout(within), self._told:
            await self._told.wait_for(condition)

    def _found(self, event: str, reference: str | None) -> Visit | None:
        found = (visit for visit in self.visits if reference in {None, visit.said["reference_id"]})
        return next((visit for visit in found if visit.event == event), None)

    async def read(self, output: asyncio.StreamReader) -> None:
        """Take note of what it says of its visits, until it ends."""
        async for line in output:
            told = json.loads(line)
            assert told["id"], "an event without an id"
            visit = Visit(told["path"], told["id"], json.loads(told["said"]), told["status"], told["answer"])
            async with self._told:
                self.visits.append(visit)
                self._told.notify_all()


class Listener:
    """A port of loopback, whose URL is known before anybody serves it."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def filled_in(name: str, values: Mapping[str, str], folder: Path) -> Path:
    """Write a copy of a customer's program in which each placeholder, which must be there once, has its value."""
    text = (HERE / name).read_text()
    for placeholder, value in values.items():
        assert text.count(placeholder) == 1, placeholder
        text = text.replace(placeholder, value)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


@asynccontextmanager
async def serving(name: str, values: Mapping[str, str], folder: Path, listener: Listener) -> AsyncIterator[Running]:
    """Run a server until the end of the block; who came to ``listener`` before it began has waited."""
    process = await _started(filled_in(name, values, folder), listener)
    assert process.stdout is not None
    running = Running(listener.url)
    reading = asyncio.create_task(running.read(process.stdout))
    try:
        yield running
    finally:
        process.kill()
        await process.wait()
        await reading


async def ran(name: str, values: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Run a script to its end. Returns the JSON that it printed."""
    process = await _started(filled_in(name, values, folder), None)
    async with asyncio.timeout(SOON):
        said, _ = await process.communicate()
    assert process.returncode == 0
    answer: dict[str, Any] = json.loads(said)
    return answer


async def _started(program: Path, listener: Listener | None) -> asyncio.subprocess.Process:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE / "stand_in"), "PYTHONUNBUFFERED": "1"}
    handed_on = []
    if listener is not None:
        handed_on.append(listener.socket.fileno())
        environment["LISTENER"] = str(listener.socket.fileno())
    # What its code complains of is in the test's output.
    return await asyncio.create_subprocess_exec(
        sys.executable, str(program), env=environment, stdout=asyncio.subprocess.PIPE, pass_fds=handed_on
    )
