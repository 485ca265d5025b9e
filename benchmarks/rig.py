"""The parts of a measurement, each in a process of its own: Asterisk, the phones, who places calls, who asks for them.

It measures one round at a time: so many calls at such a rate, by the bare loop or by the product.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import secrets
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from benchmarks import workload
from benchmarks.callee import good
from benchmarks.worker import Worker, cpu_of
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.programs import find
from otpvoice.testkit.redis import RedisInstance

ENDED_WITHIN: Final = 25.0
SETTLE: Final = 0.4
"""Seconds after the last call in which legs are given back; they belong to the calls."""
DIAL: Final = "PJSIP/{number}@trunk"
BARE_KEY: Final = "bare"


class Who(StrEnum):
    """Who places the calls: asked over HTTP, or by a function call in the same process."""

    BARE = "bare"
    PRODUCT = "product"
    BARE_DIRECT = "bare_direct"
    PRODUCT_DIRECT = "product_direct"


@dataclass(frozen=True, slots=True)
class Round:
    """What one round took. CPU in seconds of one core, spans in seconds."""

    who: Who
    rate: float
    count: int
    good: int
    seconds: float
    cpu: Mapping[str, float]
    """Of ``app``, ``asterisk``, ``callee``, ``load``, and of the whole ``machine`` but this process."""
    answer_to_rtp: Sequence[float] = field(repr=False)
    accepted: Sequence[float] = field(repr=False)
    remarks: Sequence[str] = ()

    @property
    def failed(self) -> int:
        """Calls that did not go as they should, whatever the reason."""
        return self.count - self.good

    def ms_a_call(self, part: str) -> float:
        """Return milliseconds of CPU a call."""
        return 1000 * self.cpu[part] / self.count

    def cores(self, part: str) -> float:
        """Return how many cores a part kept busy, on average."""
        return self.cpu[part] / self.seconds

    @property
    def others(self) -> float:
        """Cores that everybody else on this machine kept busy: where it is not near 0, measure again."""
        ours = sum(seconds for part, seconds in self.cpu.items() if part != "machine")
        return max(0.0, self.cpu["machine"] - ours) / self.seconds


@dataclass(slots=True)
class Rig:
    """Made by ``rigged``. ``audible``: seconds of the speech that are loud, learnt from the first round."""

    asterisk: AsteriskInstance
    callee: Worker
    load: Worker
    workers: Mapping[Who, Worker]
    hooks: Mapping[Who, tuple[str, str]]
    speech: workload.Speech
    audible: float = 0.0

    async def round(self, who: Who, rate: float, count: int) -> Round:
        """Place ``count`` calls at ``rate`` a second, and follow them to their ends."""
        await self.callee.ask("scenario", press_at=self.speech.seconds + workload.PRESS_AFTER)
        begin, before = time.perf_counter(), self._cpu(who)
        asked = await self.place(who, rate, count)
        taken = sum(status == 202 for status, _, _ in asked)
        calls = await self.callee.ask("ended", count=taken, within=ENDED_WITHIN)
        await asyncio.sleep(SETTLE)
        cpu = {part: now - before[part] for part, now in self._cpu(who).items()}
        self.audible = self.audible or statistics.median(call["audible"] for call in calls)
        bad = [call for call in calls if not good(call, self.audible)]
        result = Round(
            who=who,
            rate=rate,
            count=count,
            good=len(calls) - len(bad),
            seconds=time.perf_counter() - begin,
            cpu=cpu,
            answer_to_rtp=[call["answer_to_rtp"] for call in calls if call["answer_to_rtp"] is not None],
            accepted=[took for _, _, took in asked],
            remarks=[str(call) for call in bad][:3],
        )
        return await self._confirmed(result, [call_id for _, call_id, _ in asked if call_id])

    async def place(
        self, who: Who, rate: float, count: int, body: Mapping[str, Any] | None = None
    ) -> list[tuple[int, str | None, float]]:
        """Ask for the calls. Returns the status, the call's id and the seconds to the answer of each request."""
        if who not in self.hooks:
            await self.workers[who].ask("run", rate=rate, count=count)
            return [(202, None, 0.0)] * count
        url, key = self.hooks[who]
        answers = await self.load.ask("run", url=url, key=key, body=body or workload.body(), phases=[(rate, count)])
        return [(answer["status"], answer["id"], answer["took"]) for answer in answers]

    async def _confirmed(self, result: Round, ids: list[str]) -> Round:
        """Whatever the callee heard, a call of the product's is good only if its record says so, too."""
        if result.who is not Who.PRODUCT:
            return result
        url, key = self.hooks[result.who]
        records = await self.load.ask("look", url=url, key=key, ids=ids)
        bad = [record for record in records if not (record["delivered"] and record["collected"])]
        told = [str({name: record[name] for name in ("outcome", "errors")}) for record in bad[:3]]
        return dataclasses.replace(
            result, good=min(result.good, len(records) - len(bad)), remarks=[*result.remarks, *told]
        )

    def _cpu(self, who: Who) -> dict[str, float]:
        return {
            "app": self.workers[who].cpu,
            "asterisk": cpu_of(self.asterisk.pid),
            "callee": self.callee.cpu,
            "load": self.load.cpu,
            "machine": machine_cpu() - time.process_time(),
        }


def machine_cpu() -> float:
    """Seconds of CPU that this machine has spent on anything but waiting (proc_stat(5))."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


@contextlib.asynccontextmanager
async def rigged(
    folder: Path, speech: workload.Speech, *, legs: tuple[int, int], beside: Sequence[Who] = (), redis: bool = False
) -> AsyncIterator[Rig]:
    """Start everything, with the product's hook and what is wanted ``beside`` it. ``legs``: how few, how many.

    ``redis``: records and events are kept there; else in the product's own memory.
    """
    os.mkdir(folder)
    async with contextlib.AsyncExitStack() as stack:

        async def start(module: str, env: dict[str, str] | None = None) -> Worker:
            return await stack.enter_async_context(Worker(module, folder / f"{module}.log", env=env))

        callee, load = await start("callee"), await start("load")
        asterisk = await stack.enter_async_context(
            await AsteriskInstance.start(
                folder / "asterisk",
                trunk=tuple(await callee.ask("address")),
                rtp_ports=2000,
                # A session is a leg's socket, and up to three pools are up at once.
                extra_config={"http.conf": "[general](+)\nsessionlimit = 3000"},
            )
        )
        key = secrets.token_hex(32)
        env = environment(asterisk, key, legs)
        if redis:
            server = await stack.enter_async_context(await RedisInstance.start(folder / "redis"))
            env["OTPVOICE_REDIS_URL"] = server.url
        workers = {Who.PRODUCT: await start("served", env)}
        hooks = {Who.PRODUCT: (local(await workers[Who.PRODUCT].ask("start")), key)}
        await workers[Who.PRODUCT].ask("legs", count=legs[0])
        where: dict[str, Any] = {
            "url": asterisk.ari_url,
            "user": asterisk.ari_user,
            "password": asterisk.ari_password,
            "endpoint": DIAL.replace("{number}", workload.NUMBER[1:]),
            "legs": legs[0],
        }
        if Who.BARE in beside or Who.BARE_DIRECT in beside:
            bare = workers[Who.BARE] = workers[Who.BARE_DIRECT] = await start("bare_process")
            hooks[Who.BARE] = local(await bare.ask("connect", messages=speech.messages, **where)), BARE_KEY
        if Who.PRODUCT_DIRECT in beside:
            direct = workers[Who.PRODUCT_DIRECT] = await start("direct")
            await direct.ask("connect", **where)
        yield Rig(asterisk, callee, load, workers, hooks, speech)


def local(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def environment(asterisk: AsteriskInstance, key: str, legs: tuple[int, int]) -> dict[str, str]:
    """Return the product's settings: no silence around the speech, no Redis, no webhooks."""
    settings = {
        "DEV": "1",  # for it alone does without Redis
        "ARI_URL": asterisk.ari_url,
        "ARI_USER": asterisk.ari_user,
        "ARI_PASSWORD": asterisk.ari_password,
        "INSTANCE": "served",
        "TRUNK": DIAL,
        "CALLER_IDS": workload.CALLER,
        "API_KEYS": key,
        "ALLOW_DESTINATIONS": "+1202",
        "HTTP_BIND": "127.0.0.1:0",
        "LEAD_IN": "0",
        "TAIL": "0",
        "MEDIA_LEGS": f"{legs[0]}:{legs[1]}",
    }
    of_the_rig = ("OTPVOICE_RIG", "OTPVOICE_RIG_PRIVATE", "OTPVOICE_ASTERISK")
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("OTPVOICE_") or name in of_the_rig
    }
    # The product looks for espeak-ng on PATH.
    inherited["PATH"] = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{find('espeak-ng').parent}"
    return inherited | {f"OTPVOICE_{name}": value for name, value in settings.items()}
