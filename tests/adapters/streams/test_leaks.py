"""Nothing is left of a stream: no task, no socket, no timer; and a slow customer costs no more than its queue."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import psutil
import pytest

from otpvoice.adapters.streams import Limits, MediaStream
from otpvoice.adapters.streams.socket import Socket
from otpvoice.core.media import Disconnected
from otpvoice.media.streams.tracks import Frame
from tests.adapters.streams.customers import PLENTY, Customer, Rogue, a_customer, a_rogue
from tests.adapters.streams.house import QUICK, House, a_house, feed, kept


@pytest.mark.parametrize("tls", [False, True])
async def test_two_hundred_streams_come_and_go(tls: bool) -> None:
    process = psutil.Process()
    async with a_customer(tls=tls) as customer:
        tasks, streams, sockets = len(asyncio.all_tasks()), kept(MediaStream), kept(Socket)
        async with a_house() as house:
            connections = []
            for _ in range(10):
                await twenty(house, customer)
                assert not house.streams._ticker.running
                connections.append(len(process.net_connections("tcp")))
            assert connections[-1] <= connections[0] + 20, "as many may be on their way out"
        assert (kept(MediaStream), kept(Socket)) == (streams, sockets)
        assert len(asyncio.all_tasks()) <= tasks


async def twenty(house: House, customer: Customer) -> None:
    """Twenty calls, at once, from their begin to the end of all connections."""
    opened = [house.talk(customer.url(host="hooks.example")) for _ in range(20)]
    for stream, call, _ in opened:
        await call.connected()
        feed(stream, 3)
        stream.finish(Disconnected.CALL)
    async with asyncio.timeout(PLENTY):
        await house.streams.close()
    for visit in customer.visits:
        await visit.end()
    customer.visits.clear()


async def test_two_hundred_handshakes_that_fail_leave_nothing() -> None:
    process = psutil.Process()
    async with a_customer(refuses=lambda number: 403) as customer, a_house() as house:
        connections = []
        for _ in range(10):
            for _, call in [house.listen(customer.url()) for _ in range(20)]:
                assert (await call.ended()).error == "http_403"
            connections.append(len(process.net_connections("tcp")))
        assert house.streams.count == 0
        assert connections[-1] <= connections[0] + 20, "as many may be on their way out"


async def test_memory_is_flat_beside_a_customer_who_reads_nothing() -> None:
    async def reads_nothing(rogue: Rogue) -> None:
        await asyncio.Event().wait()

    limits = replace(Limits(), queue=2.0, send_buffer=4096)
    async with (
        a_rogue(reads_nothing, window=4096) as customer,
        a_house(timings=replace(QUICK, closing=0.05), limits=limits) as house,
    ):
        stream, call = house.listen(customer.url())
        await call.connected()
        before = kept(Frame)
        for _ in range(10):
            feed(stream, 5000)
            assert kept(Frame) - before <= 100
            session = stream._session
            assert session is not None
            assert session.socket._transport.get_write_buffer_size() < limits.unsent + 25 * 1000
            await asyncio.sleep(0)
        report = stream.finish(Disconnected.CALL)
        assert report.dropped > 45_000
        assert report.status == "completed"
        async with asyncio.timeout(PLENTY):
            await house.streams.close()
        assert kept(Frame) <= before
