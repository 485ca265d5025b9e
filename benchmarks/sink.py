"""A webhook endpoint in a process of its own: it reads what is posted, counts it, and answers 204."""

from __future__ import annotations

from typing import Any, Final

import uvloop
from aiohttp import web

from benchmarks.worker import obey

PATH: Final = "/hook"


async def main() -> None:
    """Orders: ``start`` (its port), ``count`` (posts since the last time)."""
    count = 0

    async def take(request: web.Request) -> web.Response:
        nonlocal count
        await request.read()
        count += 1
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post(PATH, take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()

    async def orders(order: dict[str, Any]) -> Any:
        nonlocal count
        match order["order"]:
            case "start":
                return runner.addresses[0][1]
            case "count":
                counted, count = count, 0
                return counted
            case _:
                raise ValueError(order["order"])

    await obey(orders)
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main())
