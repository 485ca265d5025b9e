"""What is on its way to endpoints, and what was given up: in both stores."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from otpvoice.adapters.store import Delivery, Terms
from tests.adapters.store_shelves import ACCOUNT, HOOK, Shelf, change, event

OTHER = "https://other.example/in"
MONTH = 30 * 24 * 3600.0


async def post(shelf: Shelf, call_id: str, *numbers: int, to: str = HOOK, account: str = ACCOUNT) -> None:
    await shelf.store.save(change("queued", call_id, *numbers, to=to, account=account))


async def take(shelf: Shelf, endpoint: str = HOOK, *, most: int = 100, lease: float = 60) -> Sequence[Delivery]:
    return await shelf.store.take(ACCOUNT, endpoint, most=most, lease=lease)


async def due(shelf: Shelf) -> tuple[list[str], int | None]:
    """Return the endpoints, sorted, and the seconds until the next other one, rounded."""
    endpoints, later = await shelf.store.due(ACCOUNT)
    return sorted(endpoints), None if later is None else round(later)


async def dead(shelf: Shelf) -> list[tuple[str, str | None]]:
    letters = await shelf.store.letters(ACCOUNT, dead=True)
    assert all(letter.due_at is None for letter in letters)
    return [(letter.id, letter.reason) for letter in letters]


async def on_its_way(shelf: Shelf) -> list[str]:
    letters = await shelf.store.letters(ACCOUNT, dead=False)
    assert all(letter.due_at is not None for letter in letters)
    return [letter.id for letter in letters]


# --- on its way -----------------------------------------------------------------------------------------------------


async def test_all_three_writes_post_what_is_told_and_what_nobody_asked_for_stays(shelf: Shelf) -> None:
    await shelf.store.accept(change("queued", "a", 1, to=HOOK), Terms())
    await shelf.store.save(change("answered", "a", 2, to=HOOK))
    await shelf.store.save(change("answered", "a", 3))
    await shelf.store.finish(change("ended", "a", 4, to=HOOK))
    assert sorted(delivery.id for delivery in await take(shelf)) == ["evt_a_1", "evt_a_2", "evt_a_4"]


async def test_a_delivery_is_taken_whole(shelf: Shelf) -> None:
    await post(shelf, "a", 1)
    (delivery,) = await take(shelf)
    assert delivery == Delivery(
        account=ACCOUNT,
        id="evt_a_1",
        type=event("a", 1).type,
        endpoint=HOOK,
        attempts=0,
        created_at=delivery.created_at,
        body=event("a", 1).body,
    )
    assert 1.7e9 < delivery.created_at < 1e10
    assert "t0ken" not in repr(delivery.body)


async def test_endpoints_are_due_each_by_itself(shelf: Shelf) -> None:
    assert await due(shelf) == ([], None)
    await post(shelf, "a", 1)
    await post(shelf, "b", 1, to=OTHER)
    await post(shelf, "c", 1, account="another")
    assert await due(shelf) == ([HOOK, OTHER], None)
    await take(shelf, lease=60)
    assert await due(shelf) == ([OTHER], 60)
    (other,) = await take(shelf, OTHER)
    await shelf.store.delivered(other)
    assert await due(shelf) == ([], 60)
    assert await shelf.store.due("no}name") == ((), None) or await shelf.store.due("no}name") == ([], None)


async def test_the_longest_due_come_first_and_no_more_than_asked_for(shelf: Shelf) -> None:
    for number in range(1, 6):
        await post(shelf, "a", number)
        await shelf.grow_older(1)
    assert [delivery.id for delivery in await take(shelf, most=2)] == ["evt_a_1", "evt_a_2"]
    assert [delivery.id for delivery in await take(shelf, most=2)] == ["evt_a_3", "evt_a_4"]
    assert await on_its_way(shelf) == ["evt_a_5", "evt_a_1", "evt_a_2", "evt_a_3", "evt_a_4"]


async def test_what_is_taken_is_due_again_when_the_lease_is_over(shelf: Shelf) -> None:
    await post(shelf, "a", 1)
    (first,) = await take(shelf, lease=60)
    assert await take(shelf) == []
    await shelf.grow_older(61)
    assert await due(shelf) == ([HOOK], None)
    (second,) = await take(shelf, lease=60)
    assert (second.id, second.attempts, second.body) == (first.id, 0, first.body)


async def test_of_many_takers_at_once_each_gets_others(shelf: Shelf) -> None:
    await post(shelf, "a", *range(1, 31))
    taken = await asyncio.gather(*(take(shelf, most=3) for _ in range(20)))
    assert sorted(len(each) for each in taken) == [0] * 10 + [3] * 10
    assert len({delivery.id for each in taken for delivery in each}) == 30


async def test_what_arrived_is_forgotten(shelf: Shelf) -> None:
    await post(shelf, "a", 1)
    (delivery,) = await take(shelf)
    for _ in range(2):
        await shelf.store.delivered(delivery)
    await shelf.grow_older(100)
    assert await due(shelf) == ([], None)
    assert await on_its_way(shelf) == []
    await post(shelf, "a", 1)  # a repeated write
    assert await due(shelf) == ([], None)


async def test_all_that_arrived_is_forgotten_together(shelf: Shelf) -> None:
    await post(shelf, "a", 1, 2)
    await post(shelf, "b", 1, to=OTHER)
    await post(shelf, "c", 1)
    one, two, _ = await take(shelf)
    (other,) = await take(shelf, OTHER)
    for _ in range(2):
        await shelf.store.delivered(one, other, two)
    assert await on_its_way(shelf) == ["evt_c_1"]
    assert await due(shelf) == ([], 60)


async def test_what_was_taken_and_not_tried_is_due_again_before_what_is_younger(shelf: Shelf) -> None:
    for number in range(1, 5):
        await post(shelf, "a", number)
        await shelf.grow_older(1)
    await post(shelf, "b", 1, to=OTHER)
    one, two, three = await take(shelf, most=3)
    (other,) = await take(shelf, OTHER)
    assert one.leased_until is not None
    assert one.leased_until - one.created_at > 60
    for _ in range(2):
        await shelf.store.give_back(three, other, two)
    assert await due(shelf) == ([HOOK, OTHER], None)
    assert [delivery.id for delivery in await take(shelf)] == ["evt_a_2", "evt_a_3", "evt_a_4"]
    assert [(delivery.id, delivery.attempts) for delivery in await take(shelf, OTHER)] == [("evt_b_1", 0)]


async def test_what_somebody_else_took_meanwhile_is_not_given_back(shelf: Shelf) -> None:
    await post(shelf, "a", 1, 2, 3, 4)
    slow = await take(shelf, lease=10)
    await shelf.grow_older(11)
    fast = await take(shelf, lease=60)
    await shelf.store.give_back(*slow)
    assert await due(shelf) == ([], 60)
    await shelf.store.delivered(fast[0])
    await shelf.store.put_back(fast[1], 300, "status_500")
    await shelf.store.give_up(fast[2], "status_404")
    await shelf.store.give_back(*fast)
    assert await due(shelf) == ([HOOK], None)
    assert [delivery.id for delivery in await take(shelf)] == ["evt_a_4"]
    assert await dead(shelf) == [("evt_a_3", "status_404")]


async def test_what_failed_is_tried_again_later_and_counted_once(shelf: Shelf) -> None:
    await post(shelf, "a", 1)
    (delivery,) = await take(shelf)
    for _ in range(2):
        await shelf.store.put_back(delivery, 300, "status_500")
    assert await due(shelf) == ([], 300)
    (letter,) = await shelf.store.letters(ACCOUNT, dead=False)
    assert (letter.attempts, letter.reason, letter.endpoint) == (1, "status_500", HOOK)
    await shelf.grow_older(301)
    (delivery,) = await take(shelf)
    assert delivery.attempts == 1


async def test_whoever_was_too_slow_changes_nothing_any_more(shelf: Shelf) -> None:
    await post(shelf, "a", 1)
    (slow,) = await take(shelf, lease=10)
    await shelf.grow_older(11)
    (fast,) = await take(shelf, lease=10)
    await shelf.store.put_back(fast, 300, "status_500")
    await shelf.store.put_back(slow, 5, "timeout")
    await shelf.store.give_up(slow, "timeout")
    assert await due(shelf) == ([], 300)
    assert await dead(shelf) == []
    await shelf.store.delivered(slow)  # but this is true whoever says it
    assert await due(shelf) == ([], None)


async def test_a_delivery_older_than_a_month_is_forgotten(shelf: Shelf) -> None:
    await post(shelf, "a", 1)
    await shelf.grow_older(MONTH + 1)
    assert await on_its_way(shelf) == []
    assert await take(shelf) == []
    assert await due(shelf) == ([], None)


# --- dead letters ---------------------------------------------------------------------------------------------------


async def test_what_was_given_up_is_a_dead_letter_until_it_is_replayed(shelf: Shelf) -> None:
    await post(shelf, "a", 1)
    (delivery,) = await take(shelf)
    await shelf.store.put_back(delivery, 0, "status_500")
    (delivery,) = await take(shelf)
    for _ in range(2):
        await shelf.store.give_up(delivery, "status_404")
    assert await due(shelf) == ([], None)
    (letter,) = await shelf.store.letters(ACCOUNT, dead=True)
    assert (letter.id, letter.attempts, letter.reason, letter.due_at) == ("evt_a_1", 2, "status_404", None)
    await shelf.store.put_back(delivery, 0, "late")  # nothing that comes late wakes it
    assert await due(shelf) == ([], None)
    for _ in range(2):
        assert await shelf.store.replay(ACCOUNT, "evt_a_1") is True
    assert await dead(shelf) == []
    (again,) = await take(shelf)
    assert (again.attempts, again.body, again.created_at) == (0, delivery.body, delivery.created_at)


@pytest.mark.parametrize("event_id", ["evt_a_1", "evt_a_9", "", "a b"])
async def test_what_is_not_dead_is_not_replayed(shelf: Shelf, event_id: str) -> None:
    await post(shelf, "a", 1)
    (delivery,) = await take(shelf)
    await shelf.store.put_back(delivery, 300, "status_500")
    assert await shelf.store.replay(ACCOUNT, event_id) is False
    assert await shelf.store.replay("another", event_id) is False
    assert await due(shelf) == ([], 300)


async def test_dead_letters_are_listed_newest_first(shelf: Shelf) -> None:
    await post(shelf, "a", 1, 2, 3)
    for delivery in await take(shelf):
        await shelf.store.give_up(delivery, f"because_{delivery.id}")
        await shelf.grow_older(1)
    assert [letter_id for letter_id, _ in await dead(shelf)] == ["evt_a_3", "evt_a_2", "evt_a_1"]
    letters = await shelf.store.letters(ACCOUNT, dead=True, limit=2)
    assert [(letter.id, letter.reason) for letter in letters] == [
        ("evt_a_3", "because_evt_a_3"),
        ("evt_a_2", "because_evt_a_2"),
    ]


async def test_of_dead_letters_the_newest_ten_are_kept_and_none_for_more_than_a_month(shelf: Shelf) -> None:
    for number in range(1, 14):
        await post(shelf, "a", number)
        for delivery in await take(shelf):
            await shelf.store.give_up(delivery, "gone")
        await shelf.grow_older(100)
    assert [letter_id for letter_id, _ in await dead(shelf)] == [f"evt_a_{number}" for number in range(13, 3, -1)]
    assert await shelf.store.replay(ACCOUNT, "evt_a_3") is False
    await shelf.grow_older(MONTH - 450)  # the last four are younger than that
    await post(shelf, "b", 1)
    for delivery in await take(shelf):
        await shelf.store.give_up(delivery, "gone")
    assert [letter_id for letter_id, _ in await dead(shelf)] == [
        "evt_b_1",
        *(f"evt_a_{number}" for number in (13, 12, 11, 10)),
    ]


async def test_what_is_on_its_way_is_listed_the_next_due_first(shelf: Shelf) -> None:
    for number, to in ((1, HOOK), (2, OTHER), (3, HOOK), (4, OTHER)):
        await post(shelf, "a", number, to=to)
        await shelf.grow_older(1)
    assert await on_its_way(shelf) == ["evt_a_1", "evt_a_2", "evt_a_3", "evt_a_4"]
    letters = await shelf.store.letters(ACCOUNT, dead=False, limit=3)
    assert [(letter.id, letter.endpoint) for letter in letters] == [
        ("evt_a_1", HOOK),
        ("evt_a_2", OTHER),
        ("evt_a_3", HOOK),
    ]


# --- disabled endpoints ---------------------------------------------------------------------------------------------


async def test_nothing_is_sent_to_a_disabled_endpoint_until_it_is_enabled(shelf: Shelf) -> None:
    store = shelf.store
    await post(shelf, "a", 1, 2)
    await post(shelf, "b", 1, to=OTHER)
    (taken, _) = await take(shelf)
    for _ in range(2):
        await store.disable(ACCOUNT, HOOK)
    assert await store.disabled(ACCOUNT) == [HOOK]
    assert await store.disabled("another") == []
    await post(shelf, "c", 1)
    await store.put_back(taken, 0, "late")
    assert sorted(await dead(shelf)) == [(f"evt_{it}", "disabled") for it in ("a_1", "a_2", "c_1")]
    assert await due(shelf) == ([OTHER], None)
    assert await take(shelf) == []
    assert await store.replay(ACCOUNT, "evt_a_1") is False
    assert await store.enable(ACCOUNT, HOOK) is True
    assert await store.enable(ACCOUNT, HOOK) is False
    assert await store.disabled(ACCOUNT) == []
    assert await due(shelf) == ([OTHER], None)
    assert await store.replay(ACCOUNT, "evt_a_1") is True
    await post(shelf, "d", 1)
    assert sorted(delivery.id for delivery in await take(shelf)) == ["evt_a_1", "evt_d_1"]


async def test_more_than_one_script_gives_up_at_once_are_all_given_up(shelf: Shelf) -> None:
    await post(shelf, "a", *range(1, 1202))
    await shelf.store.disable(ACCOUNT, HOOK)
    assert await on_its_way(shelf) == []
    assert len(await dead(shelf)) == 10  # so many are kept
    assert await due(shelf) == ([], None)


async def test_what_arrived_after_it_was_given_up_did_arrive(shelf: Shelf) -> None:
    await post(shelf, "a", 1)
    (delivery,) = await take(shelf)
    await shelf.store.disable(ACCOUNT, HOOK)
    await shelf.store.delivered(delivery)
    assert await dead(shelf) == []
    assert await shelf.store.replay(ACCOUNT, "evt_a_1") is False


async def test_another_account_may_go_on_where_one_is_disabled(shelf: Shelf) -> None:
    await shelf.store.disable(ACCOUNT, HOOK)
    await post(shelf, "a", 1, account="another")
    (delivery,) = await shelf.store.take("another", HOOK, most=1, lease=1)
    await shelf.store.give_up(replace(delivery, account=ACCOUNT), "not its own")
    assert await dead(shelf) == []
