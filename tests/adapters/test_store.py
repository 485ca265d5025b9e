"""What every store does with call records: the same sentences for the one in memory and the one in Redis."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otpvoice.adapters.store import Change
from tests.adapters.store_shelves import TTL, MemoryShelf, RedisShelf, Shelf, record

PROGRESS = {"waiting": 0, "queued": 0, "dialing": 1, "ringing": 2, "answered": 3, "ended": 4}
STATES = tuple(PROGRESS)
WRITES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from(STATES)), max_size=12)


async def test_a_call_is_read_back_as_it_was_written(shelf: Shelf) -> None:
    call = record("queued", outcome=None, delivered=None, ring_ms=0, legs=[{"role": "first", "quality": {"mos": 4.4}}])
    await shelf.store.save(Change(call))
    assert await shelf.store.get("default", "call_1") == call
    assert await shelf.summaries("default") == []


async def test_an_ended_call_is_one_record_and_one_summary_with_the_same_text(shelf: Shelf) -> None:
    call = record("ended", delivered=True)
    assert await shelf.store.finish(Change(call)) is True
    assert await shelf.store.get("default", "call_1") == call
    assert await shelf.summaries("default") == [("call_1", call)]


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "Žofie Ünal 李雷 🙂", "escaped": '"\\\u0000\u2028</script>', "key with spaces {}": "}"},
        {"blob": "x" * 100_000},
        {"many": {f"key {n}": [n, -n, n / 7, None, True] for n in range(1000)}},
        {"state": "ended", "big": 2**63 - 1},
        {},
    ],
    ids=["other alphabets", "100 kB", "many keys", "words of our own", "empty"],
)
async def test_metadata_comes_back_whole(shelf: Shelf, metadata: dict[str, Any]) -> None:
    await shelf.store.save(Change(record("queued", metadata=metadata)))
    await shelf.store.save(Change(record("answered", metadata=metadata)))
    assert await shelf.store.finish(Change(record("ended", metadata=metadata)))
    assert not await shelf.store.finish(Change(record("ended", metadata={})))
    stored = await shelf.store.get("default", "call_1")
    assert stored is not None
    assert stored["metadata"] == metadata
    assert await shelf.summaries("default") == [("call_1", stored)]


@pytest.mark.parametrize("later", STATES)
@pytest.mark.parametrize("earlier", STATES)
async def test_a_call_never_goes_back(shelf: Shelf, earlier: str, later: str) -> None:
    for state, mark in ((earlier, "first"), (later, "second")):
        if state == "ended":
            await shelf.store.finish(Change(record(state, mark=mark)))
        else:
            await shelf.store.save(Change(record(state, mark=mark)))
    moved_on = earlier != "ended" and PROGRESS[later] >= PROGRESS[earlier]
    stored = await shelf.store.get("default", "call_1")
    assert stored is not None
    assert (stored["state"], stored["mark"]) == ((later, "second") if moved_on else (earlier, "first"))
    assert len(await shelf.summaries("default")) == ("ended" in {earlier, later})


async def test_the_first_of_two_ends_stands(shelf: Shelf) -> None:
    assert await shelf.store.finish(Change(record("ended", outcome={"class": "completed"}))) is True
    assert await shelf.store.finish(Change(record("ended", outcome={"class": "failed"}))) is False
    ((_, summary),) = await shelf.summaries("default")
    assert summary["outcome"] == {"class": "completed"}


async def test_of_many_ends_at_once_one_is_written(shelf: Shelf) -> None:
    results = await asyncio.gather(*(shelf.store.finish(Change(record("ended", writer=n))) for n in range(40)))
    assert sum(results) == 1
    ((_, summary),) = await shelf.summaries("default")
    assert summary["writer"] == results.index(True)


async def test_accounts_are_apart(shelf: Shelf) -> None:
    await shelf.store.finish(Change(record("ended", account="one", who="one")))
    await shelf.store.finish(Change(record("ended", account="two", who="two")))
    await shelf.store.save(Change(record("answered", account="three", who="three")))
    for account in ("one", "two", "three"):
        stored = await shelf.store.get(account, "call_1")
        assert stored is not None
        assert stored["who"] == account
    assert [len(await shelf.summaries(account)) for account in ("one", "two", "three", "four")] == [1, 1, 0, 0]


async def test_a_record_is_gone_after_its_time_and_each_write_starts_it_anew(shelf: Shelf) -> None:
    await shelf.store.save(Change(record("queued")))
    await shelf.grow_older(TTL - 60)
    await shelf.store.finish(Change(record("ended")))
    await shelf.grow_older(TTL - 60)
    assert await shelf.store.get("default", "call_1") is not None
    await shelf.grow_older(61)
    assert await shelf.store.get("default", "call_1") is None


async def test_a_call_that_is_written_again_outlives_those_that_are_not(shelf: Shelf) -> None:
    await shelf.store.save(Change(record("queued", "busy")))
    await shelf.store.save(Change(record("queued", "idle")))
    await shelf.grow_older(100)
    await shelf.store.save(Change(record("answered", "busy")))
    await shelf.grow_older(TTL - 50)
    assert await shelf.store.get("default", "busy") is not None
    assert await shelf.store.get("default", "idle") is None


async def test_summaries_are_trimmed_by_age_when_the_next_call_ends(shelf: Shelf) -> None:
    for n, pause in enumerate((10.0, TTL - 30, 60.0)):
        await shelf.store.finish(Change(record("ended", call_id=f"old_{n}")))
        await shelf.grow_older(pause)
    await shelf.store.finish(Change(record("ended", call_id="new")))
    assert [call_id for call_id, _ in await shelf.summaries("default")] == ["old_2", "new"]


async def test_an_end_repeated_when_its_record_is_gone_is_again_the_only_one(shelf: Shelf) -> None:
    await shelf.store.finish(Change(record("ended")))
    await shelf.grow_older(TTL + 1)
    assert await shelf.store.finish(Change(record("ended"))) is True
    assert len(await shelf.summaries("default")) == 1


@pytest.mark.parametrize(
    ("account", "call_id"),
    [
        ("default", "call_2"),
        ("Default", "call_1"),
        ("default", ""),
        ("", "call_1"),
        ("default}:call:call_1", "x"),
        ("default", "\ud800"),
        ("default", "x" * 10_000),
        ("default", "call_1\r\nFLUSHALL"),
    ],
)
async def test_what_was_never_written_is_not_there(shelf: Shelf, account: str, call_id: str) -> None:
    await shelf.store.save(Change(record("queued")))
    assert await shelf.store.get(account, call_id) is None


@pytest.mark.parametrize(
    "malformed",
    [
        {},
        {"id": "call_1", "account": "default"},
        {"id": "call_1", "state": "queued"},
        {"account": "default", "state": "queued"},
        record("hovering"),
        record("queued", call_id=""),
        record("queued", call_id="call 1"),
        record("queued", call_id="x" * 129),
        record("queued", account="a}:call:b"),
        record("queued", account="{a"),
        record("queued") | {"id": 7},
        record("queued") | {"state": ["queued"]},
    ],
)
async def test_a_malformed_record_is_refused(shelf: Shelf, malformed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="call record"):
        await shelf.store.save(Change(malformed))
    with pytest.raises(ValueError, match="call record"):
        await shelf.store.finish(Change(malformed))


async def test_an_end_goes_through_finish_and_nothing_else_does(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="finish"):
        await shelf.store.save(Change(record("ended")))
    with pytest.raises(ValueError, match="save"):
        await shelf.store.finish(Change(record("answered")))
    assert await shelf.store.get("default", "call_1") is None


@pytest.mark.parametrize("value", [object(), "\ud800", 2**64, {1: 2}], ids=["object", "surrogate", "65 bits", "key"])
async def test_what_json_has_no_word_for_is_refused_and_leaves_no_trace(shelf: Shelf, value: object) -> None:
    with pytest.raises(TypeError):
        await shelf.store.finish(Change(record("ended", metadata={"value": value})))
    assert await shelf.store.get("default", "call_1") is None
    assert await shelf.summaries("default") == []


async def test_what_is_read_is_a_copy(shelf: Shelf) -> None:
    await shelf.store.save(Change(record("queued", metadata={"n": 1})))
    read = await shelf.store.get("default", "call_1")
    assert read is not None
    read["metadata"]["n"] = 2
    assert await shelf.store.get("default", "call_1") == record("queued", metadata={"n": 1})


async def test_a_ready_store_answers_ping_and_may_be_closed_twice(shelf: Shelf) -> None:
    await shelf.store.ping()
    await shelf.store.close()
    await shelf.store.close()


@given(WRITES)
@settings(deadline=None, max_examples=60)
def test_both_stores_agree_on_any_order_of_writes(redis_url: str, writes: list[tuple[str, str, str]]) -> None:
    async def replay() -> None:
        shelves: tuple[Shelf, ...] = (MemoryShelf(), redis_shelf := RedisShelf(redis_url))
        await redis_shelf.redis.flushall()
        for number, (account, call_id, state) in enumerate(writes):
            call = record(state, call_id, account, number=number)
            results = [
                await (s.store.finish(Change(call)) if state == "ended" else s.store.save(Change(call)))
                for s in shelves
            ]
            assert results[0] == results[1]
        for account in ("a", "b"):
            assert await shelves[0].summaries(account) == await shelves[1].summaries(account)
            ended = [call_id for call_id, _ in await shelves[0].summaries(account)]
            assert sorted(ended) == sorted({i for a, i, state in writes if a == account and state == "ended"})
            for call_id in ("x", "y"):
                assert await shelves[0].store.get(account, call_id) == await shelves[1].store.get(account, call_id)
        await redis_shelf.store.close()
        await redis_shelf.redis.aclose()

    asyncio.run(replay())
