"""A door in front of an Asterisk that lets through what comes, until it is asked for a setting: that waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

HELD: Final = b"/variable?"


@dataclass(frozen=True, slots=True)
class Door:
    """``url``: its base. ``reading``: somebody has asked, and waits."""

    url: str
    reading: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def door_to(url: str) -> AsyncIterator[Door]:
    """Open a door to the server at ``url``."""
    there = urlsplit(url)

    visits: set[asyncio.Task[None] | None] = set()

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.add(asyncio.current_task())
        back, forth = await asyncio.open_connection(there.hostname, there.port)
        answering = asyncio.create_task(_copy(back, writer))
        try:
            while (said := await reader.read(65_536)) and HELD not in said:
                forth.write(said)
            if HELD in said:
                door.reading.set()
                await reader.read()
        finally:
            answering.cancel()
            for one in (forth, writer):
                one.close()

    server = await asyncio.start_server(enter, "127.0.0.1", 0)
    door = Door(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        try:
            yield door
        finally:
            # Nobody is left in the door when the loop closes.
            for visit in visits:
                if visit is not None:
                    visit.cancel()
            await asyncio.gather(*(visit for visit in visits if visit is not None), return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while said := await reader.read(65_536):
        writer.write(said)
    writer.close()
