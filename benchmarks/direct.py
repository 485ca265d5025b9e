"""The product without its HTTP hook: its switchboard in a bare process, calls placed by a function call.

It shows what of the product's cost is the call and what is the door.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import structlog
import uvloop

from benchmarks import workload
from benchmarks.worker import obey
from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.finishing.workshop import Workshop
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.ari.node import AsteriskNode, NodeSettings
from otpvoice.core.record import CallRecord
from otpvoice.stasis import StasisApp, Trunk
from otpvoice.testkit.programs import find


class Records:
    """Kept nowhere; counted."""

    def __init__(self) -> None:
        self.ended: list[dict[str, Any]] = []

    async def accept(self, record: CallRecord, /, *, token: str | None = None) -> None:
        pass

    def save(self, record: CallRecord, /) -> None:
        pass

    def finish(self, record: CallRecord, /) -> None:
        self.ended.append(record.to_json())


class Direct:
    """A switchboard with one Asterisk, and the one plan."""

    def __init__(self, url: str, user: str, password: str, endpoint: str, legs: int) -> None:
        locales = load_locales()
        self._records = Records()
        self._finishing = Workshop()
        voice = Renderer([Espeak(str(find("espeak-ng")))], locales, "ulaw", finishing=self._finishing)
        self._app = StasisApp("direct", locales, voice, self._records)
        settings = NodeSettings(
            "a", url, user, password, "direct", "direct", "ulaw", b"\xff", legs_minimum=legs, legs_maximum=legs
        )
        self._node = AsteriskNode(settings, self._app)
        self._app.nodes.append(self._node)
        self._trunk = Trunk("default", endpoint)
        self._plan = workload.plan()
        self._legs = legs

    async def connect(self) -> None:
        """Return when all legs are up."""
        self._running = asyncio.create_task(self._node.run())
        async with asyncio.timeout(30):
            while self._node.pool.free < self._legs:  # noqa: ASYNC110 - before anything is measured
                await asyncio.sleep(0.05)

    async def run(self, rate: float, count: int) -> dict[str, float]:
        """Place so many calls, and wait until the last leg was given back."""
        loop = asyncio.get_running_loop()
        self._records.ended.clear()
        begin = loop.time()
        for number in range(count):
            await asyncio.sleep(begin + number / rate - loop.time())
            await self._app.place(self._plan, self._trunk, account="default", door="http")
        while self._app.count or self._node.pool.taken:  # noqa: ASYNC110 - ten times a second, of no weight
            await asyncio.sleep(0.1)
        ok = sum(bool(record["delivered"] and record["collected"]) for record in self._records.ended)
        return {"ok": ok, "failed": count - ok}

    async def close(self) -> None:
        """Retire the legs and disconnect."""
        await self._app.drain(10)
        await self._node.close()
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self._node.disconnect()
        await self._finishing.close()


async def main() -> None:
    """Orders: ``connect`` (where, and how many legs), then ``run`` (rate, count) as often as wanted."""
    products: list[Direct] = []

    async def orders(order: dict[str, Any]) -> Any:
        if order.pop("order") == "run":
            return await products[0].run(order["rate"], order["count"])
        products.append(Direct(**order))
        return await products[0].connect()

    await obey(orders)


if __name__ == "__main__":
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    uvloop.run(main())
