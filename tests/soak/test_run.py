"""What is left at rest is told from what a leg or a connection that is kept takes."""

from __future__ import annotations

import asyncio

import pytest

from tests.soak.run import Soaked, more_than, stopped, unjudged
from tests.soak.samples import BOUNDS
from tests.soak.trend import Trend

FIRST = {"tasks": 25.0, "descriptors": 24.0, "legs": 4.0}


@pytest.mark.parametrize(
    "last",
    [
        FIRST,
        {"tasks": 34.0, "descriptors": 50.0, "legs": 2.0},
        {"tasks": 25.0 + 2 * 60, "descriptors": 24.0 + 60, "legs": 64.0},
    ],
)
def test_what_is_kept_is_no_fault(last: dict[str, float]) -> None:
    assert list(more_than(FIRST, last)) == []


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (FIRST | {"tasks": 36.0}, "at rest: 36 tasks; 25 at first, with 0 media legs less"),
        (FIRST | {"descriptors": 55.0}, "at rest: 55 descriptors; 24 at first, with 0 media legs less"),
        (
            {"tasks": 200.0, "descriptors": 90.0, "legs": 64.0},
            "at rest: 200 tasks; 25 at first, with 60 media legs less",
        ),
        ({}, "at rest: the service said nothing of itself"),
    ],
)
def test_what_is_left_is_said(last: dict[str, float], said: str) -> None:
    assert list(more_than(FIRST, last)) == [said]


async def test_who_swallows_a_cancellation_is_canceled_again() -> None:
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await stopped(tasks)
    assert all(task.done() for task in tasks)
    assert lost == 1
    await stopped([])


def test_a_whole_run_that_judged_no_growth_says_so() -> None:
    short, long = Trend(3, 30.0, 80.0, None, 16.0), Trend(60, 600.0, 80.0, 1.0, 16.0)
    whole = Soaked(1, 30.0, 1.0, trends={key: [short, long] for key in BOUNDS})
    assert list(unjudged(whole)) == []
    whole.trends["service", "tasks"] = [short, short]
    del whole.trends["Asterisk", "descriptors"]
    assert list(unjudged(whole)) == [
        "whether tasks of service grow was not judged: no life was long enough",
        "whether descriptors of Asterisk grow was not judged: no life was long enough",
    ]
    assert list(unjudged(Soaked(1, 29.0, 1.0))) == []


def test_a_run_is_well_only_if_nothing_is_said_and_nothing_grows() -> None:
    assert Soaked(1, 1.0, 1.0).well
    assert not Soaked(1, 1.0, 1.0, problems=["there was no call"]).well
    grows = {("service", "tasks"): [Trend(60, 600.0, 80.0, 17.0, 16.0)]}
    assert not Soaked(1, 1.0, 1.0, trends=grows).well
