"""The phones of streams, in a process of their own: each says a coded signal from the answer on, and hears another.

What it hears is taken from its recording several times a second, so that a long call fills no memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final, SupportsIndex

import uvloop

from benchmarks.coded import FRAME, Heard, coded, told
from benchmarks.worker import obey
from otpvoice.testkit.callee import Call, CalleeAgent, CallOver, Scenario

DRAIN_EVERY: Final = 0.25
LONGEST: Final = 1_000_000
"""Frames; nobody talks for so long."""


class Endless(bytes):
    """Audio that is made while it is said. The phone cuts bytes into frames: these are cut from nothing."""

    def __len__(self) -> int:
        return LONGEST * FRAME

    def __add__(self, other: Any) -> bytes:
        return self

    def __getitem__(self, frame: SupportsIndex | slice) -> Any:
        if not isinstance(frame, slice):
            raise TypeError("whole frames only")
        return coded(frame.start // FRAME)


class Phones:
    """``agent``: who answers. ``talking`` False: they say nothing, and cost nothing."""

    def __init__(self, agent: CalleeAgent) -> None:
        self.talking = True
        self._agent = agent
        self._heard: dict[Call, Heard] = {}
        self._tasks = {asyncio.create_task(self._answering()), asyncio.create_task(self._draining())}

    @property
    def alive(self) -> list[Call]:
        """Calls that are answered and not over."""
        return [call for call in self._agent.calls if call.times.ack is not None and not call.over]

    async def hang_up(self) -> None:
        """End all calls."""
        await asyncio.gather(*(call.hang_up() for call in self._agent.calls))
        self._agent.calls.clear()
        self._heard.clear()

    def begin(self) -> None:
        """Count what is heard from now on."""
        self._drain()
        for heard in self._heard.values():
            heard.anew()

    def end(self) -> dict[str, Any]:
        """Return what was heard."""
        self._drain()
        return told(list(self._heard.values()))

    async def _answering(self) -> None:
        while True:
            call = await self._agent.next_call()
            self._tasks.add(task := asyncio.create_task(self._talk(call)))
            task.add_done_callback(self._tasks.discard)

    async def _talk(self, call: Call) -> None:
        try:
            await call.answered()
        except CallOver:
            return
        self._heard[call] = Heard()
        stream = call._audio.stream
        if self.talking and stream is not None:
            stream.play(Endless(), lambda: None)
            call._audio.send()

    async def _draining(self) -> None:
        while True:
            await asyncio.sleep(DRAIN_EVERY)
            self._drain()

    def _drain(self) -> None:
        for call, heard in self._heard.items():
            for packet in _emptied(call):
                heard.hear(packet.payload, round(packet.arrival * 1e9))


def _emptied(call: Call) -> Iterator[Any]:
    packets = call.recording.packets
    yield from packets
    packets.clear()


async def main() -> None:
    """Orders: ``address``, ``talking``, ``alive`` (how many), ``begin``, ``end`` (``told``), ``hang_up``."""
    async with CalleeAgent(Scenario.answers().with_silence(0).without_rtcp()) as agent:
        phones = Phones(agent)

        async def orders(order: dict[str, Any]) -> Any:
            match order["order"]:
                case "address":
                    return agent.address
                case "talking":
                    phones.talking = order["talking"]
                    return None
                case "alive":
                    return len(phones.alive)
                case "begin":
                    return phones.begin()
                case "end":
                    return phones.end()
                case "hang_up":
                    return await phones.hang_up()
                case _:
                    raise ValueError(order["order"])

        await obey(orders)


if __name__ == "__main__":
    uvloop.run(main())
