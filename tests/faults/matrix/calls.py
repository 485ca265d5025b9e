"""The kinds of calls that pass the points, told as people live through them: who calls, picks up, presses, hangs up.

What the world's worst makes impossible is let be; what came of the call is for others to judge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from otpvoice.testkit.callee import CallOver
from otpvoice.testkit.instance import StartFailed
from tests.faults.matrix.points import Point
from tests.faults.matrix.stand import NARROW, POLL, Stand
from tests.faults.sites import Answer, gather, say_code
from tests.scenarios.callers import RINGING, calls_in
from tests.scenarios.phones import SOON, AgentNetwork, Phone

CODE: Final = "482913706"
OTHER: Final = "705318264"
KEYS: Final = "629174053"
SECRETS: Final = (CODE, OTHER, KEYS)
"""All that is spoken and keyed; of so many digits that no other number happens to be one of them (``Needles``)."""
TOLD_BEFORE_THE_END: Final = 4
"""Events of a call in which nothing is said: queued, dialing, ringing, answered."""
RINGS_FOR: Final = 12
"""Seconds. A next life is there long before; so is Asterisk's own end of the ringing not."""


@dataclass(slots=True)
class Act:
    """One call of a kind. ``at_rest``: it waits for somebody; ``over``: the worst is over, and people go on.

    ``phone``: whose call it is; ``call``: its id, as far as a client was told one. ``beside``: calls that the story
    needs and that are not judged by the point.
    """

    stand: Stand
    point: Point
    phone: Phone | None = None
    phones: list[Phone] = field(default_factory=list)
    answer: Answer | None = None
    call: str | None = None
    at_rest: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    starting: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Live through it."""
        # A telephone whose Asterisk died hears nothing more; a client whose server died gets no answer.
        with suppress(CallOver, aiohttp.ClientError):
            await KINDS[self.point.call](self)

    async def ready_for_the_worst(self) -> None:
        """While it stands still: what the point wants to have happened in the world."""
        if self.point.call == "refuses" and self.phone is not None:
            await self.phone.over()
            async with asyncio.timeout(SOON):
                while any(one.startswith(self.call or "call_") for one in await self.stand.left() or ()):  # noqa: ASYNC110
                    await asyncio.sleep(POLL)

    # --- what they do -----------------------------------------------------------------------------------------------

    def picks_up(self, ring: float = 0.0) -> Phone:
        """Return a phone that is picked up."""
        return self._mine(self.stand.site.answers(ring))

    def _mine(self, phone: Phone) -> Phone:
        self.phones.append(phone)
        return phone

    async def ask_for(
        self, phone: Phone | None, *actions: dict[str, Any], key: str | None = None, **fields: Any
    ) -> str:
        """Ask for the call that it is about. Returns its id, or "" where it was refused."""
        if phone is not None:
            fields["to"] = phone.number
        self.phone = phone
        body = {"actions": actions} | fields
        headers = {} if key is None else {"Idempotency-Key": key}
        async with asyncio.timeout(SOON):
            while True:
                self.answer = await self.stand.site.ask("POST", "/v1/calls", json=body, headers=headers)
                if self.answer.code != "overloaded":
                    break
                # The machine has much to do beside us: as a client would.
                await asyncio.sleep(1)
        if self.answer.status != 202:
            return ""
        self.call = str(self.answer.body["id"])
        self.stand.site.calls.append(self.call)
        return self.call

    def arm(self) -> None:
        """From now on it stands still at the point."""
        assert self.point.seam is not None
        self.stand.service.arm(self.point.seam)

    async def next_life(self) -> None:
        """Have the service die, and start it to die once more, at the point."""
        service = self.stand.service
        service.kill()
        self.arm()
        self.starting = asyncio.create_task(_start(self.stand))


async def _start(stand: Stand) -> None:
    with suppress(StartFailed):  # it was killed meanwhile
        await stand.service.restart()


def spoken(code: str, times: int = 1) -> dict[str, Any]:
    """Return the action that reads a code as quickly as may be: it is long, and stories are many."""
    return say_code(code, times, gap=0.0, speed=2.0)


async def says(act: Act) -> None:
    await act.ask_for(act.picks_up(), spoken(CODE))


async def keyed(act: Act) -> None:
    phone = act.picks_up()
    await act.ask_for(phone, spoken(CODE), key=f"key-{phone.user}")


async def rings(act: Act) -> None:
    phone = act._mine(act.stand.site.never_answers())
    await act.ask_for(phone, spoken(CODE), ring_timeout=RINGS_FOR)


async def refuses(act: Act) -> None:
    phone = act._mine(act.stand.site.rejects(486))
    await act.ask_for(phone, spoken(CODE))


async def presses(act: Act) -> None:
    await act.ask_for(act.picks_up(), {"type": "send_digits", "digits": "12"}, spoken(CODE))


async def keys(act: Act) -> None:
    phone = act.picks_up()
    await act.ask_for(phone, gather(len(KEYS), prompt="Please enter your number"), spoken(OTHER))
    await phone.heard(0.2)
    await phone.press(KEYS)


async def asks(act: Act) -> None:
    phone, hook = act.picks_up(), act.stand.hook
    hook.answer = lambda _: [spoken(OTHER), {"type": "hangup"}]
    webhook = {"url": hook.url, "interactive": True}
    await act.ask_for(phone, gather(len(KEYS), prompt="Please enter your number"), webhook=webhook)
    await phone.heard(0.2)
    await phone.press(KEYS)


async def queues(act: Act) -> None:
    first, second = act.picks_up(), act.picks_up()
    await act.stand.site.place(first, gather(4), trunk=NARROW)
    await first.picked_up()
    await act.ask_for(second, spoken(CODE), trunk=NARROW)
    act.at_rest.set()
    await act.over.wait()
    with suppress(CallOver):
        await first.hang_up()


async def comes(act: Act) -> None:
    site = act.stand.site
    assert isinstance(site.network, AgentNetwork)
    call = await act.ask_for(None, spoken(CODE), dial=False)
    if act.point.seam is None:
        act.at_rest.set()
    else:
        _call_in(act, call)
    await act.over.wait()
    await site.full()
    if (await site.show(call)).body["state"] == "waiting":
        # Nobody has come for it yet, or who had come is gone: somebody calls.
        await _call_in(act, call).over()


def _call_in(act: Act, call: str) -> Phone:
    site = act.stand.site
    stasis = f"otpvoice-{site.instance},call={call}"
    return act._mine(calls_in(site.network, act.stand.asterisk, stasis, RINGING, {}))


async def talks(act: Act) -> None:
    first, second = act.picks_up(), act.picks_up(ring=0.2)
    dial = {"type": "dial", "to": second.number, "ring_timeout": RINGS_FOR}
    call = await act.ask_for(first, dial, spoken(OTHER))
    await second.picked_up()
    # They talk until the second one has had enough, or the line is dead.
    talking = {asyncio.create_task(act.stand.site.told("call.connected", call)), asyncio.create_task(second.over())}
    try:
        await asyncio.wait(talking, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
    await second.hang_up()


async def calls_off(act: Act) -> None:
    first, second = act.picks_up(), act._mine(act.stand.site.never_answers())
    await act.ask_for(first, {"type": "dial", "to": second.number, "ring_timeout": RINGS_FOR}, spoken(OTHER))
    await second.rings()
    await first.hang_up()


async def hooks(act: Act) -> None:
    """All that is told before the end has arrived: what comes to the point is the end."""
    await _to_the_end(act, 204)


async def failing_hooks(act: Act) -> None:
    try:
        await _to_the_end(act, 500)
        await act.over.wait()
    finally:
        act.stand.hook.manner = 204


async def _to_the_end(act: Act, status: int) -> None:
    phone, hook = act.picks_up(), act.stand.hook
    call = await act.ask_for(phone, {"type": "pause", "seconds": 60})
    async with asyncio.timeout(SOON):
        while len(hook.of(call)) < TOLD_BEFORE_THE_END or await act.stand.undelivered():  # noqa: ASYNC110
            await asyncio.sleep(POLL)
    act.arm()
    hook.manner = status
    await phone.hang_up()


async def starts(act: Act) -> None:
    await act.next_life()


async def recovers(act: Act) -> None:
    phone = act.picks_up()
    call = await act.ask_for(phone, spoken(CODE, times=5))
    await act.stand.site.told("code.character_played", call)
    await act.next_life()


KINDS: Final[dict[str, Callable[[Act], Awaitable[None]]]] = {
    "says": says,
    "keyed": keyed,
    "rings": rings,
    "refuses": refuses,
    "presses": presses,
    "keys": keys,
    "asks": asks,
    "queues": queues,
    "comes": comes,
    "talks": talks,
    "calls off": calls_off,
    "hooks": hooks,
    "failing hooks": failing_hooks,
    "starts": starts,
    "recovers": recovers,
}
ARMED_LATER: Final = frozenset({"starts", "recovers", "hooks", "failing hooks"})
"""Kinds whose stories say when: the point is in a next life, or others like it come before."""
