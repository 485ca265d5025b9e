"""A call's media leg and what hangs on it: who listens, who watches, what is wanted, goes over to another leg."""

from __future__ import annotations

import asyncio

import pytest

from otpvoice.ari import handset as module
from otpvoice.ari.channel import CallChannel
from otpvoice.ari.handset import Handset
from otpvoice.ari.leg import LegEvent
from otpvoice.ari.node import AsteriskNode
from otpvoice.core.events import MediaLost, PiecePlayed
from otpvoice.media.playout import Piece
from tests.ari.rig import FRAME, NUMBER, ORDER, a_node, eventually
from tests.fakes import FakeAsterisk

SOUND = b"\x2a" * FRAME


class Watcher:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pushed(self, audio: bytes, now: float) -> None:
        self.told.append("pushed")

    def synced(self, queued_frames: int, now: float) -> None:
        self.told.append("synced")

    def flushed(self, now: float) -> None:
        self.told.append("flushed")


async def answered(asterisk: FakeAsterisk, node: AsteriskNode) -> CallChannel:
    asterisk.callee(NUMBER).answers()
    up = asyncio.Event()
    node.router.register("call-1", lambda event: up.set() if event["type"] == "StasisStart" else None)
    await node.rest.post("channels/call-1", ORDER)
    await up.wait()
    return CallChannel(node.rest, "call-1")


async def test_who_listens_and_who_watches_goes_over_to_another_leg(
    asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEFT_WITHIN", 0.2)
    async with a_node(asterisk, legs_minimum=2, legs_maximum=3) as node:
        told: list[LegEvent] = []
        heard: list[bytes] = []
        watch = Watcher()
        handset = Handset(node.pool, None, told.append)
        handset.ear = lambda audio, _: heard.append(audio)
        handset.watch = watch
        await handset.listen(True)
        handset.say("u", [Piece(SOUND, 1)])
        assert (handset.lost, watch.told) == (True, []), "there is no leg yet, and nobody to hear it"
        channel = await answered(asterisk, node)
        for life in range(2):
            await (handset.renew() if life else handset.take(1.0))
            assert await handset.join(channel)
            heard.clear()
            watch.told.clear()
            asterisk.callee(NUMBER).call.say(SOUND * 5)
            await eventually(lambda: heard == [SOUND] * 5)
            handset.say("u", [Piece(SOUND, life)])
            await eventually(lambda: watch.told == ["pushed", "synced"])
            assert [event.index for event in told if isinstance(event, PiecePlayed)][-1] == life
            [leg] = node.pool._taken
            if not life:
                asterisk.faults.kill_leg(leg.channel_id)
                await eventually(lambda: handset.lost)
                assert watch.told[-1] == "flushed"
        assert [event for event in told if isinstance(event, MediaLost)]
        await handset.listen(False)
        assert handset.listening is False
        asterisk.callee(NUMBER).call.hang_up()
        await handset.give_back()
        assert node.pool.taken == 0
        handset.say("u", [Piece(SOUND)])
        await handset.listen(True)


async def test_what_nobody_wants_any_more_is_not_heard(asterisk: FakeAsterisk) -> None:
    async with a_node(asterisk) as node:
        heard: list[bytes] = []
        handset = Handset(node.pool, await node.pool.take(1.0), lambda _: None)
        handset.ear = lambda audio, _: heard.append(audio)
        handset.watch = Watcher()
        await handset.listen(True)
        assert await handset.join(await answered(asterisk, node))
        asterisk.callee(NUMBER).call.say(SOUND * 500)
        await eventually(lambda: heard)
        handset.ear = handset.watch = None
        count = len(heard)
        handset.say("u", [Piece(SOUND, 1)])
        await eventually(lambda: len(asterisk.callee(NUMBER).call.heard) == 1)
        assert len(heard) == count
        [leg] = node.pool._taken
        assert (leg.ear, leg.watch) == (None, None)
        asterisk.callee(NUMBER).call.hang_up()
        await handset.give_back()
