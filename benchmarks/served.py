"""The product as ``otpvoice serve`` runs it, in a process that also samples its own event loop when asked to.

The service is the product's own object with the settings of the environment; nothing of it is replaced.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import uvloop

from benchmarks.memory import resident_kb
from benchmarks.worker import obey
from otpvoice import logs
from otpvoice.service import Service
from otpvoice.settings import Settings

SAMPLE_EVERY: Final = 0.005


class LagProbe:
    """How much later than asked for the loop wakes a sleeper: 200 times a second, so not while CPU is counted.

    ``look`` is called each time.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._lags: list[float] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._lags = []
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
            self._look()


class Peaks:
    """The most there was of what may pile up in a service, since ``anew``."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.most: dict[str, int] = {}

    def anew(self) -> None:
        self.most = {}

    def look(self) -> None:
        for name, count in self.now().items():
            self.most[name] = max(count, self.most.get(name, 0))

    def now(self) -> dict[str, int]:
        service, pool = self._service, self._service.node.pool
        return {
            "calls": service.stasis.count,
            "legs taken": pool.taken,
            "legs free": pool.free,
            "waiting for a leg": pool.waiting,
            "waiting for the trunk": sum(trunk.pace.waiting for trunk in service._trunks.values()),
            "writes pending": service._writes.pending,
            "tasks": len(asyncio.all_tasks()),
            "kB": resident_kb("self"),
        }


async def main() -> None:
    """Orders: ``start``, ``legs`` (wait until so many are free), ``lag_begin``, ``lag_end``, ``peaks``, ``now``."""
    settings = Settings.load(os.environ)
    logs.configure(format="json", stream=sys.stderr)
    async with await Service.start(settings) as service:
        peaks = Peaks(service)
        probe = LagProbe(peaks.look)

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
                    peaks.anew()
                    return probe.start()
                case "lag_end":
                    return probe.stop()
                case "peaks":
                    return peaks.most
                case "now":
                    return peaks.now()
                case _:
                    raise ValueError(order["order"])

        await obey(orders)


if __name__ == "__main__":
    uvloop.run(main())
