"""A TCP proxy that fails on command: in front of any server, on a loopback port of its own.

It knows nothing of what it carries, and by itself it passes everything through.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType


def reset(side: asyncio.StreamWriter) -> None:
    """Close a side so that it is told of a reset, and what it has not read is lost."""
    # SO_LINGER of zero seconds makes the close a reset (socket(7)); transport.abort() alone sends a FIN.
    with contextlib.suppress(OSError):
        side.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    side.transport.abort()


@dataclass(eq=False)
class _Link:
    """One connection: the client's side and, once it is there, the server's."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    cutting: bool = False
    tail: bytes = field(default=b"", repr=False)

    def sides(self) -> Iterator[asyncio.StreamWriter]:
        """The client's and the server's, if it is there."""
        yield self.client
        if self.server is not None:
            yield self.server

    def reset(self) -> None:
        """Reset both sides: what was not read yet is lost."""
        for side in self.sides():
            reset(side)


class FaultProxy:
    """``async with FaultProxy("127.0.0.1", port) as proxy:`` and let the client connect to ``proxy.port``.

    ``latency``: every piece of a reply comes so much later, s; may be changed at any time.
    ``accepted``: how many connections clients have made so far.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._cut: asyncio.Future[None] | None = None
        self._cut_at = b""
        self._server: asyncio.Server | None = None
        # Bound and never listening: it keeps the port ours while nothing listens, and connections are refused.
        self._claim = socket.socket()
        self._claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._claim.bind(("127.0.0.1", 0))
        self.port: int = self._claim.getsockname()[1]
        self.latency = 0.0
        self.accepted = 0

    async def __aenter__(self) -> FaultProxy:
        await self.restore()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._claim.close()

    async def restore(self) -> None:
        """Listen, and pass through. What a black hole held goes on its way, as TCP would send it again."""
        self._passing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, reuse_port=True)

    def refuse(self) -> None:
        """Reset all connections and refuse new ones, until ``restore``."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for link in self._links:
            link.reset()

    def black_hole(self) -> None:
        """Let nothing through in either direction, and close nothing, until ``restore``.

        New connections are accepted, by the kernel: a peer that does not even answer the SYN is another fault.
        """
        self._passing.clear()

    def cut_reply(self, to: bytes = b"") -> asyncio.Future[None]:
        """Let the server do what it is asked next, then reset the connection in place of its reply.

        Once: the next request that holds ``to`` (all do by default), on a connection that has one request under way at
        a time. The future is done when it happened.
        """
        self._cut_at = to
        self._cut = asyncio.get_running_loop().create_future()
        return self._cut

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        link = _Link(writer)
        self._links.add(link)
        try:
            await self._passing.wait()
            server_reader, link.server = await asyncio.open_connection(*self._address)
            await asyncio.gather(
                self._carry_requests(link, reader, link.server), self._carry_replies(link, server_reader, writer)
            )
        except (OSError, asyncio.CancelledError):
            # One side was reset, by us or by itself, or the server is not there: the other side is to see it too.
            link.reset()
        finally:
            self._links.discard(link)
            for side in link.sides():
                side.close()

    async def _carry_requests(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            await self._passing.wait()
            if self._cut is not None:
                seen = link.tail + piece
                link.tail = seen[-len(self._cut_at) :] if self._cut_at else b""
                link.cutting = link.cutting or self._cut_at in seen
            writer.write(piece)
            await writer.drain()
        writer.write_eof()

    async def _carry_replies(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            await self._passing.wait()
            if self.latency:
                await asyncio.sleep(self.latency)
            if link.cutting and self._cut is not None:
                link.reset()
                self._cut.set_result(None)
                self._cut = None
                return
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
