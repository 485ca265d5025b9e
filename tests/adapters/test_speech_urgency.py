"""What a call waits for goes first, also when it comes to wait only later."""

from __future__ import annotations

import asyncio

import pytest

from otpvoice.adapters.speech.urgency import Precedence, Urgency


def test_what_is_waited_for_carries_what_it_waits_for_itself() -> None:
    first, second, third = Urgency(), Urgency(), Urgency()
    first.carry(second)
    second.carry(third)
    assert not any((first, second, third))
    first.rise()
    assert all((first, second, third))
    fourth = Urgency()
    first.carry(fourth)
    assert fourth
    assert Urgency(urgent=True)


async def test_work_that_is_not_urgent_is_given_up_when_it_becomes_so() -> None:
    urgency, begun, cancelled = Urgency(), asyncio.Event(), asyncio.Event()

    async def work() -> str:
        begun.set()
        try:
            return await asyncio.Future[str]()
        finally:
            cancelled.set()

    doing = asyncio.create_task(urgency.or_else(work()))
    await begun.wait()
    urgency.rise()
    assert await doing is None
    await cancelled.wait()


async def test_work_that_ends_before_has_its_result_or_its_fault() -> None:
    async def done() -> str:
        return "sound"

    async def failing() -> str:
        raise ValueError("no")

    assert await Urgency().or_else(done()) == "sound"
    with pytest.raises(ValueError, match="no"):
        await Urgency().or_else(failing())


class Turns:
    """Who has a turn, in order."""

    def __init__(self) -> None:
        self.precedence = Precedence()
        self.had: list[str] = []
        self.leave: dict[str, asyncio.Event] = {}
        self.entered: dict[str, asyncio.Event] = {}

    def take(self, name: str, urgency: Urgency, engine: str = "espeak") -> asyncio.Task[None]:
        self.leave[name], self.entered[name] = asyncio.Event(), asyncio.Event()
        return asyncio.create_task(self._take(name, urgency, engine))

    async def _take(self, name: str, urgency: Urgency, engine: str) -> None:
        async with self.precedence.turn(engine, urgency):
            self.had.append(name)
            self.entered[name].set()
            await self.leave[name].wait()


async def test_what_is_made_ahead_waits_until_no_call_waits() -> None:
    turns = Turns()
    tasks = [turns.take("call", Urgency(urgent=True)), turns.take("other call", Urgency(urgent=True))]
    await turns.entered["other call"].wait()
    tasks += [turns.take("ahead", Urgency()), turns.take("another engine", Urgency(), "gtts")]
    await turns.entered["another engine"].wait()
    turns.leave["call"].set()
    await tasks[0]
    tasks.append(turns.take("third call", Urgency(urgent=True)))
    await turns.entered["third call"].wait()
    turns.leave["other call"].set()
    await tasks[1]
    assert turns.had == ["call", "other call", "another engine", "third call"]
    turns.leave["third call"].set()
    await turns.entered["ahead"].wait()
    for leave in turns.leave.values():
        leave.set()
    await asyncio.gather(*tasks)


async def test_what_a_call_comes_to_wait_for_waits_no_longer() -> None:
    turns, urgency = Turns(), Urgency()
    tasks = [turns.take("call", Urgency(urgent=True)), turns.take("ahead", urgency)]
    await turns.entered["call"].wait()
    urgency.rise()
    await turns.entered["ahead"].wait()
    for leave in turns.leave.values():
        leave.set()
    await asyncio.gather(*tasks)


async def test_what_began_ahead_and_is_waited_for_by_now_goes_before_what_is_not() -> None:
    turns, urgency = Turns(), Urgency()
    tasks = [turns.take("risen", urgency)]
    await turns.entered["risen"].wait()
    urgency.rise()
    tasks += [turns.take("ahead", Urgency()), turns.take("another engine", Urgency(), "gtts")]
    await turns.entered["another engine"].wait()
    assert turns.had == ["risen", "another engine"]
    turns.leave["risen"].set()
    await turns.entered["ahead"].wait()
    for leave in turns.leave.values():
        leave.set()
    await asyncio.gather(*tasks)


async def test_who_gives_up_while_it_waits_has_had_no_turn() -> None:
    turns = Turns()
    call, ahead = turns.take("call", Urgency(urgent=True)), turns.take("ahead", Urgency())
    await turns.entered["call"].wait()
    ahead.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ahead
    turns.leave["call"].set()
    await call
    later = turns.take("later", Urgency())
    turns.leave["later"].set()
    await later
