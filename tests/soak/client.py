"""A client that behaves: each call has a key, and whatever is lost, refused for now or too late is asked again with it.

Beside it is one that does not: junk, requests that are dropped half way, keys that are none.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from otpvoice.testkit.serve import ServeInstance
from tests.soak.plan import Ask, Kind
from tests.soak.requests import body_of

PATIENCE: Final = 90.0
"""Seconds for which a client asks again; then its user has asked for another code."""
ANSWER: Final = 10.0
"""Seconds that it waits for an answer."""
LATER_LOOK: Final = 12.0
"""Seconds after which it looks at its call, which has ended mostly."""
_LATER: Final = frozenset({409, 429, 500, 502, 503, 504})
"""Statuses after which the same request is sent again: 409 says that the first one is being answered."""
_JUNK: Final = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)),
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /v1/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n{",
    b"POST /v1/calls HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"GET /v1/calls HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nobody-knows-this-one\r\n\r\n",
    b"A" * 20_000,
)


@dataclass(slots=True)
class Client:
    """``accepted``: ids by number of the plan; ``ended``: records that it was shown after their end.

    ``answers``: how often each status came, 0 for no answer; ``gave_up``, ``wrong``: calls that it never got, in
    time or because it was refused for good.
    """

    service: ServeInstance
    test_key: str
    hook: str
    accepted: dict[int, str] = field(default_factory=dict)
    ended: list[dict[str, Any]] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    gave_up: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    junk: int = 0
    _http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def place(self, ask: Ask) -> None:
        """Ask for a call until it is taken, and look at it later, once."""
        # Made once: what is asked again with a key is the same to the byte.
        body = body_of(ask, self.hook, time.time())
        over, pause, haste = time.monotonic() + PATIENCE, 0.2, ask.hasty
        while time.monotonic() < over:
            status, said, wait = await self._post(ask, body, haste)
            haste = None
            self.answers[status] += 1
            if status == 202:
                self.accepted[ask.number] = said["id"]
                await self._look(ask, said["id"])
                return
            if status and status not in _LATER:
                if ask.kind is not Kind.WAITING:
                    self.wrong.append(f"{ask.number}: {status} {said.get('code')}")
                return
            await asyncio.sleep(wait if wait is not None else pause)
            pause = min(2 * pause, 5.0)
        self.gave_up.append(ask.number)

    async def _post(
        self, ask: Ask, body: dict[str, Any], haste: float | None
    ) -> tuple[int, dict[str, Any], float | None]:
        """Return status, document, and after how many seconds to ask again, where it says so; 0: no answer came."""
        assert self._http is not None
        headers = {**self._headers(ask), "Idempotency-Key": f"soak-{ask.number}"}
        timeout = aiohttp.ClientTimeout(total=ANSWER if haste is None else max(haste, 0.001))
        try:
            async with self._http.post(
                f"{self.service.url}/v1/calls", json=body, headers=headers, timeout=timeout
            ) as answer:
                later = answer.headers.get("Retry-After")
                said = await answer.json(content_type=None)
                return answer.status, said, None if later is None else min(float(later), 10.0)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0, {}, None

    async def _look(self, ask: Ask, call: str) -> None:
        assert self._http is not None
        await asyncio.sleep(LATER_LOOK)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
            path = f"{self.service.url}/v1/calls/{call}"
            async with self._http.get(
                path, headers=self._headers(ask), timeout=aiohttp.ClientTimeout(total=ANSWER)
            ) as it:
                record = await it.json(content_type=None)
                if it.status == 200 and record["state"] == "ended":
                    self.ended.append(record)

    def _headers(self, ask: Ask) -> dict[str, str]:
        key = self.test_key if ask.kind is Kind.TEST else self.service.key
        return {"Authorization": f"Bearer {key}"}

    async def disturb(self, seed: int, every: float = 1.0) -> None:
        """Send junk, and go away in the middle of it, for ever."""
        chance = random.Random(f"junk {seed}")
        host, port = self.service.url.removeprefix("http://").split(":")
        while True:
            await asyncio.sleep(chance.uniform(0.2, 2.0) * every)
            self.junk += 1
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(5):
                    _, writer = await asyncio.open_connection(host, int(port))
                    try:
                        writer.write(chance.choice(_JUNK))
                        await writer.drain()
                        await asyncio.sleep(chance.uniform(0.0, 0.5))
                    finally:
                        writer.transport.abort()
