"""What the streams of a process tell whoever counts: those that are open as they go, and each one's end, once."""

from __future__ import annotations

import asyncio

from otpvoice.core.media import Disconnected, StreamReport, StreamStatus
from tests.adapters.streams.customers import PLENTY, a_customer
from tests.adapters.streams.house import a_house, feed


async def test_a_stream_is_among_the_open_ones_until_its_end_is_told() -> None:
    told: list[tuple[StreamReport, int]] = []

    def note(report: StreamReport) -> None:
        told.append((report, house.streams.count))

    async with a_customer() as customer, a_house(ended=note) as house:
        stream, call = house.listen(customer.url())
        await call.connected()
        feed(stream, 50)
        (report,) = house.streams.reports
        assert (report.status, told) == (StreamStatus.CONNECTED, [])
        final = stream.finish(Disconnected.CALL)
        assert final.frames_sent >= 50
        stream.finish(Disconnected.US)
        assert told == [(final, 0)], "no frame is counted twice, or not at all, in between"


async def test_one_that_never_ran_is_told_too() -> None:
    ends: asyncio.Queue[StreamReport] = asyncio.Queue()
    async with a_house(ended=ends.put_nowait) as house:
        house.listen("ws://127.0.0.1:9/discard")
        async with asyncio.timeout(PLENTY):
            report = await ends.get()
    assert (report.status, report.frames_sent) == (StreamStatus.FAILED, 0)
    assert ends.empty()
