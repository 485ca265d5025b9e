"""A webhook endpoint in a process of its own: it reads what is posted, counts it, and answers 204."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final

import orjson
import uvloop
from aiohttp import web

from benchmarks.worker import obey

PATH: Final = "/hook"


async def main() -> None:
    """Orders: ``start`` (its port), ``count`` (posts since the last time), ``read``, ``told``.

    From ``read`` on it looks into them: how many events there are, however often they come, and how long they took;
    ``told`` says so, of those since the last time.
    """
    count = 0
    reading = False
    ids: set[str] = set()
    lags: list[float] = []

    async def take(request: web.Request) -> web.Response:
        nonlocal count
        body = await request.read()
        count += 1
        if reading:
            event = orjson.loads(body)
            ids.add(event["id"])
            lags.append(time.time() - datetime.fromisoformat(event["timestamp"]).timestamp())
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post(PATH, take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()

    async def orders(order: dict[str, Any]) -> Any:
        nonlocal count, reading
        match order["order"]:
            case "start":
                return runner.addresses[0][1]
            case "count":
                counted, count = count, 0
                return counted
            case "read":
                reading = True
                return None
            case "told":
                told = {"events": len(ids), "lags": sorted(lags)}
                ids.clear()
                lags.clear()
                return told
            case _:
                raise ValueError(order["order"])

    await obey(orders)
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main())
