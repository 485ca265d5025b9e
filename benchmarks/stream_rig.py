"""The parts of a measurement of streams, each in a process of its own: Asterisk, phones, a customer's end, who relays.

It has so many calls stream at once, by the bare relay or by the product, and looks at a window of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from benchmarks import workload
from benchmarks.coded import LATE
from benchmarks.cost import percentile
from benchmarks.rig import BARE_KEY, DIAL, Who, environment, local, machine_cpu
from benchmarks.worker import Worker, cpu_of
from otpvoice.testkit.asterisk import AsteriskInstance

Mode: TypeAlias = Literal["listen", "talk"]
RATE: Final = 25.0
"""Calls a second that are placed."""
UP_WITHIN: Final = 20.0
SETTLE: Final = 3.0
"""Seconds: by then a stream's clock has been corrected for the first time."""
QUIET: Final = 0.05
"""Share of a core below which the product has done what it does at its start: it makes speech ahead of need."""
GIVEN_BACK: Final = 1.0
"""Seconds in which legs go back to their pool."""
WAITS: Final = [{"type": "gather", "max_digits": 1, "first_digit_timeout": 60}] * 4
"""For keys that nobody presses, so that nothing is said: a pause is silence that is played."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was heard at one end; see ``coded.Heard``. ``delays``: sorted, in seconds."""

    signals: int
    frames: int
    missing: int
    again: int
    other: int
    delays: Sequence[float]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Told:
        """Read what a worker answered."""
        return cls(**{**answer, "delays": [delay / 1e6 for delay in answer["delays"]]})

    @property
    def late(self) -> float:
        """The share of the frames that came too late."""
        return sum(delay > LATE for delay in self.delays) / max(1, len(self.delays))

    def ms(self, percent: float) -> float:
        """Return the delay that so many percent do not exceed."""
        return 1000 * percentile(self.delays, percent)


@dataclass(frozen=True, slots=True)
class Window:
    """``seconds`` of ``streams`` at once. CPU in seconds of one core, by part. ``there``: at the customer's end."""

    who: Who
    mode: Mode
    streams: int
    seconds: float
    cpu: Mapping[str, float]
    there: Told
    here: Told

    @property
    def us_a_frame(self) -> float:
        """Microseconds of CPU of who relays, for each frame that came through."""
        return 1e6 * self.cpu["app"] / max(1, self.there.frames + self.here.frames)

    @property
    def cores(self) -> float:
        """How many cores who relays kept busy."""
        return self.cpu["app"] / self.seconds

    @property
    def others(self) -> float:
        """Cores that everybody else on this machine kept busy."""
        ours = sum(seconds for part, seconds in self.cpu.items() if part != "machine")
        return max(0.0, self.cpu["machine"] - ours) / self.seconds

    @property
    def busy(self) -> str:
        """Say who kept how many cores busy."""
        parts = ", ".join(f"{part} {spent / self.seconds:.2f}" for part, spent in self.cpu.items() if part != "machine")
        return f"cores busy: {parts}, others {self.others:.2f}"


@dataclass(slots=True)
class StreamRig:
    """Made by ``stream_rig``. ``settle``: seconds from the last stream's begin to what is counted."""

    asterisk: AsteriskInstance
    phones: Worker
    peer: Worker
    load: Worker
    workers: Mapping[Who, Worker]
    hooks: Mapping[Who, tuple[str, str]]
    url: str
    settle: float

    async def window(self, who: Who, mode: Mode, streams: int, seconds: float) -> Window:
        """Have so many calls stream at once, look at them for so many seconds, and end them."""
        await self.up(who, streams, mode)
        if mode == "talk":
            await self.peer.ask("speak")
        await asyncio.sleep(self.settle)
        await self.phones.ask("begin")
        await self.peer.ask("begin")
        begin, before = time.perf_counter(), self._cpu(who)
        await asyncio.sleep(seconds)
        cpu = {part: now - before[part] for part, now in self._cpu(who).items()}
        spent = time.perf_counter() - begin
        there, here = Told.of(await self.peer.ask("end")), Told.of(await self.phones.ask("end"))
        await self.peer.ask("be_silent")
        await self.down()
        return Window(who, mode, streams, spent, cpu, there, here)

    async def silent(self, who: Who, calls: int, seconds: float) -> float:
        """Return the cores that so many calls keep busy that have no stream."""
        await self.up(who, calls, None)
        await asyncio.sleep(self.settle)
        begin, before = time.perf_counter(), self.workers[who].cpu
        await asyncio.sleep(seconds)
        cores = (self.workers[who].cpu - before) / (time.perf_counter() - begin)
        await self.down()
        return cores

    async def up(self, who: Who, calls: int, mode: Mode | None) -> None:
        """Place calls and wait until they are up, and their streams; ``mode`` None: they have none."""
        await self.phones.ask("talking", talking=mode is not None)
        url, key = self.hooks[who]
        answers = await self.load.ask("run", url=url, key=key, body=self._body(mode), phases=[(RATE, calls)])
        refused = [answer["status"] for answer in answers if answer["status"] != 202]
        if refused:
            raise RuntimeError(f"{len(refused)} of {calls} calls were refused: {refused[0]}")
        await self._count(self.phones, "alive", calls)
        await self._count(self.peer, "streams", calls if mode else 0)

    async def down(self) -> None:
        """End all calls, and wait until their streams are over."""
        await self.phones.ask("hang_up")
        await self._count(self.peer, "streams", 0)
        await asyncio.sleep(GIVEN_BACK)

    def _body(self, mode: Mode | None) -> dict[str, Any]:
        stream = {"type": "stream", "url": self.url, "format": "twilio", "mode": mode, "tracks": ["inbound"]}
        return {"to": workload.NUMBER, "actions": [stream, *WAITS] if mode else WAITS}

    async def _count(self, worker: Worker, what: str, wanted: int) -> None:
        count = -1
        try:
            async with asyncio.timeout(UP_WITHIN):
                while (count := await worker.ask(what)) != wanted:  # noqa: ASYNC110 - it is another process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise RuntimeError(f"{what}: {count} of {wanted} after {UP_WITHIN:g} s") from None

    def _cpu(self, who: Who) -> dict[str, float]:
        return {
            "app": self.workers[who].cpu,
            "asterisk": cpu_of(self.asterisk.pid),
            "phones": self.phones.cpu,
            "peer": self.peer.cpu,
            "machine": machine_cpu() - time.process_time(),
        }


@contextlib.asynccontextmanager
async def stream_rig(
    folder: Path, *, legs: int, bare: bool = True, settle: float | None = None
) -> AsyncIterator[StreamRig]:
    """Start everything, with ``legs`` media legs for the product, and as many for the bare relay where it is wanted."""
    os.mkdir(folder)
    async with contextlib.AsyncExitStack() as stack:

        async def start(module: str, env: dict[str, str] | None = None) -> Worker:
            return await stack.enter_async_context(Worker(module, folder / f"{module}.log", env=env))

        phones, peer, load = await start("stream_phones"), await start("stream_peer"), await start("load")
        asterisk = await stack.enter_async_context(
            await AsteriskInstance.start(
                folder / "asterisk",
                trunk=tuple(await phones.ask("address")),
                rtp_ports=2000,
                extra_config={"http.conf": "[general](+)\nsessionlimit = 3000"},
            )
        )
        key = secrets.token_hex(32)
        env = environment(asterisk, key, (legs, legs)) | {"OTPVOICE_URL_ALLOW": "127.0.0.1"}
        workers = {Who.PRODUCT: await start("served", env)}
        hooks = {Who.PRODUCT: (local(await workers[Who.PRODUCT].ask("start")), key)}
        await workers[Who.PRODUCT].ask("legs", count=legs)
        if bare:
            workers[Who.BARE] = await start("bare_relay")
            port = await workers[Who.BARE].ask(
                "connect",
                url=asterisk.ari_url,
                user=asterisk.ari_user,
                password=asterisk.ari_password,
                endpoint=DIAL.replace("{number}", workload.NUMBER[1:]),
                legs=legs,
            )
            hooks[Who.BARE] = local(port), BARE_KEY
        await _quiet(workers[Who.PRODUCT])
        url = f"ws://127.0.0.1:{await peer.ask('start')}/stream"
        yield StreamRig(asterisk, phones, peer, load, workers, hooks, url, SETTLE if settle is None else settle)


async def _quiet(worker: Worker) -> None:
    """Wait until a worker has nothing to do. RuntimeError: it always has."""
    for _ in range(round(2 * UP_WITHIN)):
        before = worker.cpu
        await asyncio.sleep(0.5)
        if worker.cpu - before < 0.5 * QUIET:
            return
    raise RuntimeError(f"{worker.name} does not come to rest")
