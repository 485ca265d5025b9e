"""A proxy before Asterisk's HTTP port that can tell its connections apart: events, media and REST fail one by one.

It looks at the first line of a connection and at nothing else. ``tests/fakes/proxy.py`` is for servers where all
connections are alike.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tests.fakes.proxy import reset
from tests.faults.relay import Relay

KINDS: Final = ("events", "media", "rest")


@dataclass(eq=False, slots=True)
class _Link:
    """One connection. ``passing`` cleared: nothing gets through any more, and nobody is told."""

    kind: str
    sides: tuple[asyncio.StreamWriter, ...]
    passing: asyncio.Event

    def reset(self) -> None:
        for side in self.sides:
            reset(side)


class AriProxy(Relay):
    """``async with AriProxy(asterisk.ari_url) as proxy:`` and the client's base URL is ``proxy.url``.

    ``connects`` counts connections that were let through, by kind.
    """

    def __init__(self, base: str) -> None:
        super().__init__(base)
        self._links: set[_Link] = set()
        self._shut: set[str] = set()
        self.connects: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def cut(self, *kinds: str) -> None:
        """Reset all connections of these kinds."""
        for link in [link for link in self._links if link.kind in kinds]:
            link.reset()

    @contextmanager
    def shut(self, *kinds: str) -> Iterator[None]:
        """Reset all connections of these kinds, and each new one, until the end of the block."""
        self._shut |= set(kinds)
        self.cut(*kinds)
        try:
            yield
        finally:
            self._shut -= set(kinds)

    def black_hole(self, *kinds: str) -> None:
        """What is connected now gets nothing through any more and is never closed; new connections are fine."""
        for link in self._links:
            if link.kind in kinds:
                link.passing.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link: _Link | None = None
        try:
            first_line = await reader.readuntil(b"\n")
            kind = _kind(first_line)
            if kind in self._shut:
                self.refused[kind] += 1
                reset(writer)
                return
            server_reader, server = await asyncio.open_connection(*self._address)
            passing = asyncio.Event()
            passing.set()
            link = _Link(kind, (writer, server), passing)
            self._links.add(link)
            self.connects[kind] += 1
            server.write(first_line)
            await asyncio.gather(_carry(link, reader, server), _carry(link, server_reader, writer))
        except (OSError, EOFError, asyncio.CancelledError):
            # What one side sees the other is to see, too.
            reset(writer)
            if link is not None:
                link.reset()
        finally:
            for side in link.sides if link is not None else (writer,):
                side.close()
            self._links -= {link}


async def _carry(link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        await link.passing.wait()
        writer.write(piece)
        await writer.drain()
    writer.write_eof()


def _kind(first_line: bytes) -> str:
    path = first_line.split(b" ")[1]
    if path.startswith(b"/ari/events"):
        return "events"
    return "media" if path.startswith(b"/media/") else "rest"
