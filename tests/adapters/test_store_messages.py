"""What is told of calls in another spelling, and only posted: in both stores."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from otpvoice.adapters.store import Change, Delivery, Depth, Erased, Message, Owner, Terms, keys
from tests.adapters.store_shelves import ACCOUNT, HOOK, TTL, RedisShelf, Shelf, change, event, message

OTHER = "https://other.example/in"
HERE, NEXT = Owner("here", "first"), Owner("here", "second")


def telling(state: str, *messages: Message, numbers: tuple[int, ...] = (), to: str | None = None) -> Change:
    """Return the call ``call_a`` with events of these numbers, and messages."""
    return replace(change(state, "call_a", *numbers, to=to), messages=messages)


async def taken(shelf: Shelf, endpoint: str = HOOK) -> Sequence[Delivery]:
    """Take what is due, by its ids."""
    return sorted(await shelf.store.take(ACCOUNT, endpoint, most=100, lease=60), key=lambda delivery: delivery.id)


async def letters(shelf: Shelf, *, dead: bool) -> list[tuple[str, str | None]]:
    return sorted((letter.id, letter.reason) for letter in await shelf.store.letters(ACCOUNT, dead=dead))


# --- written --------------------------------------------------------------------------------------------------------


async def test_all_three_writes_post_messages_with_events_and_without(shelf: Shelf) -> None:
    first, *others = (message("call_a", number, nth) for number, nth in ((1, 1), (1, 2), (2, 3), (2, 4)))
    await shelf.store.accept(telling("queued", first, numbers=(1,)), Terms())
    await shelf.store.save(telling("answered", others[0]))
    await shelf.store.save(telling("answered", others[1], numbers=(2,), to=HOOK))
    await shelf.store.finish(telling("ended", others[2]))
    assert [each.id for each in await taken(shelf)] == [
        "evt_a_1.1",
        "evt_a_1.2",
        "evt_a_2.3",
        "evt_a_2.4",
        "evt_call_a_2",
    ]
    assert [told.id for told in await shelf.store.after(ACCOUNT, None)] == ["evt_call_a_1", "evt_call_a_2"]


async def test_a_message_is_taken_whole_and_its_secret_is_not_shown(shelf: Shelf) -> None:
    told = message("call_a", 1, 1, auth="s3aled=")
    await shelf.store.save(telling("queued", told, numbers=(1,), to=HOOK))
    delivery, plain = await taken(shelf)
    assert delivery == Delivery(
        account=ACCOUNT,
        id=told.id,
        type=told.type,
        endpoint=HOOK,
        attempts=0,
        created_at=delivery.created_at,
        body=told.body,
        auth="s3aled=",
    )
    assert (plain.id, plain.auth, plain.body) == ("evt_call_a_1", None, event("call_a", 1).body)
    for shown in map(repr, (told, delivery, telling("queued", told))):
        assert not any(secret in shown for secret in ("s3aled", "t0ken", '"nth"'))


@pytest.mark.parametrize("call_id", ["call_a", "a", "call_a_b", "call_" + "0" * 32])
async def test_whose_message_it_is_is_in_its_id(shelf: Shelf, call_id: str) -> None:
    await shelf.store.save(replace(change("queued", call_id), messages=(message(call_id, 12, 345),)))
    (delivery,) = await taken(shelf)
    assert delivery.call.removeprefix("call_") == call_id.removeprefix("call_")


@pytest.mark.parametrize("auth", [None, ""])
async def test_who_is_told_without_a_secret_gets_none(shelf: Shelf, auth: str | None) -> None:
    await shelf.store.save(telling("queued", message("call_a", 1, 1, auth=auth)))
    (delivery,) = await taken(shelf)
    assert delivery.auth is None
    if isinstance(shelf, RedisShelf):
        assert b"auth" not in await shelf.redis.hgetall(keys.delivery(ACCOUNT, "evt_a_1.1"))


async def test_a_message_is_posted_once_however_often_it_is_written(shelf: Shelf) -> None:
    told = message("call_a", 1, 1)
    await shelf.store.save(telling("queued", told))
    await shelf.store.delivered(*await taken(shelf))
    for state in ("queued", "answered"):
        await shelf.store.save(telling(state, told, message("call_a", 1, 2, OTHER)))
    await shelf.store.finish(telling("ended", told))
    assert await taken(shelf) == []
    assert [each.id for each in await taken(shelf, OTHER)] == ["evt_a_1.2"]


async def test_of_many_writers_of_one_message_at_once_one_posts_it(shelf: Shelf) -> None:
    await asyncio.gather(*(shelf.store.save(telling("queued", message("call_a", 1, 1))) for _ in range(40)))
    assert [each.id for each in await taken(shelf)] == ["evt_a_1.1"]


async def test_a_message_is_written_in_any_case_where_the_call_has_come_further(shelf: Shelf) -> None:
    await shelf.store.save(telling("answered"))
    assert await shelf.store.save(telling("queued", message("call_a", 1, 1))) is True
    await shelf.store.finish(telling("ended"))
    assert await shelf.store.save(telling("queued", message("call_a", 1, 2))) is True
    assert [each.id for each in await taken(shelf)] == ["evt_a_1.1", "evt_a_1.2"]
    assert (await shelf.store.get(ACCOUNT, "call_a") or {})["state"] == "ended"


async def test_what_comes_with_a_second_end_is_not_posted(shelf: Shelf) -> None:
    assert await shelf.store.finish(telling("ended", message("call_a", 1, 1))) is True
    assert await shelf.store.finish(telling("ended", message("call_a", 1, 2))) is False
    assert [each.id for each in await taken(shelf)] == ["evt_a_1.1"]


async def test_a_message_of_a_call_that_is_another_owners_is_refused_with_the_rest(shelf: Shelf) -> None:
    await shelf.of(HERE).accept(telling("queued", message("call_a", 1, 1), numbers=(1,)), Terms())
    assert await shelf.of(NEXT).adopt(ACCOUNT, "call_a") is not None
    assert await shelf.of(HERE).save(telling("dialing", message("call_a", 1, 2))) is False
    assert await shelf.of(HERE).finish(telling("ended", message("call_a", 1, 3))) is False
    assert await shelf.of(NEXT).finish(telling("ended", message("call_a", 2, 1))) is True
    assert [each.id for each in await taken(shelf)] == ["evt_a_1.1", "evt_a_2.1"]


async def test_a_message_of_a_call_that_is_not_taken_is_not_posted(shelf: Shelf) -> None:
    to = Terms(destination="+447700900123", lock_seconds=60)
    await shelf.store.accept(change("queued", "call_b"), to)
    await shelf.store.accept(telling("queued", message("call_a", 1, 1)), to)
    assert await taken(shelf) == []


# --- no event -------------------------------------------------------------------------------------------------------


async def test_a_message_counts_as_no_event_where_a_call_is_taken_over(shelf: Shelf) -> None:
    many = tuple(message("call_a", number, nth) for number, nth in ((2, 1), (2, 99), (99, 7)))
    await shelf.of(HERE).accept(telling("queued", *many, numbers=(1, 2)), Terms())
    assert await shelf.of(NEXT).left_behind(ACCOUNT, ours=True) == ["call_a"]
    inherited = await shelf.of(NEXT).adopt(ACCOUNT, "call_a")
    assert inherited is not None
    assert inherited.events == 2


async def test_a_message_is_in_no_stream_and_wakes_nobody_who_waits_for_events(shelf: Shelf) -> None:
    await shelf.store.save(telling("queued", numbers=(1,)))
    position = await shelf.store.latest(ACCOUNT)
    waiting = asyncio.create_task(shelf.store.wait(ACCOUNT, position, 0.1))
    await asyncio.sleep(0)
    await shelf.store.save(telling("queued", message("call_a", 1, 1)))
    assert await waiting is False
    assert await shelf.store.latest(ACCOUNT) == position
    assert await shelf.store.position(ACCOUNT, "evt_a_1.1") is None
    for call_id in (None, "call_a"):
        assert [told.id for told in await shelf.store.after(ACCOUNT, None, call_id=call_id)] == ["evt_call_a_1"]


# --- on its way -----------------------------------------------------------------------------------------------------


async def test_its_secret_goes_with_it_wherever_it_goes(shelf: Shelf) -> None:
    store, told = shelf.store, message("call_a", 1, 1, auth="s3aled=")
    await store.save(telling("queued", told))
    (delivery,) = await taken(shelf)
    await store.give_back(delivery)
    (delivery,) = await taken(shelf)
    await store.put_back(delivery, 0, "status_500")
    (delivery,) = await taken(shelf)
    assert (delivery.auth, delivery.attempts) == ("s3aled=", 1)
    await store.give_up(delivery, "status_404")
    assert await letters(shelf, dead=True) == [("evt_a_1.1", "status_404")]
    assert "s3aled" not in repr(await store.letters(ACCOUNT, dead=True))
    assert await store.replay(ACCOUNT, "evt_a_1.1") is True
    (delivery,) = await taken(shelf)
    assert (delivery.auth, delivery.attempts, delivery.body) == ("s3aled=", 0, told.body)
    await store.delivered(delivery)
    assert await store.due(ACCOUNT) == ([], None)


async def test_what_is_told_to_a_disabled_endpoint_is_a_dead_letter_at_once(shelf: Shelf) -> None:
    await shelf.store.disable(ACCOUNT, HOOK)
    await shelf.store.save(telling("queued", message("call_a", 1, 1), message("call_a", 1, 2, OTHER)))
    assert await letters(shelf, dead=True) == [("evt_a_1.1", "disabled")]
    assert await letters(shelf, dead=False) == [("evt_a_1.2", None)]
    assert await shelf.store.replay(ACCOUNT, "evt_a_1.1") is False
    await shelf.store.enable(ACCOUNT, HOOK)
    assert await shelf.store.replay(ACCOUNT, "evt_a_1.1") is True
    (delivery,) = await taken(shelf)
    assert (delivery.id, delivery.auth) == ("evt_a_1.1", "sealed=")


async def test_an_endpoint_that_is_disabled_gives_up_messages_too(shelf: Shelf) -> None:
    await shelf.store.save(telling("queued", message("call_a", 1, 1), numbers=(1,), to=HOOK))
    await shelf.store.disable(ACCOUNT, HOOK)
    assert await letters(shelf, dead=True) == [("evt_a_1.1", "disabled"), ("evt_call_a_1", "disabled")]


@pytest.mark.parametrize("where", ["on its way", "dead", "arrived"])
async def test_what_is_told_of_a_call_that_is_erased_is_forgotten(shelf: Shelf, where: str) -> None:
    store = shelf.store
    await store.save(telling("queued", message("call_a", 1, 1)))
    await store.save(replace(change("queued", "call_a_1"), messages=(message("call_a_1", 1, 1),)))
    mine = next(each for each in await taken(shelf) if each.call == "call_a")
    if where == "dead":
        await store.give_up(mine, "status_404")
    elif where == "arrived":
        await store.delivered(mine)
    await store.finish(telling("ended"))
    assert await store.erase(ACCOUNT, "call_a") is Erased.DONE
    assert await letters(shelf, dead=True) == []
    assert await letters(shelf, dead=False) == [("evt_a_1_1.1", None)]
    assert await store.depth(ACCOUNT) == Depth(1, 0)
    assert await store.replay(ACCOUNT, "evt_a_1.1") is False
    assert await store.save(telling("queued", message("call_a", 1, 1))) is False  # that comes late
    assert await letters(shelf, dead=False) == [("evt_a_1_1.1", None)]
    if isinstance(shelf, RedisShelf):
        assert not await shelf.redis.keys("*evt_a_1.1*")
        assert set(await shelf.redis.hgetall(keys.trail(ACCOUNT, "call_a"))) == {b"erased"}


async def test_messages_of_a_call_without_events_are_remembered_as_long_as_its_record(shelf: Shelf) -> None:
    await shelf.store.save(telling("answered", message("call_a", 1, 1)))
    await shelf.grow_older(TTL - 60)
    await shelf.store.save(telling("queued", message("call_a", 1, 2)))  # late: the record stays as it is
    await shelf.store.delivered(*await taken(shelf))
    await shelf.grow_older(TTL - 60)
    await shelf.store.save(telling("answered", message("call_a", 1, 1), message("call_a", 1, 2)))
    assert await taken(shelf) == []


async def test_a_thousand_messages_of_one_change_are_all_posted(shelf: Shelf) -> None:
    many = tuple(message("call_a", 1, nth) for nth in range(1, 1001))
    await shelf.store.save(telling("queued", *many, numbers=(1,), to=HOOK))
    assert (await shelf.store.depth(ACCOUNT)).on_their_way == 1001
    assert len(await shelf.store.take(ACCOUNT, HOOK, most=2000, lease=60)) == 1001


# --- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "evt_a_1",
        "evt_a_1.",
        "evt_a_.1",
        "evt_a_1.1.1",
        "evt_a_1.x",
        "evt_a_1.1\n",
        "evt_a_1.١",
        "evt_a_-1.1",
        "evt_b_1.1",
        "evt_a_b_1.1",
        "evt_call_a_1.1",
        "evt_1.1",
        "call_a_1.1",
        " evt_a_1.1",
        "evt_a_1234567890.1",
        "1",
        "owner",
    ],
)
async def test_an_id_that_is_none_of_the_calls_is_refused_before_anything_is_written(shelf: Shelf, odd: str) -> None:
    told = replace(message("call_a", 1, 1), id=odd)
    for write in (lambda it: shelf.store.accept(it, Terms()), shelf.store.save):
        with pytest.raises(ValueError, match="id of a message"):
            await write(telling("queued", told))
    with pytest.raises(ValueError, match="id of a message"):
        await shelf.store.finish(telling("ended", told))
    assert await shelf.store.get(ACCOUNT, "call_a") is None


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ((message("call_a", 1, 1), message("call_a", 1, 1, OTHER)), "an id of its own"),
        ((message("call_a", 1, 1, ""),), "goes to an endpoint"),
    ],
)
async def test_messages_that_could_not_be_told_apart_or_posted_are_refused(
    shelf: Shelf, messages: tuple[Message, ...], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        await shelf.store.save(telling("queued", *messages))
    assert await shelf.store.get(ACCOUNT, "call_a") is None


async def test_the_id_of_a_long_call_may_be_no_name(shelf: Shelf) -> None:
    long = "x" * 128
    with pytest.raises(ValueError, match="id of a message"):
        await shelf.store.save(replace(change("queued", long), messages=(message(long, 1, 1),)))


# --- an earlier version ---------------------------------------------------------------------------------------------


async def test_what_an_earlier_version_has_put_into_the_outbox_is_still_posted(redis_url: str) -> None:
    shelf: Any = RedisShelf(redis_url)
    await shelf.redis.flushall()
    seconds, _ = await shelf.redis.time()
    then = seconds * 1000 - 5000
    old: dict[str, Any] = {"type": "call.ended", "endpoint": HOOK, "attempts": 2, "created": then, "body": b"{}"}
    await shelf.redis.hset(keys.delivery(ACCOUNT, "evt_a_1"), mapping=old | {"reason": "status_500"})
    await shelf.redis.zadd(keys.outbox(ACCOUNT, HOOK), {"evt_a_1": then})
    await shelf.redis.zadd(keys.due(ACCOUNT), {HOOK: then})
    (delivery,) = await taken(shelf)
    assert (delivery.id, delivery.attempts, delivery.body, delivery.auth) == ("evt_a_1", 2, b"{}", None)
    await shelf.close()
