"""The waiting room: a prepared call is claimed once, or ends once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from otpvoice.core.outcome import OwnAction
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.record import CallRecord
from otpvoice.stasis.waiting import NoRoom, WaitingRoom

LONG = 60.0


def record(call_id: str, account: str = "shop") -> CallRecord:
    plan = CallPlan(None, None, "default", "en", (), inbound=True)
    return CallRecord(call_id, account, "http", plan, Proof(), node=None, instance="a", created_at=1000.0)


@dataclass
class Ended:
    """Who left without having been claimed, and why."""

    calls: list[tuple[str, OwnAction]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, call: CallRecord, by: OwnAction) -> None:
        self.calls.append((call.id, by))
        self.news.set()


@pytest.fixture
def ended() -> Ended:
    return Ended()


@pytest.fixture
def room(ended: Ended) -> WaitingRoom[str]:
    return WaitingRoom(ended, room=3, share=2)


async def test_a_call_is_claimed_once(room: WaitingRoom[str], ended: Ended) -> None:
    room.keep(record("a"), "trunk", LONG)
    found = room.find("a")
    claimed = room.claim("a")
    assert claimed is not None
    assert claimed.record is found
    assert claimed.way == "trunk"
    assert (room.claim("a"), room.find("a"), len(room), ended.calls) == (None, None, 0, [])
    assert not room.end("a", OwnAction.HANG_UP_BY_API)


async def test_a_call_that_nobody_comes_for_ends_when_its_time_is_over(room: WaitingRoom[str], ended: Ended) -> None:
    room.keep(record("a"), "trunk", 0.01)
    async with asyncio.timeout(5):
        await ended.news.wait()
    assert ended.calls == [("a", OwnAction.EXPIRED)]
    assert room.claim("a") is None


async def test_a_claimed_call_does_not_end_by_its_time(room: WaitingRoom[str], ended: Ended) -> None:
    room.keep(record("a"), "trunk", 0.01)
    room.keep(record("b"), "trunk", 0.02)
    assert room.claim("a") is not None
    async with asyncio.timeout(5):
        await ended.news.wait()
    assert ended.calls == [("b", OwnAction.EXPIRED)]


async def test_all_are_let_go_when_we_stop(room: WaitingRoom[str], ended: Ended) -> None:
    for call_id in ("a", "b"):
        room.keep(record(call_id), "trunk", LONG)
    room.end_all(OwnAction.SHUTDOWN)
    assert ended.calls == [("a", OwnAction.SHUTDOWN), ("b", OwnAction.SHUTDOWN)]
    assert len(room) == 0


async def test_an_unknown_call_is_no_error(room: WaitingRoom[str], ended: Ended) -> None:
    assert room.find("x") is None
    assert room.claim("x") is None
    assert not room.end("x", OwnAction.HANG_UP_BY_API)
    assert ended.calls == []


def full(room: WaitingRoom[str], account: str) -> bool:
    try:
        with room.place(account):
            return False
    except NoRoom:
        return True


async def test_one_account_does_not_keep_the_others_out(room: WaitingRoom[str]) -> None:
    for call_id in ("a", "b"):
        assert not full(room, "shop")
        room.keep(record(call_id), "trunk", LONG)
    assert (full(room, "shop"), full(room, "bank")) == (True, False)
    room.keep(record("c", "bank"), "trunk", LONG)
    assert full(room, "bank"), "and all together have their limit, too"
    assert room.claim("a") is not None
    assert (full(room, "shop"), full(room, "bank")) == (False, False)
    room.end_all(OwnAction.SHUTDOWN)


async def test_a_place_is_held_while_a_call_is_written_down(room: WaitingRoom[str]) -> None:
    with room.place("shop"), room.place("shop"):
        assert full(room, "shop")
    assert not full(room, "shop")
