"""Listening in, for as long as it is wanted: tried again whatever breaks, and its party's end told when it is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from otpvoice.ari import backoff, pool, snoop
from otpvoice.ari.listening import Listening, Told
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.snoop import Snoop
from tests.ari.rig import NUMBER, ORDER, a_node, eventually, of
from tests.fakes import Call, FakeAsterisk

CALL = "call-1"


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snoop, "LEG_WITHIN", 0.05)
    monkeypatch.setattr(snoop, "ENTERS_WITHIN", 0.3)
    monkeypatch.setattr(pool, "LEFT_WITHIN", 0.2)
    monkeypatch.setattr(pool, "RETRY", 0.02)
    monkeypatch.setattr(backoff, "FIRST", 0.01)
    monkeypatch.setattr(backoff, "LONGEST", 0.02)


@dataclass
class Listened:
    """Somebody who picked up, and what listening to it tells."""

    asterisk: FakeAsterisk
    node: AsteriskNode
    heard: list[bytes] = field(default_factory=list)
    deaf: int = 0
    gone: int = 0
    made: list[Listening] = field(default_factory=list)

    def listen(self, to: str = CALL) -> Listening:
        told = Told(deaf=self._deaf, gone=self._gone)
        name = f"listening-{len(self.made)}"
        made = Listening(self.node, to, "in", name, lambda audio, _: self.heard.append(audio), told)
        self.made.append(made)
        return made

    def _deaf(self) -> None:
        self.deaf += 1

    def _gone(self) -> None:
        self.gone += 1

    @property
    def call(self) -> Call:
        return self.asterisk.callee(NUMBER).call

    @property
    def snoops(self) -> list[str]:
        return [channel.id for channel in self.asterisk.switch.channels.values() if channel.snoop is not None]


@pytest.fixture
async def listened(asterisk: FakeAsterisk) -> AsyncIterator[Listened]:
    async with a_node(asterisk, legs_minimum=1, legs_maximum=2) as node:
        listened = Listened(asterisk, node)
        up = asyncio.Event()
        asterisk.callee(NUMBER).answers()
        node.router.register(CALL, lambda event: up.set() if event["type"] == "StasisStart" else None)
        await node.rest.post(f"channels/{CALL}", ORDER)
        await up.wait()
        yield listened
        for fault in asterisk.faults._rest:
            fault.lift()
        await asyncio.gather(*(made.close() for made in listened.made))
        await eventually(lambda: node.pool.taken == 0 and not listened.snoops)
        node.router.forget(CALL)
        await eventually(lambda: len(node.router) == 2 * len(node.pool.ids))


async def test_it_is_heard_until_it_is_closed(listened: Listened) -> None:
    listening = listened.listen()
    listening.begin()
    await listening.heard.wait()
    await eventually(lambda: listened.heard)
    await asyncio.gather(listening.close(), listening.close())
    heard = len(listened.heard)
    await eventually(lambda: listened.node.pool.taken == 0)
    assert (len(listened.heard), listened.deaf, listened.gone) == (heard, 0, 0)
    assert listened.snoops == []


async def test_its_end_is_the_partys_and_told_once(listened: Listened) -> None:
    listening = listened.listen()
    listening.begin()
    await listening.heard.wait()
    listened.call.hang_up()
    await eventually(lambda: listened.gone)
    assert not listening.heard.is_set()
    assert listening._task is not None
    await listening._task
    assert (listened.deaf, listened.gone) == (0, 1)


async def test_a_snoop_that_somebody_ended_is_made_again(listened: Listened) -> None:
    listening = listened.listen()
    listening.begin()
    await listening.heard.wait()
    [name] = listened.snoops
    listened.asterisk.switch.end(listened.asterisk.switch.channels[name], 0)
    await eventually(lambda: listened.snoops and name not in listened.snoops)
    await listening.heard.wait()
    assert (listened.deaf, listened.gone) == (0, 0)


@pytest.mark.parametrize("begun", [True, False])
async def test_it_is_closed_before_anything_was_asked_for(listened: Listened, begun: bool) -> None:
    listening = listened.listen()
    if begun:
        listening.begin()
    await listening.close()
    assert not of(listened.asterisk.requests, "snoop")


async def test_it_is_closed_while_it_begins(listened: Listened) -> None:
    fault = listened.asterisk.faults.delay("snoop", seconds=0.1, times=1)
    listening = listened.listen()
    listening.begin()
    await eventually(lambda: fault.used)
    await listening.close()
    await eventually(lambda: listened.node.pool.taken == 0 and not listened.snoops)
    assert (listened.deaf, listened.gone) == (0, 0)


async def test_each_try_that_fails_is_told_and_the_next_is_heard(listened: Listened) -> None:
    with listened.asterisk.faults.not_booted("snoop", times=3):
        listening = listened.listen()
        listening.begin()
        await listening.heard.wait()
    assert (listened.deaf, listened.gone) == (3, 0)


async def test_a_fault_of_ours_is_a_try_that_failed(listened: Listened, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []
    begin = Snoop._begin

    async def breaks(self: Snoop) -> bool:
        tries.append(self._channel.id)
        if len(tries) == 1:
            raise ZeroDivisionError
        return await begin(self)

    monkeypatch.setattr(Snoop, "_begin", breaks)
    listening = listened.listen()
    listening.begin()
    await listening.heard.wait()
    assert (listened.deaf, listened.gone, len(tries)) == (1, 0, 2)


async def test_an_end_of_whom_nobody_could_listen_to(listened: Listened) -> None:
    """No snoop was there that could end with it."""
    legs = [await listened.node.pool.take(1.0) for _ in range(2)]
    listening = listened.listen()
    listening.begin()
    await eventually(lambda: listened.deaf >= 2)
    assert not listened.gone
    listened.call.hang_up()
    await eventually(lambda: listened.gone == 1)
    for leg in legs:
        await listened.node.pool.give_back(leg)


async def test_an_asterisk_that_nobody_tells_us_of_is_not_believed(listened: Listened) -> None:
    """It may be another one by now, which knows nobody; whoever is told of that says so."""
    listened.node._listening = False
    listening = listened.listen("nobody")
    listening.begin()
    await eventually(lambda: listened.deaf >= 3)
    assert not listened.gone
    listened.node._listening = True
    await eventually(lambda: listened.gone == 1)
