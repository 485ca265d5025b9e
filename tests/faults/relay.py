"""What proxies before Asterisk's HTTP port have in common: they listen, and end all that they carry with themselves.

It knows nothing of what is carried, and does nothing to it.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Self
from urllib.parse import urlsplit


class Relay(ABC):
    """``async with`` it, and the client's base URL is ``url``; ``base`` is where it leads."""

    def __init__(self, base: str) -> None:
        address = urlsplit(base)
        assert address.hostname is not None
        self._address = (address.hostname, address.port)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await self._serve(reader, writer)

    @abstractmethod
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a client, from its first byte to its end."""
