"""The product as ``otpvoice serve`` runs it, in a process that also samples its own event loop when asked to.

The service is the product's own object with the settings of the environment; nothing of it is replaced.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any, Final

import uvloop

from benchmarks.worker import obey
from otpvoice import logs
from otpvoice.service import Service
from otpvoice.settings import Settings

SAMPLE_EVERY: Final = 0.005


class LagProbe:
    """How much later than asked for the loop wakes a sleeper: 200 times a second, so not while CPU is counted."""

    def __init__(self) -> None:
        self._lags: list[float] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._sample())

    def stop(self) -> list[float]:
        """Return the samples, in seconds."""
        if self._task is not None:
            self._task.cancel()
        return self._lags

    async def _sample(self) -> None:
        while True:
            # Not the loop's own clock: uvloop reads it once a turn, so it stands still while the loop is busy.
            before = time.perf_counter()
            await asyncio.sleep(SAMPLE_EVERY)
            self._lags.append(max(0.0, time.perf_counter() - before - SAMPLE_EVERY))


async def main() -> None:
    """Orders: ``start``, ``legs`` (wait until so many are free), ``lag_begin``, ``lag_end``."""
    settings = Settings.load(os.environ)
    logs.configure(format="json", stream=sys.stderr)
    probe = LagProbe()
    async with await Service.start(settings) as service:

        async def orders(order: dict[str, Any]) -> Any:
            match order["order"]:
                case "start":
                    return service.port
                case "legs":
                    async with asyncio.timeout(30):
                        while service.node.pool.free < order["count"]:  # noqa: ASYNC110 - before anything is measured
                            await asyncio.sleep(0.02)
                    return service.node.pool.free
                case "lag_begin":
                    return probe.start()
                case "lag_end":
                    return probe.stop()
                case _:
                    raise ValueError(order["order"])

        await obey(orders)


if __name__ == "__main__":
    uvloop.run(main())
