"""What was told of calls, how it is read, and how one waits for more: in both stores."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from otpvoice.adapters.store import Terms
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.redis import RedisStore
from tests.adapters.store_shelves import ACCOUNT, TTL, Shelf, change, event

DAY, WEEK = 86_400, 604_800


async def ids(shelf: Shelf, position: str | None = None, *, call_id: str | None = None, limit: int = 100) -> list[str]:
    return [told.id for told in await shelf.store.after(ACCOUNT, position, call_id=call_id, limit=limit)]


async def two_calls(shelf: Shelf) -> None:
    await shelf.store.accept(change("queued", "a", 1), Terms())
    await shelf.store.accept(change("queued", "b", 1), Terms())
    await shelf.store.save(change("dialing", "a", 2, 3))
    await shelf.store.save(change("dialing", "b", 2))
    await shelf.store.finish(change("ended", "a", 4))


async def test_events_are_read_in_the_order_in_which_they_were_written_and_as_they_were(shelf: Shelf) -> None:
    await two_calls(shelf)
    assert await ids(shelf) == ["evt_a_1", "evt_b_1", "evt_a_2", "evt_a_3", "evt_b_2", "evt_a_4"]
    told = (await shelf.store.after(ACCOUNT, None))[3]
    assert (told.type, told.body) == (event("a", 3).type, event("a", 3).body)


@pytest.mark.parametrize("call_id", [None, "a"])
async def test_one_goes_on_after_what_one_has_read(shelf: Shelf, call_id: str | None) -> None:
    await two_calls(shelf)
    everything = await ids(shelf, call_id=call_id)
    read: list[str] = []
    position = None
    while page := await shelf.store.after(ACCOUNT, position, call_id=call_id, limit=2):
        assert len(page) <= 2
        read += [told.id for told in page]
        position = page[-1].position
        assert await shelf.store.position(ACCOUNT, page[-1].id) == position
    assert read == everything


async def test_of_one_call_there_are_its_own_alone(shelf: Shelf) -> None:
    await two_calls(shelf)
    assert await ids(shelf, call_id="a") == ["evt_a_1", "evt_a_2", "evt_a_3", "evt_a_4"]
    assert await ids(shelf, await shelf.store.position(ACCOUNT, "evt_b_1"), call_id="a") == [
        "evt_a_2",
        "evt_a_3",
        "evt_a_4",
    ]
    assert await ids(shelf, call_id="c") == []
    assert await ids(shelf, call_id="c d") == []


async def test_an_event_is_told_once_however_often_it_is_written(shelf: Shelf) -> None:
    for _ in range(3):
        await shelf.store.save(change("queued", "a", 1, 2))
    await shelf.store.save(change("answered", "a", 2, 3))
    await shelf.store.finish(change("ended", "a", 3, 4))
    await shelf.store.finish(change("ended", "a", 4, 5))  # a second end
    assert await ids(shelf) == [f"evt_a_{n}" for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("standing", ["answered", "ended"])
async def test_what_is_told_of_a_call_that_has_come_further_is_written_in_any_case(shelf: Shelf, standing: str) -> None:
    await (shelf.store.finish if standing == "ended" else shelf.store.save)(change(standing, "a", 3))
    await shelf.store.save(change("queued", "a", 1, 2))
    assert await ids(shelf, call_id="a") == ["evt_a_3", "evt_a_1", "evt_a_2"]
    assert (await shelf.store.get(ACCOUNT, "a") or {})["state"] == standing


async def test_accounts_do_not_hear_of_each_other(shelf: Shelf) -> None:
    await two_calls(shelf)
    for account in ("another", "no}name"):
        assert await shelf.store.after(account, None) in ([], ())
        assert await shelf.store.latest(account) == "0-0"
        assert await shelf.store.position(account, "evt_a_1") is None


async def test_the_latest_position_is_behind_all_that_was_told(shelf: Shelf) -> None:
    assert await ids(shelf, await shelf.store.latest(ACCOUNT)) == []
    await two_calls(shelf)
    position = await shelf.store.latest(ACCOUNT)
    assert await ids(shelf, position) == []
    await shelf.store.save(change("answered", "b", 3))
    assert await ids(shelf, position) == ["evt_b_3"]


async def test_events_are_trimmed_by_age_when_the_next_one_is_told(shelf: Shelf) -> None:
    await shelf.store.save(change("queued", "a", 1))
    await shelf.grow_older(TTL - 30)
    await shelf.store.save(change("answered", "a", 2))
    position = await shelf.store.position(ACCOUNT, "evt_a_1")
    await shelf.grow_older(40)
    await shelf.store.save(change("queued", "b", 1))
    assert await ids(shelf) == ["evt_a_2", "evt_b_1"]
    assert await ids(shelf, call_id="a") == ["evt_a_2"]
    assert await ids(shelf, position) == ["evt_a_2", "evt_b_1"]
    assert await shelf.store.position(ACCOUNT, "evt_a_1") is None
    assert await shelf.store.position(ACCOUNT, "evt_a_2") is not None


async def test_events_are_kept_for_a_day_however_long_records_are() -> None:
    """Each holds the whole call."""
    now = 1000.0
    store = MemoryStore(ttl=WEEK, clock=lambda: now)
    await store.save(change("queued", "a", 1))
    now += DAY + 1
    await store.save(change("answered", "a", 2))
    assert [told.id for told in await store.after(ACCOUNT, None)] == ["evt_a_2"]
    assert await store.position(ACCOUNT, "evt_a_1") is None
    assert (await store.get(ACCOUNT, "a") or {})["state"] == "answered"


async def test_events_are_kept_for_a_day_in_redis_too(redis_url: str) -> None:
    store = RedisStore(redis_url, ttl=WEEK)
    try:
        await store.save(change("queued", "kept-for-a-day", 1))
        async with Redis.from_url(redis_url) as redis:
            (event,) = await redis.keys("*event:evt_kept-for-a-day_1")
            (record,) = await redis.keys("*call:kept-for-a-day")
            assert 0 < await redis.ttl(event) <= DAY < await redis.ttl(record) <= WEEK
    finally:
        await store.close()


@pytest.mark.parametrize("position", ["", "x", "1", "1-", "-1", "1-1-1", "+", "(0-0", "1-1\n", "9" * 40 + "-1", "١-١"])
async def test_what_is_no_position_is_refused(shelf: Shelf, position: str) -> None:
    with pytest.raises(ValueError, match="no position"):
        await shelf.store.after(ACCOUNT, position)
    with pytest.raises(ValueError, match="no position"):
        await shelf.store.wait(ACCOUNT, position, 10)


# --- waiting --------------------------------------------------------------------------------------------------------


async def test_who_waits_is_woken_by_the_next_event(shelf: Shelf) -> None:
    position = await shelf.store.latest(ACCOUNT)
    for number in (1, 2, 3):
        waiting = asyncio.create_task(shelf.store.wait(ACCOUNT, position, 30))
        await asyncio.sleep(0)
        await shelf.store.save(change("queued", "a", number))
        assert await waiting is True
        (told,) = await shelf.store.after(ACCOUNT, position)
        position = told.position


async def test_who_is_behind_does_not_wait(shelf: Shelf) -> None:
    await two_calls(shelf)
    assert await shelf.store.wait(ACCOUNT, "0-0", 30) is True
    position = await shelf.store.position(ACCOUNT, "evt_b_2")
    assert position is not None
    assert await shelf.store.wait(ACCOUNT, position, 30) is True


async def test_nobody_is_woken_by_other_accounts_by_repeats_or_by_records_without_events(shelf: Shelf) -> None:
    await two_calls(shelf)
    position = await shelf.store.latest(ACCOUNT)
    waiting = asyncio.create_task(shelf.store.wait(ACCOUNT, position, 0.1))
    await asyncio.sleep(0)
    await shelf.store.save(change("queued", "a", 1, account="another"))
    await shelf.store.save(change("dialing", "b", 2))
    await shelf.store.save(change("answered", "b"))
    assert await waiting is False
    assert await shelf.store.wait("no}name", position, 0.01) is False


async def test_who_gives_up_waiting_is_not_missed(shelf: Shelf) -> None:
    waiting = [asyncio.create_task(shelf.store.wait(ACCOUNT, "0-0", 30)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await shelf.store.save(change("queued", "a", 1))
    assert await asyncio.gather(*waiting, return_exceptions=True) != [True, True, True]
    assert [task.result() for task in waiting[1:]] == [True, True]
