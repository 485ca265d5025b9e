"""The bare loop as a process that takes orders.

It adds nothing to a call; it is apart from ``bare`` so that all that a call takes can be read there on two pages.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import uvloop

from benchmarks.bare import Bare
from benchmarks.worker import obey

WITHIN: Final = 20.0
"""Seconds after which a call is given up."""


async def run(bare: Bare, rate: float, count: int) -> dict[str, float]:
    """Place so many calls without the hook, and wait for their ends."""
    loop = asyncio.get_running_loop()
    begin, calls = loop.time(), []
    for number in range(count):
        await asyncio.sleep(begin + number / rate - loop.time())
        calls.append(asyncio.create_task(asyncio.wait_for(bare.call(), WITHIN)))
    failed = sum(result is not None for result in await asyncio.gather(*calls, return_exceptions=True))
    return {"ok": count - failed, "failed": failed}


async def main() -> None:
    """Orders: ``connect`` (where, and how many legs; returns the hook's port), ``run`` (rate, count)."""
    bares: list[Bare] = []

    async def orders(order: dict[str, Any]) -> Any:
        if order.pop("order") == "run":
            return await run(bares[0], order["rate"], order["count"])
        legs = order.pop("legs")
        bares.append(Bare(**order))
        return await bares[0].connect(legs)

    await obey(orders)


if __name__ == "__main__":
    uvloop.run(main())
