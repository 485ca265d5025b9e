"""The whole of what a user has, under load: HTTP, Redis that writes to disk, sealed plans, webhooks, Asterisk, phones.

It places calls in phases, each at a rate, follows those that were taken to their ends, and says what came of each and
who was busy. A call is judged by its telephone and by its record; that all webhooks came is judged of all together.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis

from benchmarks import sink, workload
from benchmarks.callee import good
from benchmarks.cost import percentile
from benchmarks.loaded import Asked, Loaded
from benchmarks.rig import environment, local, machine_cpu
from benchmarks.worker import Worker, cpu_of
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.redis import RedisInstance

ENDED_WITHIN: Final = 45.0
SETTLED_WITHIN: Final = 20.0
"""Seconds after the last call for legs to be back and webhooks to be delivered."""
RTP_PORTS: Final = 2400
"""Two a call."""
SESSIONS: Final = 4000
"""Of Asterisk's HTTP server: each leg has one."""
OVER_AFTER: Final = 0.6
"""Seconds of silence after which a callee knows that the code is over: longer than any pause in it."""
BRIEFLY: Final = 0.1
"""Seconds for which a telephone sends audio that is there to be judged by what it hears, and costs little."""
ALWAYS: Final = 3600.0


@dataclass(slots=True)
class Whole:
    """Made by ``whole``. ``audible``: seconds of the speech that are loud; ``onset``: from the 200 OK to the first of
    them, at the best. Both are learnt from the first calls."""

    asterisk: AsteriskInstance
    redis: RedisInstance
    callee: Worker
    load: Worker
    sink: Worker
    product: Worker
    url: str
    key: str
    speech: workload.Speech
    audible: float = 0.0
    onset: float = 0.0

    async def calls(self, *phases: tuple[float, int], waits: float = 0.0, talking: bool = False) -> Loaded:
        """Ask for so many calls at such a rate, phase after phase.

        ``waits``: seconds for which callees think before they press the key, beyond the pause by which they know that
        the code is over. ``talking``: their telephones send audio all the time, as telephones do.
        """
        # As a person does it: by what was heard, and not by when it should have been.
        silence = ALWAYS if talking else BRIEFLY
        await self.callee.ask("scenario", press_at=waits, after_silence=OVER_AFTER, silence=silence)
        await self.sink.ask("told")
        await self.product.ask("lag_begin")
        began, before = time.perf_counter(), self._cpu()
        body = workload.body(max(workload.WAIT_FOR_KEY, waits + 5.0), sensitive=False)
        answers = await self.load.ask("run", url=self.url, key=self.key, body=body, phases=phases)
        cpu = {part: now - before[part] for part, now in self._cpu().items()}
        busy_seconds = time.perf_counter() - began
        taken = [answer for answer in answers if answer["status"] == 202]
        records = await self._ended([answer["id"] for answer in taken])
        lags, peaks = await self.product.ask("lag_end"), await self.product.ask("peaks")
        tidy = await self._settled(records)
        heard: dict[str, list[Mapping[str, Any]]] = {}
        for call in await self.callee.ask("ended", count=0, within=0):
            heard.setdefault(call["to"], []).append(call)
        if not self.audible:
            first = [call for calls in heard.values() for call in calls if call["answer_to_sound"] is not None]
            self.audible = percentile(sorted(call["audible"] for call in first), 50)
            self.onset = min(call["answer_to_sound"] for call in first)
        numbers = [number for number, (_, count) in enumerate(phases) for _ in range(count)]
        told = await self.sink.ask("told")
        return Loaded(
            phases,
            [
                self._judged(phase, answer, records.get(answer["id"]), heard.get(answer["to"], []))
                for phase, answer in zip(numbers, answers, strict=True)
            ],
            busy_seconds,
            cpu,
            peaks,
            sorted(lags),
            told["lags"],
            told["events"],
            tidy,
        )

    async def now(self) -> dict[str, int]:
        """Return how much there is now of what may pile up."""
        there: dict[str, int] = await self.product.ask("now")
        return there

    def _judged(
        self, phase: int, answer: Mapping[str, Any], record: Mapping[str, Any] | None, heard: list[Mapping[str, Any]]
    ) -> Asked:
        well = (
            record is not None
            and bool(record["delivered"])
            and [entry["digits"] for entry in record["collected"]] == [workload.KEY]
            and len(heard) == 1
            and good(dict(heard[0]), self.audible)
        )
        return Asked(
            phase=phase,
            at=answer["at"],
            status=answer["status"],
            code=answer["code"],
            retry_after=answer["retry_after"],
            took=answer["took"],
            record=record,
            heard=heard,
            well=well,
        )

    async def _ended(self, ids: list[str]) -> dict[str, Mapping[str, Any]]:
        """Wait until all calls have their ends, or too long. Returns their records."""
        records: dict[str, Mapping[str, Any]] = {}
        deadline = time.perf_counter() + ENDED_WITHIN
        while True:
            left = [call_id for call_id in ids if records.get(call_id, {}).get("state") != "ended"]
            for record in await self.load.ask("look", url=self.url, key=self.key, ids=left):
                records[record["id"]] = record
            if all(record["state"] == "ended" for record in records.values()) or time.perf_counter() > deadline:
                return records
            await asyncio.sleep(1.0)

    async def _settled(self, records: Mapping[str, Mapping[str, Any]]) -> bool:
        """Wait until nothing is under way any more."""
        deadline = time.perf_counter() + SETTLED_WITHIN
        async with Redis.from_url(self.redis.url) as redis:
            while time.perf_counter() < deadline:
                now, outbox = await self.now(), await _outbox(redis)
                if not (now["calls"] or now["legs taken"] or now["writes pending"] or outbox):
                    return True
                await asyncio.sleep(0.2)
        return False

    def _cpu(self) -> dict[str, float]:
        return {
            "app": self.product.cpu,
            "asterisk": cpu_of(self.asterisk.pid),
            "callee": self.callee.cpu,
            "load": self.load.cpu,
            "redis": cpu_of(self.redis.pid),
            "sink": self.sink.cpu,
            "machine": machine_cpu() - time.process_time(),
        }


async def _outbox(redis: Redis) -> int:
    """Return how many webhooks are on their way."""
    return sum([await redis.zcard(key) async for key in redis.scan_iter("otpvoice:*:outbox")])


@contextlib.asynccontextmanager
async def whole(
    folder: Path, speech: workload.Speech, *, legs: tuple[int, int], **settings: str
) -> AsyncIterator[Whole]:
    """Start everything. ``legs``: how few, how many. ``settings``: of the product, upper case, without prefix."""
    os.mkdir(folder)
    async with contextlib.AsyncExitStack() as stack:

        async def start(module: str, env: dict[str, str] | None = None) -> Worker:
            return await stack.enter_async_context(Worker(module, folder / f"{module}.log", env=env))

        callee, load, endpoint = await start("callee"), await start("load"), await start("sink")
        redis = await stack.enter_async_context(await RedisInstance.start(folder / "redis", appendonly=True))
        async with Redis.from_url(redis.url) as client:
            # As whoever runs it is told to: what is written is on disk within a second.
            await client.config_set("appendfsync", "everysec")
        asterisk = await stack.enter_async_context(
            await AsteriskInstance.start(
                folder / "asterisk",
                trunk=tuple(await callee.ask("address")),
                rtp_ports=RTP_PORTS,
                extra_config={"http.conf": f"[general](+)\nsessionlimit = {SESSIONS}"},
            )
        )
        key = secrets.token_hex(32)
        ours = {
            "REDIS_URL": redis.url,
            "SECRET_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "URL_ALLOW": "127.0.0.1",
            "WEBHOOK_SECRETS": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
            "WEBHOOK_URL": f"{local(await endpoint.ask('start'))}{sink.PATH}",
        } | settings
        await endpoint.ask("read")
        env = environment(asterisk, key, legs) | {f"OTPVOICE_{name}": value for name, value in ours.items()}
        env.pop("OTPVOICE_DEV")
        product = await start("served", env)
        url = local(await product.ask("start"))
        await product.ask("legs", count=legs[0])
        yield Whole(asterisk, redis, callee, load, endpoint, product, url, key, speech)
