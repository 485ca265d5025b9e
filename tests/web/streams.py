"""A reader of server-sent events (HTML, section 9.2), as strict as an ``EventSource`` is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from tests.web.world import KEY, Door

SOON: Final = 10.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it came; ``comment``: a frame that is none."""

    id: str | None = None
    type: str | None = None
    data: bytes = b""
    comment: bool = False

    @property
    def body(self) -> Any:
        """The envelope."""
        return json.loads(self.data)


class Stream:
    """An answer that goes on."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> Frame | None:
        """Return the next frame; None: that was all."""
        lines: list[bytes] = []
        async with asyncio.timeout(SOON):
            while line := await self.response.content.readline():
                assert line.endswith(b"\n"), "half a line"
                if line != b"\n":
                    lines.append(line[:-1])
                elif lines:
                    return _frame(lines)
        assert not lines, "half a frame"
        return None

    async def event(self) -> Frame | None:
        """Return the next event, whatever is said in between."""
        while (frame := await self.next()) is not None and frame.comment:
            pass
        return frame

    async def types(self, count: int | None = None) -> list[str | None]:
        """Return the types of the next events: of so many, or of all until the end."""
        found: list[str | None] = []
        while (count is None or len(found) < count) and (frame := await self.event()) is not None:
            found.append(frame.type)
        return found


def _frame(lines: list[bytes]) -> Frame:
    if lines == [b":"]:
        return Frame(comment=True)
    fields = dict(line.split(b": ", 1) for line in lines)
    assert list(fields) == [b"id", b"event", b"data"]
    frame = Frame(fields[b"id"].decode(), fields[b"event"].decode(), fields[b"data"])
    assert (frame.body["id"], frame.body["type"]) == (frame.id, frame.type)
    return frame


@asynccontextmanager
async def reading(
    door: Door, path: str = "/v1/events", *, key: str = KEY, last: str | None = None, **query: str
) -> AsyncIterator[Stream]:
    """Open a stream. ``last``: the id of the event that was read last."""
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    if last is not None:
        headers["Last-Event-ID"] = last
    async with door.http.get(door.base + path, headers=headers, params=query) as response:
        yield Stream(response)
