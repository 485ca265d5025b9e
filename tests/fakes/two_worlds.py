"""Conversations that can be had with the fake and with a real Asterisk alike: what keeps the fake honest.

Expectations are written out in the tests, so that the fake is held to them also where there is no Asterisk. The noise
(ChannelVarset, ChannelDialplan) is not compared, nor the order of two events that Asterisk swaps freely.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Scenario
from tests.fakes import FakeAsterisk
from tests.fakes.plain_client import APP, Client, Events, Media
from tests.fakes.two_callers import CALLER, Arrival, Caller, Exchange

RINGS: Final = 0.05


@dataclass(frozen=True)
class Person:
    """What somebody does, in words that both worlds understand. ``status`` 0: no answer; -1: no reply at all."""

    status: int = 200
    presses: str = ""
    off: float = 0.1
    hangs_up: float | None = None
    holds: float | None = None

    def tell_fake(self, asterisk: FakeAsterisk, number: str) -> None:
        callee = asterisk.callee(number).anew()
        match self.status:
            case 200:
                callee.rings().answers(after=RINGS)
            case 0:
                callee.never_answers()
            case -1:
                callee.unreachable()
            case refused:
                callee.rejects(refused, after=RINGS)
        if self.presses:
            callee.presses(self.presses, off=self.off, after=0.5)
        if self.holds:
            callee.holds(after=0.3, for_=self.holds)
        if self.hangs_up is not None:
            callee.hangs_up(after=self.hangs_up)

    def as_scenario(self) -> Scenario:
        match self.status:
            case 200:
                scenario = Scenario.answers(ring=RINGS)
            case 0:
                scenario = Scenario.never_answers()
            case -1:
                scenario = Scenario.dead()
            case refused:
                # Not at once: Asterisk may then say ChannelHangupRequest before the first Dial.
                scenario = Scenario.rejects(refused, ring=RINGS)
        if self.presses:
            scenario = scenario.presses(self.presses, on=0.1, off=self.off, start=0.5)
        if self.holds:
            scenario = scenario.holds(self.holds, start=0.3)
        if self.hangs_up is not None:
            scenario = scenario.hangs_up(after=self.hangs_up)
        return scenario


@dataclass
class World:
    """One Asterisk, or what stands for it; people with numbers; and an events socket of its own for each test.

    ``keys`` are those that arrived at whoever was called last.
    """

    ari: Client
    tell: Callable[[str, Person], None]
    exchange: Exchange
    keys: Callable[[], str]
    events: Events = field(init=False)

    async def place(self, person: Person, channel_id: str = "c1", **fields: Any) -> None:
        number = f"15550{sum(channel_id.encode()):06d}"
        self.tell(number, person)
        status, answer = await self.ari.originate(channel_id, number=number, **fields)
        assert status == 200, answer

    async def answered(self, person: Person | None = None, channel_id: str = "c1") -> None:
        await self.place(person or Person(), channel_id)
        await self.events.until("StasisStart", channel_id)

    async def enters(self, arrival: Arrival | None = None, caller: str = CALLER) -> tuple[Caller, str]:
        """Somebody who calls, at the StasisStart; and the channel's id."""
        call = await self.exchange.comes(arrival or Arrival(), caller)
        start = (await self.events.until("StasisStart"))[-1]["channel"]
        if start["state"] == "Up":
            await call.answered()
        return call, str(start["id"])

    async def seen(self, call: Caller, line: str) -> str:
        """Wait until that line of the dialplan was reached."""
        for _ in range(500):
            if (seen := await call.then(line)) is not None:
                return seen
            await asyncio.sleep(0.01)
        raise AssertionError(f"the line {line!r} was not reached")

    async def presses(self, keys: str, channel_id: str = "c1") -> None:
        """Have Asterisk press keys."""
        body = {"dtmf": keys, "duration": 100, "between": 100}
        assert (await self.ari("POST", f"/channels/{channel_id}/dtmf", body)) == (204, None)

    async def arrive(self, keys: str) -> None:
        """Wait until so many keys have arrived; they must be these."""
        for _ in range(500):
            if len(arrived := self.keys()) >= len(keys):
                assert arrived == keys
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{keys!r} did not arrive, but {self.keys()!r}")

    async def subscribe(self, channel_id: str) -> None:
        source = {"eventSource": f"channel:{channel_id}"}
        assert (await self.ari("POST", f"/applications/{APP}/subscription", source))[0] == 200

    async def makes_bridge(self, bridge_id: str, kind: str = "mixing") -> None:
        """The id of one that was deleted stays taken for a moment (409), as long as somebody's thread remembers it."""
        for _ in range(500):
            if (await self.ari("POST", f"/bridges/{bridge_id}", {"type": kind}))[0] == 200:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"the bridge {bridge_id!r} can't be made")

    async def joins(self, bridge: str, *channel_ids: str) -> None:
        body = {"channel": list(channel_ids)}
        assert (await self.ari("POST", f"/bridges/{bridge}/addChannel", body)) == (204, None)

    async def bridged(self, person: Person | None = None) -> Media:
        """A leg and an answered call in the bridge ``b``, the leg in both directions."""
        media = await self.ari.leg()
        await self.events.until("StasisStart", "leg")
        await self.answered(person)
        await self.makes_bridge("b")
        for channel in ("leg", "c1"):
            assert (await self.ari("POST", "/bridges/b/addChannel", {"channel": channel}))[0] == 204
            await self.events.until("ChannelEnteredBridge", channel)
        await media.command("SET_MEDIA_DIRECTION", direction="both")
        return media

    async def tidy_up(self) -> None:
        for opened in self.ari.opened:
            await opened.socket.close()
        self.ari.opened.clear()
        for channel in (await self.ari("GET", "/channels"))[1]:
            await self.ari("DELETE", f"/channels/{channel['id']}")
        for bridge in (await self.ari("GET", "/bridges"))[1]:
            await self.ari("DELETE", f"/bridges/{bridge['id']}")
        await self.becomes("/channels", lambda status, channels: channels == [])

    async def becomes(self, path: str, wanted: Callable[[int, Any], bool]) -> None:
        """Ask until the answer is right: there is no event for it."""
        for _ in range(500):
            if wanted(*await self.ari("GET", path)):
                return
            await asyncio.sleep(0.01)
        raise AssertionError(path, await self.ari("GET", path))


class Spoken:
    """Where a real Asterisk listens, in the form that the client wants."""

    def __init__(self, asterisk: AsteriskInstance) -> None:
        self.url, self.user, self.password = asterisk.ari_url, asterisk.ari_user, asterisk.ari_password
