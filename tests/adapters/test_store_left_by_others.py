"""What somebody else has written where a life leaves its calls: an earlier version, or nobody of ours. In Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from otpvoice.adapters.store import Change, Inherited, StoreUnavailable, Taken, Terms, keys
from otpvoice.adapters.store.redis import RedisStore
from tests.adapters.store_shelves import ACCOUNT, TTL, RedisShelf, change, record
from tests.adapters.test_store_estates import ELSEWHERE, ESTATE, FIRST, SECOND, left


@pytest.fixture
async def in_redis(redis_url: str) -> AsyncIterator[RedisShelf]:
    shelf = RedisShelf(redis_url)
    await shelf.redis.flushall()
    yield shelf
    await shelf.close()


def by_an_earlier_version(state: str = "answered", call_id: str = "call_1", instance: Any = "here") -> dict[str, Any]:
    return record(state, call_id, instance=instance)


async def written_earlier(shelf: RedisShelf, call: dict[str, Any], *numbers: int) -> None:
    await shelf.store.save(Change(call, change("queued", call["id"], *numbers).events))
    await shelf.redis.hdel(keys.trail(ACCOUNT, call["id"]), "owner")


async def test_a_call_of_an_earlier_version_is_everybodys_and_goes_to_its_instance(in_redis: RedisShelf) -> None:
    shelf = in_redis
    await written_earlier(shelf, by_an_earlier_version("queued"), 1, 2)
    await written_earlier(shelf, by_an_earlier_version("queued", "without_events"))
    await written_earlier(shelf, by_an_earlier_version("queued", "elsewhere", "elsewhere"), 1)
    await written_earlier(shelf, by_an_earlier_version("queued", "odd", ["here"]), 1)
    assert await shelf.of(FIRST).save(change("answered", "call_1", 3, instance="here")) is True
    assert await shelf.of(ELSEWHERE).save(change("answered", "call_1", 4, instance="here")) is True
    await shelf.grow_older(TTL - 60)
    assert await shelf.of(SECOND).left_behind(ACCOUNT, ours=False) == []
    assert sorted(await shelf.of(SECOND).left_behind(ACCOUNT, ours=True)) == ["call_1", "without_events"]
    assert await shelf.of(SECOND).adopt(ACCOUNT, "elsewhere") is None
    assert await shelf.of(SECOND).adopt(ACCOUNT, "call_1") == Inherited(by_an_earlier_version(), 4)
    assert await shelf.of(SECOND).adopt(ACCOUNT, "without_events") == Inherited(
        by_an_earlier_version("queued", "without_events"), 0
    )
    assert await shelf.redis.pttl(keys.trail(ACCOUNT, "without_events")) > 0
    for call_id in ("call_1", "without_events"):
        assert await shelf.of(FIRST).finish(change("ended", call_id, 5)) is False
        assert await shelf.of(SECOND).finish(change("ended", call_id, 5)) is True


JUNK_IN_A_TRAIL: dict[str, dict[str, Any]] = {
    "no owner": {"over_by": "1"},
    "an empty owner": {"owner": "", "over_by": ""},
    "half an owner": {"owner": "here"},
    "no number": {"owner": "elsewhere x", "over_by": "tomorrow"},
    "a number beyond": {"owner": "elsewhere x", "over_by": "1e400"},
    "strange bytes": {"owner": b"\xff\x00 \xff", "telling": b"\xff\x00"},
}


@pytest.mark.parametrize("junk", JUNK_IN_A_TRAIL)
async def test_junk_in_a_trail_stops_nothing(in_redis: RedisShelf, junk: str) -> None:
    await in_redis.redis.zadd(keys.live(ACCOUNT), {"call_1": 1, b"\xff\x00": 2, "": 3, "a b": 4, "gone": 5})
    await in_redis.redis.hset(keys.trail(ACCOUNT, "call_1"), mapping=JUNK_IN_A_TRAIL[junk])
    await in_redis.of(FIRST).save(left("queued", "call_2"))
    for heir in (SECOND, ELSEWHERE):
        assert "call_2" in await in_redis.of(heir).left_behind(ACCOUNT, ours=True) or heir is ELSEWHERE
        assert await in_redis.of(heir).adopt(ACCOUNT, "call_1") is None  # there is no record


@pytest.mark.parametrize("kept", [b"", b"\xff", b"[]", b"7", b'{"state": null}', b'{"state', None])
async def test_what_is_no_record_is_nothing_to_take(in_redis: RedisShelf, kept: bytes | None) -> None:
    await in_redis.of(FIRST).save(left())
    await in_redis.redis.delete(keys.call(ACCOUNT, "call_1"))
    if kept is not None:
        await in_redis.redis.set(keys.call(ACCOUNT, "call_1"), kept)
    assert await in_redis.of(SECOND).adopt(ACCOUNT, "call_1") is None


async def test_keys_that_hold_something_else_stop_none_but_their_own_call(in_redis: RedisShelf) -> None:
    for number in range(3):
        await in_redis.of(FIRST).save(left("queued", f"call_{number}", 1))
    await in_redis.redis.set(keys.trail(ACCOUNT, "call_0"), "something else")
    await in_redis.redis.delete(keys.plan(ACCOUNT, "call_1"))
    await in_redis.redis.hset(keys.plan(ACCOUNT, "call_1"), "something", "else")
    await written_earlier(in_redis, by_an_earlier_version(call_id="call_3"), 1)
    await in_redis.redis.delete(keys.call(ACCOUNT, "call_3"))
    await in_redis.redis.hset(keys.call(ACCOUNT, "call_3"), "something", "else")
    assert await in_redis.of(SECOND).left_behind(ACCOUNT, ours=True) == ["call_1", "call_2"]
    with pytest.raises(StoreUnavailable, match="server_error"):
        await in_redis.of(SECOND).adopt(ACCOUNT, "call_0")
    assert await in_redis.of(SECOND).adopt(ACCOUNT, "call_1") == Inherited(
        record("queued", "call_1"), 1, ESTATE.telling
    )


async def test_what_is_there_of_a_lost_record_is_replaced_by_a_new_call(in_redis: RedisShelf) -> None:
    await in_redis.of(FIRST).accept(left(), Terms())
    await in_redis.redis.delete(keys.call(ACCOUNT, "call_1"))
    assert await in_redis.of(ELSEWHERE).accept(change("queued"), Terms()) == Taken()
    assert await in_redis.of(FIRST).save(change("dialing")) is False
    assert await in_redis.of(ELSEWHERE).save(change("dialing")) is True


async def test_whoever_is_not_named_is_somebody_new_each_time(in_redis: RedisShelf, redis_url: str) -> None:
    await in_redis.store.save(change("queued"))
    other = RedisStore(redis_url, ttl=TTL)
    assert await other.left_behind(ACCOUNT, ours=True) == ["call_1"]
    assert await other.adopt(ACCOUNT, "call_1") is not None
    assert await in_redis.store.save(change("dialing")) is False
    await other.close()
