"""The fake's time: late when the machine is late, but never early and never wrong."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from tests.fakes.clock import TICK, Clock, Ticker


@pytest.mark.parametrize("speed", [1.0, 25.0])
async def test_ticks_are_twenty_milliseconds_apart_also_when_the_loop_was_blocked(speed: float) -> None:
    clock = Clock(speed)
    ticks: list[float] = []
    enough = asyncio.Event()

    def tick(at: float) -> None:
        assert at <= clock.now()
        ticks.append(at)
        if len(ticks) == 12:
            enough.set()

    ticker = Ticker(clock, tick, lambda: len(ticks) < 12)
    ticker.wake()
    await clock.sleep(0.05)
    time.sleep(0.1 / speed)  # noqa: ASYNC251 that is the point
    async with asyncio.timeout(5.0):
        await enough.wait()
    ticker.stop()
    assert [after - before for before, after in itertools.pairwise(ticks)] == pytest.approx([TICK] * (len(ticks) - 1))


async def test_without_anybody_who_wants_ticks_there_are_none() -> None:
    clock = Clock(100.0)
    ticks: list[float] = []
    ticker = Ticker(clock, ticks.append, lambda: False)
    ticker.wake()
    await clock.sleep(1.0)
    ticker.advance()
    ticker.stop()
    assert ticks == []


async def test_a_timestamp_reads_as_asterisks() -> None:
    before, _, zone = Clock().timestamp().partition("+")
    assert len(before) == len("2026-08-07T12:00:00.123")
    assert zone == "0000"
