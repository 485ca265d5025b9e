"""How many calls a second this machine holds, by what one costs: a few calls, and the CPU that all parts used for them.

It is a share of what would fill the cores, phones and endpoint included; ``benchmarks`` has figures for the product.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable
from typing import Final

from tests.soak.plan import Ask, Callee, Kind
from tests.soak.site import Parts

CALLS: Final = 12
_EVERY: Final = 0.5
_IDLE: Final = 3.0
_HELD: Final = 0.7
"""Of the cores: beyond that, audio is late."""
_FIRST: Final = 9_000_000
"""Numbers that no call of the plan has."""


async def sustained_rate(parts: Parts) -> float:
    """Return the calls a second that this machine holds for long. Raises ``TimeoutError``: it could not place a few."""
    idle = await _used(parts, asyncio.sleep(_IDLE))
    asks = [
        Ask(_FIRST + number, 0.0, Kind.CODE, Callee.LISTENS, "2345678901", "2345678901", 0.1, 0.0, 486, None)
        for number in range(CALLS)
    ]
    busy = await _used(parts, _all(parts, asks))
    cost = max(0.01, busy[0] - idle[0] / idle[1] * busy[1]) / CALLS
    return _HELD * (os.cpu_count() or 1) / cost


async def _all(parts: Parts, asks: list[Ask]) -> None:
    async def one(number: int, ask: Ask) -> None:
        await asyncio.sleep(number * _EVERY)
        parts.asks[ask.number] = ask
        await parts.client.place(ask)

    async with asyncio.timeout(120):
        await asyncio.gather(*(one(number, ask) for number, ask in enumerate(asks)))


async def _used(parts: Parts, doing: Awaitable[object]) -> tuple[float, float]:
    """Return the CPU seconds of all parts, and how many seconds it took."""

    def used() -> float:
        ours = os.times()
        return ours.user + ours.system + sum(one.cpu_seconds() for one in (parts.asterisk, parts.redis, parts.service))

    begin, before = time.monotonic(), used()
    await doing
    return used() - before, time.monotonic() - begin
