"""The proxy that the fault tests stand on does what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.fakes.proxy import FaultProxy


class Echo:
    """A server that answers each line with itself in capitals, and notes it."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.heard = asyncio.Event()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self.lines.append(line)
            self.heard.set()
            writer.write(line.upper())
            await writer.drain()
        writer.close()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[FaultProxy]:
    async with (
        await asyncio.start_server(echo.accept, "127.0.0.1", 0, limit=2**22) as server,
        FaultProxy("127.0.0.1", server.sockets[0].getsockname()[1]) as proxy,
    ):
        yield proxy


async def connect(proxy: FaultProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", proxy.port, limit=2**22)


async def test_everything_passes_both_ways_and_so_does_the_end(proxy: FaultProxy) -> None:
    reader, writer = await connect(proxy)
    writer.write(b"x" * 2_000_000 + b"\n")
    assert await reader.readline() == b"X" * 2_000_000 + b"\n"
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()


async def test_a_cut_reply_was_executed_once_and_only_that_one_is_cut(proxy: FaultProxy, echo: Echo) -> None:
    reader, writer = await connect(proxy)
    cut = proxy.cut_reply(to=b"pay")
    writer.write(b"look\n")
    assert await reader.readline() == b"LOOK\n"
    writer.write(b"p")
    await writer.drain()
    writer.write(b"ay\n")
    with pytest.raises(ConnectionError):
        await reader.readexactly(4)
    await cut
    writer.close()
    reader, writer = await connect(proxy)
    writer.write(b"pay\n")
    assert await reader.readline() == b"PAY\n"
    assert echo.lines == [b"look\n", b"pay\n", b"pay\n"]
    writer.close()


async def test_a_black_hole_closes_nothing_and_gives_back_what_it_held(proxy: FaultProxy, echo: Echo) -> None:
    reader, writer = await connect(proxy)
    proxy.black_hole()
    writer.write(b"one\n")
    _, late_writer = await connect(proxy)
    late_writer.write(b"two\n")
    reading = asyncio.create_task(reader.readline())
    done, _ = await asyncio.wait({reading}, timeout=0.05)
    assert not done
    assert echo.lines == []
    await proxy.restore()
    assert await reading == b"ONE\n"
    writer.close()
    late_writer.close()


async def test_refusing_resets_who_is_there_and_whoever_comes(proxy: FaultProxy) -> None:
    reader, writer = await connect(proxy)
    writer.write(b"one\n")
    await reader.readline()
    proxy.refuse()
    with pytest.raises(ConnectionError):
        await reader.readexactly(1)
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await connect(proxy)
    await proxy.restore()
    reader, writer = await connect(proxy)
    writer.write(b"two\n")
    assert await reader.readline() == b"TWO\n"
    assert proxy.accepted == 2
    writer.close()


async def test_latency_holds_back_replies_and_not_requests(proxy: FaultProxy, echo: Echo) -> None:
    proxy.latency = 3600.0
    reader, writer = await connect(proxy)
    writer.write(b"one\n")
    await echo.heard.wait()
    reading = asyncio.create_task(reader.readline())
    done, _ = await asyncio.wait({reading}, timeout=0.05)
    assert not done
    reading.cancel()
    writer.close()
