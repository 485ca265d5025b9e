"""What load came to is judged as it is said: what holds, what limited it, and who was harmed. It judges no speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import workload
from benchmarks.capacity import LATE, holds, limit
from benchmarks.loaded import PARTS, Asked, Loaded
from benchmarks.overload import Overload
from benchmarks.whole import whole

ONSET = 0.06
PEAKS = {"calls": 40, "legs taken": 40, "waiting for a leg": 3, "kB": 90_000}
GOOD = Asked(
    phase=0,
    at=10.0,
    status=202,
    code=None,
    retry_after=None,
    took=0.004,
    record={"state": "ended", "outcome": {"class": "completed", "reason": None}},
    heard=({"answer_to_sound": ONSET, "invited": 10.02},),
    well=True,
)
REFUSED = replace(GOOD, status=503, code="no_media_leg", retry_after="5", record=None, heard=(), well=False)


def of(
    asked: Sequence[Asked], *, app: float = 3.0, others: float = 0.0, lag: float = 0.001, tidy: bool = True
) -> Loaded:
    """Return ten seconds in which so much was asked for; CPU in seconds."""
    cpu = dict.fromkeys(PARTS, 1.0) | {"app": app, "machine": app + 5.0 + others}
    return Loaded([(10, len(asked))], asked, 10.0, cpu, PEAKS, [lag], [0.01], 0, tidy)


@pytest.mark.parametrize(
    ("wrong", "of_so_many", "is_held"), [(0, 100, True), (1, 1000, False), (1, 1001, True), (2, 2000, False)]
)
def test_it_holds_where_fewer_than_one_call_in_a_thousand_go_wrong(wrong: int, of_so_many: int, is_held: bool) -> None:
    assert holds(of([REFUSED] * wrong + [GOOD] * (of_so_many - wrong)), ONSET) is is_held


@pytest.mark.parametrize(("late", "is_held"), [(1, True), (2, False)], ids=["one of a hundred", "two"])
def test_it_holds_where_speech_is_in_time(late: int, is_held: bool) -> None:
    slow = replace(GOOD, heard=({"answer_to_sound": ONSET + LATE + 0.01, "invited": 10.02},))
    assert holds(of([slow] * late + [GOOD] * (100 - late)), ONSET) is is_held


def test_it_does_not_hold_where_something_is_left_behind() -> None:
    assert not holds(of([GOOD], tidy=False), ONSET)


@pytest.mark.parametrize(
    ("loaded", "what"),
    [
        (of([GOOD, REFUSED]), "media legs: 40 were taken, and 3 calls waited for one"),
        (of([GOOD], app=14.0), "the cores: 1.90 of 2 are busy, most of all app"),
        (of([GOOD], others=11.0), "the cores: 1.90 of 2 are busy, most of all by others than us"),
        (of([GOOD], lag=0.08), "the event loop, which is late by 80 ms although 0.80 of 2 cores are busy"),
        (of([GOOD]), "none of ours: 0.80 of 2 cores are busy, the event loop is late by 1 ms"),
    ],
    ids=["legs", "cores", "others", "loop", "nothing"],
)
def test_what_limits_is_named(loaded: Loaded, what: str) -> None:
    assert limit(loaded, cores=2) == what


def told(one: Asked) -> list[str]:
    """Return what an overload with this call in it is blamed for."""
    overload = Overload(2.0, of([GOOD, one]), PEAKS, PEAKS, ONSET)
    found: Mapping[str, list[Any]] = {
        "harmed": overload.harmed,
        "endless": overload.endless,
        "twice": overload.twice,
        "wronged": overload.wronged,
    }
    return [name for name, calls in found.items() if calls]


@pytest.mark.parametrize(
    ("one", "blamed"),
    [
        (GOOD, []),
        (REFUSED, []),
        (replace(REFUSED, status=429, code="rate_limited"), []),
        (replace(REFUSED, retry_after=None), ["wronged"]),
        (replace(REFUSED, status=500), ["wronged"]),
        (replace(REFUSED, status=0, retry_after=None), ["wronged"]),
        (replace(GOOD, well=False), ["harmed"]),
        (replace(GOOD, well=False, record={"state": "dialing", "outcome": None}), ["harmed", "endless"]),
        (replace(GOOD, well=False, heard=(*GOOD.heard, *GOOD.heard)), ["harmed", "twice"]),
        (replace(REFUSED, heard=GOOD.heard), ["twice"]),
    ],
    ids=[
        *("served", "refused", "limited", "refused, and not told when to come back", "an error", "no answer"),
        *("not served well", "never ended", "rung twice", "rung though refused"),
    ],
)
def test_an_overload_is_blamed_for_what_it_does_to_whom(one: Asked, blamed: list[str]) -> None:
    assert told(one) == blamed


@pytest.mark.asterisk
async def test_calls_with_everything_on_are_followed_to_their_ends(tmp_path: Path) -> None:
    async with whole(tmp_path / "whole", await workload.speech(), legs=(2, 8)) as rig:
        loaded = await rig.calls((10, 2), (20, 2))
    assert loaded.outcomes == {"well": 4}
    assert [one.phase for one in loaded.asked] == [0, 0, 1, 1]
    assert loaded.tidy
    assert loaded.told == len(loaded.webhooks) == 4 * 9
    assert loaded.peaks["calls"] >= 1
    # A part that does little has used no whole tick of 10 ms.
    assert set(loaded.cpu) >= set(PARTS)
    assert loaded.cpu["app"] > 0
