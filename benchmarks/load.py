"""The application that asks for calls, in a process of its own: what it costs is not the product's.

It asks at the times that the rates say, whether or not earlier requests were answered.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any, Final

import aiohttp
import uvloop

from benchmarks import workload
from benchmarks.worker import obey

ANSWERED_WITHIN: Final = 30.0
"""Seconds for an answer; none by then is told as one of status 0."""


def told(body: Any, status: int, document: Any, retry_after: str | None, began: float) -> dict[str, Any]:
    """Return what came of a request; ``took``: seconds."""
    return {
        "to": body["to"],
        "status": status,
        "id": document.get("id"),
        "code": document.get("code"),
        "retry_after": retry_after,
        "took": time.perf_counter() - began,
    }


async def main() -> None:
    # A telephone that is in a call is not called again: each request is for another.
    telephones = (f"+{number}" for number in itertools.count(int(workload.NUMBER)))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def ask(url: str, key: str, body: Any) -> dict[str, Any]:
            before, at = time.perf_counter(), asyncio.get_running_loop().time()
            # Given up only when nobody could have any use for the answer: an answer that never comes is one, too.
            try:
                async with (
                    asyncio.timeout(ANSWERED_WITHIN),
                    http.post(url + "/v1/calls", json=body, headers={"Authorization": f"Bearer {key}"}) as answer,
                ):
                    document = await answer.json(content_type=None)
            except (aiohttp.ClientError, OSError) as error:
                document = {"code": type(error).__name__}
                return told(body, 0, document, None, before) | {"at": at}
            return told(body, answer.status, document, answer.headers.get("Retry-After"), before) | {"at": at}

        async def look(url: str, key: str, call_id: str) -> Any:
            async with http.get(f"{url}/v1/calls/{call_id}", headers={"Authorization": f"Bearer {key}"}) as answer:
                return await answer.json()

        async def orders(order: dict[str, Any]) -> Any:
            url, key = order["url"], order["key"]
            if order["order"] == "look":
                return [await look(url, key, call_id) for call_id in order["ids"]]
            loop = asyncio.get_running_loop()
            due, asked = loop.time(), []
            for rate, count in order["phases"]:
                for _ in range(count):
                    await asyncio.sleep(due - loop.time())
                    asked.append(asyncio.create_task(ask(url, key, order["body"] | {"to": next(telephones)})))
                    due += 1 / rate
            return await asyncio.gather(*asked)

        await obey(orders)


if __name__ == "__main__":
    uvloop.run(main())
