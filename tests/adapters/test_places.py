"""Places that are shared: how many there are, whose turn it is, and who makes nobody else wait."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from otpvoice.adapters.places import Places


class Visitors:
    """Who came in, in order; each stays until ``leave``."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.inside: list[str] = []
        self._leaving: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> None:
        """Let these come, ``a1`` being one of ``a``'s, and wait until each is inside or waits."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._visit(name))
        await settled()

    async def leave(self, *names: str) -> None:
        for name in names:
            self._leaving[name].set()
        await asyncio.gather(*(self.tasks[name] for name in names))
        await settled()

    async def _visit(self, name: str) -> None:
        self._leaving[name] = asyncio.Event()
        async with self._places(name[0]):
            self.inside.append(name)
            await self._leaving[name].wait()


async def settled() -> None:
    """All that can go on has gone on: nothing here waits for anything but events."""
    for _ in range(5):
        await asyncio.sleep(0)


def names(whose: str, count: int) -> Sequence[str]:
    return [f"{whose}{number}" for number in range(count)]


async def test_nobody_has_more_than_his_own_and_others_do_not_wait_for_him() -> None:
    visitors = Visitors(Places(4, 2))
    await visitors.come(*names("a", 10), "b0", "c0", "c1")
    assert visitors.inside == ["a0", "a1", "b0", "c0"]
    await visitors.leave("a1")
    assert visitors.inside[4:] == ["a2"], "the turns begin with who came first"
    await visitors.leave("b0")
    assert visitors.inside[5:] == ["c1"]


async def test_who_waits_for_many_is_served_in_turn_with_who_waits_for_one() -> None:
    visitors = Visitors(Places(1, 1))
    await visitors.come(*names("a", 4), "b0", "c0")
    for inside in ("a0", "a1", "b0", "c0", "a2", "a3"):
        assert visitors.inside[-1] == inside
        await visitors.leave(inside)


@pytest.mark.parametrize("leaver", ["b0", "c0"])
async def test_who_gives_up_waiting_takes_no_place_along(leaver: str) -> None:
    visitors = Visitors(Places(1, 1))
    await visitors.come("a0", "b0", "c0")
    visitors.tasks[leaver].cancel()
    await settled()
    await visitors.leave("a0")
    stays = "c0" if leaver == "b0" else "b0"
    assert visitors.inside == ["a0", stays]
    await visitors.leave(stays)
    await visitors.come("d0")
    assert visitors.inside[-1] == "d0"


async def test_who_gives_up_just_when_it_is_his_turn_gives_it_on() -> None:
    visitors = Visitors(Places(1, 1))
    await visitors.come("a0", "b0", "c0")
    places = visitors._places
    places.leave("a")  # gives b its turn, and b has not run yet
    visitors.tasks["b0"].cancel()
    await settled()
    assert visitors.inside == ["a0", "c0"]


async def test_nothing_is_kept_of_who_left() -> None:
    places = Places(2, 1)
    visitors = Visitors(places)
    await visitors.come(*names("a", 3), "b0")
    visitors.tasks["a2"].cancel()
    await settled()
    await visitors.leave("a0", "b0")
    await visitors.leave("a1")
    assert (places._taken, places._waiting, places._free) == ({}, {}, 2)
