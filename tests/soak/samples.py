"""What the processes of a soak use, sample by sample, and which life of a process each sample is of."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError

from otpvoice.testkit.instance import Instance
from tests.metrics.samples import parsed, samples_of
from tests.soak.site import Parts
from tests.soak.trend import Bound, Trend, trend

_MB: Final = 1e6
BOUNDS: Final = {
    ("service", "RSS, MB"): Bound(16.0),
    ("service", "descriptors"): Bound(20.0, 0.2),
    ("service", "tasks"): Bound(20.0, 0.3),
    ("Asterisk", "RSS, MB"): Bound(16.0),
    ("Asterisk", "descriptors"): Bound(40.0, 0.3),
}
"""How much a figure may seem to grow in half an hour and be flat. Redis is not among them: it keeps what it gets."""
_LAG: Final = "otpvoice_event_loop_lag_seconds"


@dataclass(frozen=True, slots=True)
class Sample:
    """``at``: seconds since the beginning; ``age``: of the process; ``life``: its process id."""

    at: float
    age: float
    whose: str
    life: int
    figures: dict[str, float]


@dataclass(slots=True)
class Sampler:
    """``samples`` in the order in which they were taken."""

    parts: Parts
    began: float
    samples: list[Sample] = field(default_factory=list)
    _first: dict[tuple[str, int], float] = field(default_factory=dict)
    _ticks: dict[int, dict[str, float]] = field(default_factory=dict)

    async def run(self, every: float) -> None:
        """Sample for ever."""
        while True:
            await self.take()
            await asyncio.sleep(every)

    async def take(self) -> None:
        """Take a sample of each that runs."""
        parts = self.parts
        self._note("service", parts.service, await self._of_service())
        self._note("Asterisk", parts.asterisk, {})
        self._note("Redis", parts.redis, await self._of_redis())

    def trends(self) -> dict[tuple[str, str], list[Trend]]:
        """Return how each figure that is bound went, life by life."""
        lives: defaultdict[tuple[str, str, int], list[tuple[float, float]]] = defaultdict(list)
        for sample in self.samples:
            for name, figure in sample.figures.items():
                if (sample.whose, name) in BOUNDS:
                    lives[sample.whose, name, sample.life].append((sample.age, figure))
        judged: defaultdict[tuple[str, str], list[Trend]] = defaultdict(list)
        for (whose, name, _), points in lives.items():
            judged[whose, name].append(trend(points, BOUNDS[whose, name]))
        return dict(judged)

    def _note(self, whose: str, process: Instance, more: dict[str, float]) -> None:
        if not process.running:
            return
        life, now = process.pid, time.monotonic()
        try:
            figures = {
                "RSS, MB": process.rss_bytes() / _MB,
                "descriptors": float(len(os.listdir(f"/proc/{life}/fd"))),
            }
        except (OSError, IndexError):
            return  # it has just ended
        first = self._first.setdefault((whose, life), now)
        self.samples.append(Sample(now - self.began, now - first, whose, life, figures | more))

    async def _of_service(self) -> dict[str, float]:
        service = self.parts.service
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http,
                http.get(f"{service.url}/metrics") as answer,
            ):
                text, kind = await answer.read(), answer.headers["Content-Type"]
        except (aiohttp.ClientError, TimeoutError, OSError):
            return {}
        said = samples_of(parsed(text, kind))
        ticks = {name: number for name, number in said.items() if name.startswith(f"{_LAG}_bucket")}
        before = self._ticks.get(service.pid, {})
        self._ticks[service.pid] = ticks
        return {
            "tasks": said["otpvoice_event_loop_tasks"],
            "lag p99, ms": 1000 * _quantile({name: number - before.get(name, 0.0) for name, number in ticks.items()}),
            "legs": sum(number for name, number in said.items() if name.startswith("otpvoice_media_legs{")),
            "calls": sum(number for name, number in said.items() if name.startswith("otpvoice_calls_in_progress")),
        }

    async def _of_redis(self) -> dict[str, float]:
        try:
            async with Redis.from_url(self.parts.redis.url, socket_timeout=2) as redis:
                return {"memory, MB": float((await redis.info("memory"))["used_memory"]) / _MB}
        except (RedisError, OSError):
            return {}


def _quantile(buckets: dict[str, float], share: float = 0.99) -> float:
    """Return the bound of the bucket in which so many of all ticks are, in seconds."""
    bounds = sorted((float(name.partition('le="')[2].partition('"')[0]), number) for name, number in buckets.items())
    total = bounds[-1][1] if bounds else 0.0
    return next((bound for bound, number in bounds if total and number >= share * total), 0.0)
