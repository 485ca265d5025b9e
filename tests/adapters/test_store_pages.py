"""Lists of calls, and calls that are forgotten: in both stores."""

from __future__ import annotations

import base64
from itertools import chain
from typing import Any

import pytest

from otpvoice.adapters.store import Erased, Terms
from tests.adapters.store_shelves import ACCOUNT, HOOK, TTL, Shelf, change

STATES = ("queued", "dialing", "ringing", "answered", "ended")


async def all_of(shelf: Shelf, limit: int, state: str | None = None) -> list[list[str]]:
    """Return the ids on each page, asked for one after the other."""
    pages: list[list[str]] = []
    cursor = None
    while True:
        page = await shelf.store.page(ACCOUNT, limit=limit, cursor=cursor, state=state)
        pages.append([call["id"] for call in page.records])
        cursor = page.next_cursor
        if cursor is None:
            return pages
        assert cursor.isascii()
        assert cursor.replace("-", "").replace("_", "").isalnum()


async def write(shelf: Shelf, *states: str, prefix: str = "call") -> list[str]:
    """Write calls in these states, and return their ids, newest first."""
    ids = [f"{prefix}_{number:03}" for number in range(len(states))]
    for call_id, state in zip(ids, states, strict=True):
        await shelf.store.accept(change("queued", call_id), Terms())
        if state == "ended":
            await shelf.store.finish(change("ended", call_id))
        elif state != "queued":
            await shelf.store.save(change(state, call_id))
    return ids[::-1]


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 500])
async def test_pages_are_whole_but_for_the_last_and_have_each_call_once(shelf: Shelf, limit: int) -> None:
    ids = await write(shelf, *(["queued"] * 10))
    assert await all_of(shelf, limit) == [ids[at : at + limit] for at in range(0, 10, limit)]


async def test_more_calls_than_are_read_at_once_are_all_there(shelf: Shelf) -> None:
    ids = await write(shelf, *(["queued", "ended"] * 130))
    assert [*chain.from_iterable(await all_of(shelf, 70))] == ids
    assert [*chain.from_iterable(await all_of(shelf, 70, "queued"))] == ids[1::2]
    assert [*chain.from_iterable(await all_of(shelf, 70, "ended"))] == ids[::2]


async def test_an_account_without_calls_has_one_empty_page(shelf: Shelf) -> None:
    await write(shelf, "queued")
    for account in ("another", "", "no}name"):
        page = await shelf.store.page(account, limit=5)
        assert (page.records, page.next_cursor) == ((), None)


@pytest.mark.parametrize("state", STATES)
async def test_of_a_state_are_those_that_are_in_it_now(shelf: Shelf, state: str) -> None:
    ids = await write(shelf, *(STATES * 5))
    wanted = [call_id for call_id, in_state in zip(ids, STATES[::-1] * 5, strict=True) if in_state == state]
    assert await all_of(shelf, 2, state) == [wanted[:2], wanted[2:4], wanted[4:]]
    assert await all_of(shelf, 5, "waiting") == [[]]


async def test_pages_stay_the_same_while_calls_come_go_and_end(shelf: Shelf) -> None:
    ids = await write(shelf, *(["queued"] * 6))
    first = await shelf.store.page(ACCOUNT, limit=2)
    await write(shelf, "queued", "queued", prefix="younger")
    await shelf.store.finish(change("ended", ids[1]))
    await shelf.store.erase(ACCOUNT, ids[1])  # the very one after which it goes on
    await shelf.store.save(change("answered", ids[4]))
    second = await shelf.store.page(ACCOUNT, limit=3, cursor=first.next_cursor)
    assert [call["id"] for call in second.records] == ids[2:5]
    again = await shelf.store.page(ACCOUNT, limit=3, cursor=first.next_cursor)
    assert again == second


async def test_a_page_says_that_it_is_the_last_where_only_others_follow(shelf: Shelf) -> None:
    await write(shelf, "ended", "ended", "queued", "ended")
    page = await shelf.store.page(ACCOUNT, limit=1, state="queued")
    assert (len(page.records), page.next_cursor) == (1, None)


async def test_records_that_are_gone_are_passed_over(shelf: Shelf) -> None:
    old = await write(shelf, "queued", "ended", prefix="a")
    await shelf.grow_older(TTL - 10)
    young = await write(shelf, "queued", "ended", prefix="b")
    await shelf.store.save(change("answered", old[1]))
    await shelf.grow_older(11)
    assert await all_of(shelf, 2) == [young, [old[1]]]
    assert await all_of(shelf, 2, "queued") == [[young[1]]]
    assert await all_of(shelf, 2, "answered") == [[old[1]]]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%%%",
        "MTIz",
        *(base64.urlsafe_b64encode(it).decode() for it in (b"x y", b"12 ", b"-1 a", b"1 a b", b"\xff")),
    ],
)
async def test_a_cursor_that_is_none_of_ours_is_refused(shelf: Shelf, cursor: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        await shelf.store.page(ACCOUNT, limit=5, cursor=cursor)


# --- erasing --------------------------------------------------------------------------------------------------------


async def test_a_call_is_forgotten_with_all_that_was_told_of_it(shelf: Shelf) -> None:
    store = shelf.store
    for call_id in ("call_1", "call_2"):
        await store.accept(change("queued", call_id, 1, to=HOOK), Terms())
        await store.save(change("answered", call_id, 2, to=HOOK))
        await store.finish(change("ended", call_id, 3, to="https://other.example"))
    (taken, *_) = await store.take(ACCOUNT, HOOK, most=1, lease=60)
    await store.give_up(taken, "gone")
    assert taken.id == "evt_call_1_1"
    for _ in range(2):
        assert await store.erase(ACCOUNT, "call_1") is Erased.DONE
    assert await store.get(ACCOUNT, "call_1") is None
    assert [call_id for call_id, _ in await shelf.summaries(ACCOUNT)] == ["call_2"]
    assert await all_of(shelf, 5) == [["call_2"]]
    assert {told.id for told in await store.after(ACCOUNT, None)} == {f"evt_call_2_{n}" for n in (1, 2, 3)}
    assert await store.after(ACCOUNT, None, call_id="call_1") == []
    assert await store.position(ACCOUNT, "evt_call_1_1") is None
    letters = [*await store.letters(ACCOUNT, dead=True), *await store.letters(ACCOUNT, dead=False)]
    assert {letter.id for letter in letters} == {f"evt_call_2_{n}" for n in (1, 2, 3)}
    assert not await store.replay(ACCOUNT, "evt_call_1_1")


async def test_a_call_in_progress_is_not_forgotten(shelf: Shelf) -> None:
    await shelf.store.accept(change("queued", "call_1", 1), Terms())
    assert await shelf.store.erase(ACCOUNT, "call_1") is Erased.IN_PROGRESS
    assert len(await shelf.store.after(ACCOUNT, None)) == 1


@pytest.mark.parametrize(
    "name", [(ACCOUNT, "call_2"), ("another", "call_1"), (ACCOUNT, ""), ("", "call_1"), ("}", "{")]
)
async def test_what_was_never_there_is_unknown(shelf: Shelf, name: tuple[str, str]) -> None:
    await shelf.store.finish(change("ended"))
    assert await shelf.store.erase(*name) is Erased.UNKNOWN


@pytest.mark.parametrize("late", ["accept", "save", "finish"])
async def test_a_write_that_comes_late_does_not_bring_a_call_back(shelf: Shelf, late: str) -> None:
    store = shelf.store
    await store.finish(change("ended", "call_1", 1))
    await store.erase(ACCOUNT, "call_1")
    writes: dict[str, Any] = {
        "accept": lambda: store.accept(change("queued", "call_1", 1, to=HOOK), Terms()),
        "save": lambda: store.save(change("answered", "call_1", 2, to=HOOK)),
        "finish": lambda: store.finish(change("ended", "call_1", 3, to=HOOK)),
    }
    await writes[late]()
    assert await store.get(ACCOUNT, "call_1") is None
    assert await shelf.summaries(ACCOUNT) == []
    assert await store.after(ACCOUNT, None) == []
    assert await store.due(ACCOUNT) == ([], None)
    assert await all_of(shelf, 5) == [[]]
