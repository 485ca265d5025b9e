"""A proxy before a real Asterisk behind which the making of media legs hangs, as in one whose media registry is wedged.

What it can't show is the rest of that fault: in Asterisk the ends of legs hang, too.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from tests.faults.relay import Relay

_ORDER: Final = b"POST /ari/channels/externalMedia"


class Wedge(Relay):
    """``async with Wedge(asterisk.ari_url) as wedge:`` and the base URL is ``wedge.url``. ``hangs``: from now on."""

    def __init__(self, base: str) -> None:
        super().__init__(base)
        self._passing = asyncio.Event()
        self._passing.set()

    @property
    def hangs(self) -> bool:
        """Whether orders of legs get no answer."""
        return not self._passing.is_set()

    @hangs.setter
    def hangs(self, wanted: bool) -> None:
        self._passing.clear() if wanted else self._passing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server: asyncio.StreamWriter | None = None
        try:
            answers, server = await asyncio.open_connection(*self._address)
            ways = {asyncio.ensure_future(self._ask(reader, server)), asyncio.ensure_future(_carry(answers, writer))}
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # one side is gone: the other one is closed below
        finally:
            for side in (writer, server):
                if side is not None:
                    side.close()

    async def _ask(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            # A request begins a piece: one is under way at a time on each connection.
            if piece.startswith(_ORDER):
                await self._passing.wait()
            server.write(piece)
            await server.drain()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
