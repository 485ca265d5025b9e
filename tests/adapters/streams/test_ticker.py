"""The clock of all streams, on a loop whose time is skipped."""

from __future__ import annotations

import asyncio

import pytest

from otpvoice.adapters.streams.ticker import Ticker
from tests.rehearsal.virtual import BEGAN, in_no_time, now, timers


def test_it_ticks_on_a_grid_for_as_long_as_it_is_wanted() -> None:
    async def story() -> list[float]:
        ticks: list[float] = []
        ticker = Ticker(ticks.append)
        assert not ticker.running
        ticker.start()
        await asyncio.sleep(30)
        ticker.start()  # a second stream
        await asyncio.sleep(30.01)
        ticker.stop()
        assert (ticker.running, timers()) == (False, 0)
        await asyncio.sleep(1)
        return ticks

    ticks = in_no_time(story())
    assert len(ticks) == 3000
    assert ticks[-1] == pytest.approx(BEGAN + 60)


def test_what_a_busy_loop_has_missed_is_one_tick_and_the_grid_stays() -> None:
    async def story() -> list[float]:
        ticks: list[float] = []

        def tick(at: float) -> None:
            ticks.append(at - BEGAN)
            if len(ticks) == 2:
                asyncio.get_running_loop()._skipping.now += 0.110  # type: ignore[attr-defined]

        ticker = Ticker(tick)
        ticker.start()
        await asyncio.sleep(0.25)
        ticker.stop()
        return ticks

    assert in_no_time(story()) == pytest.approx([0.02, 0.04, 0.15, 0.16, 0.18, 0.2, 0.22, 0.24])


def test_it_can_be_started_again() -> None:
    async def story() -> list[float]:
        ticks: list[float] = []
        ticker = Ticker(ticks.append)
        for _ in range(2):
            ticker.start()
            await asyncio.sleep(0.05)
            ticker.stop()
            ticker.stop()
        assert now() == pytest.approx(BEGAN + 0.1)
        return ticks

    assert in_no_time(story()) == pytest.approx([BEGAN + at for at in (0.02, 0.04, 0.07, 0.09)])
