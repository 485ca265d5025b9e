"""Endpoints that an account has registered: in both stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from otpvoice.adapters.store import Owner, Registration, StoreUnavailable, keys
from tests.adapters.store_shelves import ACCOUNT, HOOK, TTL, RedisShelf, Shelf

VSS = Registration("VSS", HOOK, "s3aled=")
VCA = Registration("VCA", "https://other.example/é?\u0000", enabled=False)
MOST = 50


async def test_what_is_registered_is_read_back_by_name(shelf: Shelf) -> None:
    assert list(await shelf.store.registered(ACCOUNT)) == []
    await shelf.store.register(ACCOUNT, VSS)
    await shelf.store.register(ACCOUNT, VCA)
    for _ in range(2):
        assert list(await shelf.store.registered(ACCOUNT)) == [VCA, VSS]
    assert list(await shelf.store.registered("another")) == []


async def test_there_is_one_of_each_name_the_last(shelf: Shelf) -> None:
    for each in (VSS, VSS, Registration("VSS", "https://new.example/"), Registration("VSS", HOOK, enabled=False)):
        await shelf.store.register(ACCOUNT, each)
        assert list(await shelf.store.registered(ACCOUNT)) == [each]


async def test_what_is_removed_is_told_once(shelf: Shelf) -> None:
    await shelf.store.register(ACCOUNT, VSS)
    await shelf.store.register("another", VSS)
    assert await shelf.store.unregister(ACCOUNT, "VCA") is None
    assert await shelf.store.unregister(ACCOUNT, "VSS") == VSS
    assert await shelf.store.unregister(ACCOUNT, "VSS") is None
    assert list(await shelf.store.registered(ACCOUNT)) == []
    assert list(await shelf.store.registered("another")) == [VSS]


async def test_all_lives_and_instances_see_the_same_and_it_does_not_lapse(shelf: Shelf) -> None:
    await shelf.of(Owner("here", "first")).register(ACCOUNT, VSS)
    await shelf.grow_older(400 * TTL)
    assert list(await shelf.of(Owner("elsewhere", "second")).registered(ACCOUNT)) == [VSS]


async def test_an_account_has_fifty_at_most_and_may_still_change_each(shelf: Shelf) -> None:
    tries = [Registration(f"n{nth}", HOOK) for nth in range(MOST + 10)]
    said = await asyncio.gather(*(shelf.store.register(ACCOUNT, each) for each in tries), return_exceptions=True)
    refused = [fault for fault in said if fault is not None]
    assert [(type(fault), "50" in str(fault)) for fault in refused] == [(ValueError, True)] * 10
    kept = await shelf.store.registered(ACCOUNT)
    assert len(kept) == MOST
    changed = Registration(kept[7].name, "https://new.example/")
    await shelf.store.register(ACCOUNT, changed)
    assert (await shelf.store.registered(ACCOUNT))[7] == changed
    await shelf.store.unregister(ACCOUNT, changed.name)
    await shelf.store.register(ACCOUNT, Registration("new", HOOK))
    assert len(await shelf.store.registered(ACCOUNT)) == MOST


@pytest.mark.parametrize("name", ["", "a b", "{", "}", "x" * 129, "a\n", "\ud800"])
async def test_what_can_be_no_name_is_refused_and_never_there(shelf: Shelf, name: str) -> None:
    for account, odd in ((ACCOUNT, Registration(name, HOOK)), (name, VSS)):
        with pytest.raises(ValueError, match="account and name"):
            await shelf.store.register(account, odd)
    assert await shelf.store.unregister(ACCOUNT, name) is None
    assert await shelf.store.unregister(name, "VSS") is None
    assert list(await shelf.store.registered(name)) == []


async def test_an_endpoint_without_a_url_or_with_none_that_is_text_is_refused(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="URL"):
        await shelf.store.register(ACCOUNT, Registration("VSS", ""))
    with pytest.raises(TypeError):
        await shelf.store.register(ACCOUNT, Registration("VSS", "https://\ud800.example"))
    assert list(await shelf.store.registered(ACCOUNT)) == []


def test_nothing_secret_of_it_is_shown() -> None:
    assert not any(secret in repr(VSS) for secret in ("s3aled", "t0ken", "hooks.example"))


# --- in Redis -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def in_redis(redis_url: str) -> AsyncIterator[Any]:
    shelf = RedisShelf(redis_url)
    await shelf.redis.flushall()
    yield shelf
    await shelf.close()


async def test_it_lies_where_the_names_say_and_has_no_time_to_live(in_redis: Any) -> None:
    await in_redis.store.register(ACCOUNT, VSS)
    await in_redis.store.register(ACCOUNT, VCA)
    assert await in_redis.redis.keys("*") == [b"otpvoice:{default}:hooks"]
    assert await in_redis.redis.pttl(keys.hooks(ACCOUNT)) == -1
    lies = await in_redis.redis.hgetall(keys.hooks(ACCOUNT))
    assert lies[b"VSS"] == b'{"url":"https://hooks.example/otp?token=t0ken","enabled":true,"auth":"s3aled="}'
    assert sorted(lies) == [b"VCA", b"VSS"]


JUNK: dict[bytes, bytes] = {
    b"1": b"",
    b"2": b"\xff\x00",
    b"3": b"[]",
    b"4": b'{"url"',
    b"5": b"{}",
    b"6": b'{"url": "", "enabled": true}',
    b"7": b'{"url": "https://x.example", "enabled": 1}',
    b"8": b'{"url": "https://x.example", "enabled": true, "auth": 7}',
    b"9": b'{"url": 9, "enabled": true}',
    b"\xff": b'{"url": "https://x.example", "enabled": true}',
    b"a b": b'{"url": "https://x.example", "enabled": true}',
}


async def test_what_nobody_of_ours_has_written_is_skipped_and_the_log_says_so(in_redis: Any) -> None:
    await in_redis.store.register(ACCOUNT, VSS)
    await in_redis.redis.hset(keys.hooks(ACCOUNT), mapping=JUNK)
    with capture_logs() as lines:
        assert await in_redis.store.registered(ACCOUNT) == [VSS]
    said = {"account": ACCOUNT, "registrations": len(JUNK)}
    assert lines == [{"event": "store.registration_unreadable", "log_level": "error"} | said]
    # It is in nobody's way.
    await in_redis.store.register(ACCOUNT, Registration("2", HOOK))
    assert await in_redis.store.unregister(ACCOUNT, "3") is None
    assert await in_redis.store.registered(ACCOUNT) == [Registration("2", HOOK), VSS]
    assert await in_redis.redis.hlen(keys.hooks(ACCOUNT)) == len(JUNK)


async def test_a_key_that_holds_something_else_is_a_fault_and_not_an_account_without_any(in_redis: Any) -> None:
    await in_redis.redis.set(keys.hooks(ACCOUNT), "something else")
    for operation in (
        in_redis.store.registered(ACCOUNT),
        in_redis.store.register(ACCOUNT, VSS),
        in_redis.store.unregister(ACCOUNT, "VSS"),
    ):
        with pytest.raises(StoreUnavailable, match="server_error"):
            await operation
