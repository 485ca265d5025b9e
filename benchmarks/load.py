"""The application that asks for calls, in a process of its own: what it costs is not the product's.

It asks at the times that the rate says, whether or not earlier requests were answered.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import aiohttp
import uvloop

from benchmarks import workload
from benchmarks.worker import obey


async def main() -> None:
    # A telephone that is in a call is not called again: each request is for another.
    telephones = (f"+{number}" for number in itertools.count(int(workload.NUMBER)))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def ask(url: str, key: str, body: Any) -> tuple[int, str | None, float]:
            before = time.perf_counter()
            async with http.post(url + "/v1/calls", json=body, headers={"Authorization": f"Bearer {key}"}) as answer:
                document = await answer.json(content_type=None)
            return answer.status, document.get("id"), time.perf_counter() - before

        async def look(url: str, key: str, call_id: str) -> Any:
            async with http.get(f"{url}/v1/calls/{call_id}", headers={"Authorization": f"Bearer {key}"}) as answer:
                return await answer.json()

        async def orders(order: dict[str, Any]) -> Any:
            url, key = order["url"], order["key"]
            if order["order"] == "look":
                return [await look(url, key, call_id) for call_id in order["ids"]]
            loop = asyncio.get_running_loop()
            begin, asked = loop.time(), []
            for number in range(order["count"]):
                await asyncio.sleep(begin + number / order["rate"] - loop.time())
                asked.append(asyncio.create_task(ask(url, key, order["body"] | {"to": next(telephones)})))
            return await asyncio.gather(*asked)

        await obey(orders)


if __name__ == "__main__":
    uvloop.run(main())
