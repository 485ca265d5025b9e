"""Turns: who goes first, who is turned away, and what becomes of who leaves."""

from __future__ import annotations

import asyncio

import pytest

from otpvoice.adapters.speech.turns import Full, Turns


class Line:
    """People at one counter, who note when it was their turn."""

    def __init__(self, places: int = 1, most: int = 100) -> None:
        self.turns = Turns(places, most)
        self.served: list[str] = []

    async def enter(self, name: str, rank: int = 0) -> asyncio.Task[None]:
        """Return when they wait, or have a turn."""

        async def stand() -> None:
            await self.turns.take(rank)
            self.served.append(name)

        task = asyncio.create_task(stand(), name=name)
        await asyncio.sleep(0)
        return task


async def test_who_is_in_a_hurry_goes_first_and_among_the_same_who_came_first() -> None:
    line = Line()
    people = [
        await line.enter(name, rank) for name, rank in (("a", 2), ("b", 2), ("c", 0), ("d", 1), ("e", 0), ("f", 2))
    ]
    for _ in people:
        await asyncio.sleep(0)
        line.turns.leave()
    await asyncio.gather(*people)
    assert "".join(line.served) == "acedbf"


async def test_so_many_have_a_turn_at_once() -> None:
    line = Line(places=3)
    people = [await line.enter(name) for name in "abcde"]
    assert ("".join(line.served), line.turns.waiting) == ("abc", 2)
    for _ in range(2):
        line.turns.leave()
    await asyncio.gather(*people)
    assert "".join(line.served) == "abcde"


async def test_too_many_are_turned_away() -> None:
    line = Line(most=1)
    people = [await line.enter(name) for name in "ab"]
    with pytest.raises(Full):
        await line.turns.take()
    line.turns.leave()
    await asyncio.gather(*people)
    line.turns.leave()
    await line.turns.take()


async def test_who_leaves_the_line_takes_nobody_s_turn() -> None:
    line = Line(most=2)
    first, second, third = [await line.enter(name) for name in "abc"]
    second.cancel()
    await asyncio.wait([second])
    assert line.turns.waiting == 1
    fourth = await line.enter("d")
    line.turns.leave()
    line.turns.leave()
    await asyncio.gather(first, third, fourth)
    assert "".join(line.served) == "acd"


async def test_who_leaves_just_as_it_is_his_turn_hands_it_on() -> None:
    line = Line()
    first, second, third = [await line.enter(name) for name in "abc"]
    line.turns.leave()
    second.cancel()
    async with asyncio.timeout(20):
        await asyncio.gather(first, third)
    assert "".join(line.served) == "ac"


async def test_all_who_wait_are_sent_away() -> None:
    line = Line()
    first, *others = [await line.enter(name) for name in "abc"]
    line.turns.send_away(RuntimeError)
    assert [type(one) for one in await asyncio.gather(first, *others, return_exceptions=True)][1:] == [RuntimeError] * 2
    line.turns.leave()
    await line.turns.take()
