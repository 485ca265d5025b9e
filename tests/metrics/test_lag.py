"""How late the loop is: each tick is counted, and what is late by much is in the log, but not each time."""

from __future__ import annotations

import asyncio
import time

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from otpvoice.metrics import lag as module
from otpvoice.metrics.lag import MUCH, QUIET, LoopLag
from tests.metrics.samples import told

NAME = "otpvoice_event_loop_lag_seconds"


def bucket(registry: CollectorRegistry, le: str) -> float:
    return told(registry)[f'{NAME}_bucket{{le="{le}"}}']


def test_each_tick_is_counted_and_one_that_comes_early_is_in_time() -> None:
    registry = CollectorRegistry()
    lag = LoopLag(registry)
    for late in (-0.001, 0.0005, 0.015, 3.0):
        lag.note(late, 100.0)
    assert [bucket(registry, le) for le in ("0.001", "0.01", "0.02", "2.5", "5.0", "+Inf")] == [2, 2, 3, 3, 4, 4]
    assert told(registry)[f"{NAME}_sum"] == pytest.approx(3.0155)


def test_what_is_late_by_much_is_in_the_log_and_not_each_time() -> None:
    lag = LoopLag(CollectorRegistry())
    with capture_logs() as lines:
        lag.note(MUCH - 0.01, 0.0)
        lag.note(MUCH, 1.0)
        lag.note(MUCH, 2.0)
        lag.note(2.5, QUIET)
        lag.note(MUCH, QUIET + 1.5)
        lag.note(MUCH, QUIET + 2.0)
    assert lines == [
        {"log_level": "warning", "event": "loop.lagging", "worst_ms": 250, "times": 1},
        {"log_level": "warning", "event": "loop.lagging", "worst_ms": 2500, "times": 3},
    ]


async def test_a_loop_that_is_held_up_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.005)
    registry = CollectorRegistry()
    ticking = asyncio.create_task(LoopLag(registry).run())
    try:
        async with asyncio.timeout(5):
            while told(registry)[f"{NAME}_count"] < 2:  # noqa: ASYNC110 - it ticks by itself
                await asyncio.sleep(0.001)
        time.sleep(0.06)  # noqa: ASYNC251 - this is what is measured
        async with asyncio.timeout(5):
            while bucket(registry, "+Inf") == bucket(registry, "0.02"):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    finally:
        ticking.cancel()
