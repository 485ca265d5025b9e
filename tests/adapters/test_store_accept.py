"""On which terms a call is taken, and what an idempotency key stands for: in both stores."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from otpvoice.adapters.store import (
    ClaimLost,
    DestinationBusy,
    Erased,
    Limit,
    Limited,
    Taken,
    Terms,
    Verdict,
)
from otpvoice.core.idempotency import Claimed, KeyAnswered, KeyForgotten, KeyInProgress, KeyMismatch
from tests.adapters.store_shelves import ACCOUNT, HOOK, TTL, Shelf, change, record

TO = "+447700900123"
DAY = 24 * 3600.0


async def accept(shelf: Shelf, call_id: str = "call_1", *, counts: float | None = None, **terms: Any) -> Verdict:
    return await shelf.store.accept(replace(change("queued", call_id, 1), counts_within=counts), Terms(**terms))


def per_minute(most: int, name: str = "account_rate") -> Limit:
    return Limit(name, "all", most, 60)


# --- taken, or not --------------------------------------------------------------------------------------------------


async def test_a_call_is_taken_once_and_a_repeat_changes_nothing(shelf: Shelf) -> None:
    for _ in range(3):
        assert await accept(shelf, destination=TO, lock_seconds=60, limits=(per_minute(1),)) == Taken()
    assert await shelf.store.get(ACCOUNT, "call_1") == record("queued")
    assert [told.id for told in await shelf.store.after(ACCOUNT, None)] == ["evt_call_1_1"]


async def test_a_call_that_went_on_is_not_taken_back_to_its_beginning(shelf: Shelf) -> None:
    await accept(shelf)
    await shelf.store.save(change("answered"))
    assert await accept(shelf) == Taken()
    assert await shelf.store.get(ACCOUNT, "call_1") == record("answered")


async def test_a_call_that_has_ended_is_not_accepted(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="finish"):
        await shelf.store.accept(change("ended"), Terms())


@pytest.mark.parametrize("refused_by", ["destination", "calls in progress", "limit", "claim"])
async def test_a_call_that_is_refused_leaves_no_trace(shelf: Shelf, refused_by: str) -> None:
    assert await accept(shelf, "other", destination=TO, lock_seconds=60, limits=(per_minute(2),)) == Taken()
    terms: dict[str, Any] = {"limits": (per_minute(2), Limit("second", "x", 1, 60)), "destination": "+447700900999"}
    terms |= {"lock_seconds": 60}
    wanting: dict[str, dict[str, Any]] = {
        "destination": {"destination": TO},
        "calls in progress": {"most_in_progress": 1},
        "limit": {"limits": (*terms["limits"], per_minute(0, "third"))},
        "claim": {"token": "t1"},
    }
    verdict = await shelf.store.accept(change("queued", "call_1", 1, to=HOOK), Terms(**(terms | wanting[refused_by])))
    assert not isinstance(verdict, Taken)
    assert await shelf.store.get(ACCOUNT, "call_1") is None
    assert [told.id for told in await shelf.store.after(ACCOUNT, None)] == ["evt_other_1"]
    assert await shelf.store.due(ACCOUNT) == ([], None)
    assert [call["id"] for call in (await shelf.store.page(ACCOUNT, limit=10)).records] == ["other"]
    assert await accept(shelf, "call_2", **terms) == Taken()  # nothing was counted, nothing locked


async def test_of_all_that_can_be_wrong_the_first_is_named(shelf: Shelf) -> None:
    everything: dict[str, Any] = {
        "destination": TO,
        "lock_seconds": 60,
        "most_in_progress": 1,
        "limits": (per_minute(1),),
    }
    assert await accept(shelf, "call_1", **everything) == Taken()
    assert await accept(shelf, "call_2", **everything, token="t") == ClaimLost()
    assert await accept(shelf, "call_2", **everything) == DestinationBusy("call_1")
    everything["destination"] = "+447700900124"
    assert await accept(shelf, "call_2", **everything) == Limited("calls_in_progress", 1.0)
    del everything["most_in_progress"]
    verdict = await accept(shelf, "call_2", **everything)
    assert isinstance(verdict, Limited)
    assert verdict.name == "account_rate"


# --- destinations ---------------------------------------------------------------------------------------------------


async def test_a_destination_is_free_again_when_its_call_has_ended(shelf: Shelf) -> None:
    terms: dict[str, Any] = {"destination": TO, "lock_seconds": 60}
    await accept(shelf, "call_1", **terms)
    assert await accept(shelf, "call_2", **terms) == DestinationBusy("call_1")
    await shelf.store.finish(change("ended", "another"))
    await shelf.store.save(change("answered", "call_1"))
    assert await accept(shelf, "call_2", **terms) == DestinationBusy("call_1")
    await shelf.store.finish(change("ended", "call_1"))
    assert await accept(shelf, "call_2", **terms) == Taken()
    await shelf.store.finish(change("ended", "call_1"))  # once more: it is not its lock any more
    assert await accept(shelf, "call_3", **terms) == DestinationBusy("call_2")


async def test_a_lock_whose_call_never_ends_goes_by_itself(shelf: Shelf) -> None:
    terms: dict[str, Any] = {"destination": TO, "lock_seconds": 60}
    await accept(shelf, "call_1", **terms)
    await shelf.grow_older(50)
    assert await accept(shelf, "call_2", **terms) == DestinationBusy("call_1")
    await shelf.grow_older(11)
    assert await accept(shelf, "call_2", **terms) == Taken()
    await shelf.store.finish(change("ended", "call_1"))  # so late
    assert await accept(shelf, "call_3", **terms) == DestinationBusy("call_2")


async def test_without_a_time_a_lock_stands_as_long_as_records_do(shelf: Shelf) -> None:
    await accept(shelf, "call_1", destination=TO)
    await shelf.grow_older(TTL - 10)
    assert await accept(shelf, "call_2", destination=TO) == DestinationBusy("call_1")
    await shelf.grow_older(11)
    assert await accept(shelf, "call_2", destination=TO) == Taken()


async def test_of_fifty_calls_to_one_destination_at_once_one_is_taken(shelf: Shelf) -> None:
    verdicts = await asyncio.gather(*(accept(shelf, f"call_{n}", destination=TO, lock_seconds=60) for n in range(50)))
    (taken,) = [n for n, verdict in enumerate(verdicts) if verdict == Taken()]
    assert Counter(verdicts) == {Taken(): 1, DestinationBusy(f"call_{taken}"): 49}


async def test_accounts_are_not_in_each_others_way(shelf: Shelf) -> None:
    terms = Terms(destination=TO, lock_seconds=60, limits=(per_minute(1),), most_in_progress=1)
    for account in ("one", "two"):
        assert await shelf.store.accept(change("queued", account=account), terms) == Taken()


# --- limits ---------------------------------------------------------------------------------------------------------


async def test_a_window_slides_and_says_when_there_is_room(shelf: Shelf) -> None:
    limit = per_minute(2)
    for call_id in ("call_1", "call_2"):
        assert await accept(shelf, call_id, limits=(limit,)) == Taken()
        await shelf.grow_older(20)
    verdict = await accept(shelf, "call_3", limits=(limit,))
    assert isinstance(verdict, Limited)
    assert (verdict.name, round(verdict.retry_after)) == ("account_rate", 20)
    await shelf.grow_older(21)
    assert await accept(shelf, "call_3", limits=(limit,)) == Taken()
    verdict = await accept(shelf, "call_4", limits=(limit,))
    assert isinstance(verdict, Limited)
    assert round(verdict.retry_after) == 19


async def test_a_limit_that_was_lowered_waits_until_enough_have_left(shelf: Shelf) -> None:
    for n in range(4):
        await accept(shelf, f"call_{n}", limits=(per_minute(4),))
        await shelf.grow_older(10)
    verdict = await accept(shelf, "call_5", limits=(per_minute(2),))
    assert isinstance(verdict, Limited)
    assert round(verdict.retry_after) == 40  # the third of the four is gone then


async def test_of_two_limits_that_are_reached_the_longer_one_is_named(shelf: Shelf) -> None:
    limits = (Limit("burst", "all", 1, 10), Limit("hourly", "all", 1, 3000), Limit("minutely", "all", 1, 60))
    await accept(shelf, "call_1", limits=limits)
    verdict = await accept(shelf, "call_2", limits=limits)
    assert isinstance(verdict, Limited)
    assert verdict.name == "hourly"
    await shelf.grow_older(11)
    verdict = await accept(shelf, "call_2", limits=limits[::2])
    assert isinstance(verdict, Limited)
    assert verdict.name == "minutely"


@pytest.mark.parametrize("apart", [("name", "x", "x"), ("key", "+4477", "+4478"), ("seconds", 60, 61)])
async def test_windows_with_another_name_key_or_length_count_apart(shelf: Shelf, apart: tuple[str, Any, Any]) -> None:
    field, one, two = apart
    limit: dict[str, Any] = {"name": "rate", "key": "all", "most": 1, "seconds": 60.0}
    assert await accept(shelf, "call_1", limits=(Limit(**(limit | {field: one})),)) == Taken()
    assert (await accept(shelf, "call_2", limits=(Limit(**(limit | {field: two})),)) == Taken()) == (one != two)


async def test_of_many_calls_at_once_as_many_are_taken_as_may_be(shelf: Shelf) -> None:
    verdicts = await asyncio.gather(*(accept(shelf, f"call_{n}", limits=(per_minute(7),)) for n in range(40)))
    assert sum(verdict == Taken() for verdict in verdicts) == 7


async def test_calls_in_progress_are_those_that_have_not_ended(shelf: Shelf) -> None:
    for n in range(3):
        assert await accept(shelf, f"call_{n}", most_in_progress=3, counts=100) == Taken()
    assert await accept(shelf, "call_3", most_in_progress=3) == Limited("calls_in_progress", 1.0)
    await shelf.store.finish(change("ended", "call_1"))
    assert await accept(shelf, "call_3", most_in_progress=3, counts=1000) == Taken()
    await shelf.grow_older(101)  # two ends were never written
    assert await accept(shelf, "call_4", most_in_progress=2) == Taken()
    assert await accept(shelf, "call_5", most_in_progress=2) == Limited("calls_in_progress", 1.0)


async def test_a_call_that_nobody_accepted_is_in_progress_too(shelf: Shelf) -> None:
    await shelf.store.save(change("answered", "from_a_dialplan"))
    assert await accept(shelf, "call_1", most_in_progress=1) == Limited("calls_in_progress", 1.0)


async def test_a_call_that_does_not_count_is_in_nobodys_way_and_listed_all_the_same(shelf: Shelf) -> None:
    for n in range(3):
        assert await accept(shelf, f"test_{n}", counts=0, most_in_progress=1) == Taken()
    assert await accept(shelf, "call_1", most_in_progress=1) == Taken()
    assert isinstance(await accept(shelf, "call_2", most_in_progress=1), Limited)
    page = await shelf.store.page(ACCOUNT, limit=10, state="queued")
    assert sorted(one["id"] for one in page.records) == ["call_1", "test_0", "test_1", "test_2"]


async def test_a_call_that_was_not_asked_for_counts_until_it_must_be_over(shelf: Shelf) -> None:
    await shelf.store.save(replace(change("queued", "inbound", 1), counts_within=100))
    assert isinstance(await accept(shelf, most_in_progress=1), Limited)
    await shelf.grow_older(101)
    assert await accept(shelf, most_in_progress=1) == Taken()


# --- idempotency keys -----------------------------------------------------------------------------------------------


async def test_a_key_is_claimed_then_answered_with_the_call_as_it_was_accepted(shelf: Shelf) -> None:
    store = shelf.store
    assert await store.claim(ACCOUNT, "call_1", "f1", "t1") == Claimed()
    assert await store.claim(ACCOUNT, "call_1", "f1", "t1") == Claimed()  # repeated
    assert await store.claim(ACCOUNT, "call_1", "f1", "t2") == KeyInProgress()
    assert await store.claim(ACCOUNT, "call_1", "f2", "t2") == KeyMismatch()
    assert await accept(shelf, token="t1") == Taken()
    assert await accept(shelf, token="t1") == Taken()  # repeated
    await store.save(change("answered"))
    await store.finish(change("ended"))
    for token in ("t1", "t2"):
        assert await store.claim(ACCOUNT, "call_1", "f1", token) == KeyAnswered(record("queued"))
    assert await store.claim(ACCOUNT, "call_1", "f2", "t2") == KeyMismatch()
    assert await store.claim("another", "call_1", "f2", "t2") == Claimed()


async def test_a_key_that_is_given_back_is_free_for_any_request(shelf: Shelf) -> None:
    store = shelf.store
    await store.claim(ACCOUNT, "call_1", "f1", "t1")
    await store.release(ACCOUNT, "call_1", "t2")  # not the holder
    assert await store.claim(ACCOUNT, "call_1", "f1", "t2") == KeyInProgress()
    for _ in range(2):
        await store.release(ACCOUNT, "call_1", "t1")
    assert await store.claim(ACCOUNT, "call_1", "f2", "t2") == Claimed()
    assert await accept(shelf, token="t2") == Taken()


async def test_a_key_whose_call_was_written_and_came_to_nothing_is_given_back_too(shelf: Shelf) -> None:
    """The call keeps its name, so the key stands for another one from then on."""
    store = shelf.store
    await store.claim(ACCOUNT, "call_1", "f1", "t1")
    assert await accept(shelf, token="t1") == Taken()
    await store.release(ACCOUNT, "call_1", "t2")  # not the holder
    assert await store.claim(ACCOUNT, "call_1", "f1", "t2") == KeyAnswered(record("queued"))
    await store.finish(change("ended"))
    await store.release(ACCOUNT, "call_1", "t1")
    assert await store.claim(ACCOUNT, "call_1", "f1", "t2") == KeyForgotten()


async def test_a_key_whose_call_was_erased_is_not_given_back(shelf: Shelf) -> None:
    store = shelf.store
    await store.claim(ACCOUNT, "call_1", "f1", "t1")
    await accept(shelf, token="t1")
    await store.finish(change("ended"))
    await store.erase(ACCOUNT, "call_1")
    await store.release(ACCOUNT, "call_1", "t1")
    assert await store.claim(ACCOUNT, "call_1", "f1", "t2") == KeyAnswered(None)


async def test_a_call_that_is_refused_leaves_the_claim_where_it_was(shelf: Shelf) -> None:
    await shelf.store.claim(ACCOUNT, "call_1", "f1", "t1")
    assert isinstance(await accept(shelf, token="t1", limits=(per_minute(0),)), Limited)
    assert await shelf.store.claim(ACCOUNT, "call_1", "f1", "t2") == KeyInProgress()
    assert await accept(shelf, token="t1") == Taken()


async def test_a_claim_that_nobody_follows_up_ends_after_a_minute_and_can_not_be_used_then(shelf: Shelf) -> None:
    store = shelf.store
    await store.claim(ACCOUNT, "call_1", "f1", "t1")
    await shelf.grow_older(50)
    assert await store.claim(ACCOUNT, "call_1", "f1", "t2") == KeyInProgress()
    await shelf.grow_older(11)
    assert await accept(shelf, token="t1") == ClaimLost()
    assert await store.claim(ACCOUNT, "call_1", "f1", "t2") == Claimed()
    assert await accept(shelf, token="t1") == ClaimLost()
    assert await accept(shelf, token="t2") == Taken()
    assert await accept(shelf, token="t1") == ClaimLost()


async def test_two_hundred_claims_of_one_key_at_once_place_one_call(shelf: Shelf) -> None:
    async def ask(n: int) -> object:
        claim = await shelf.store.claim(ACCOUNT, "call_1", "f1", f"t{n}")
        if claim != Claimed():
            return claim
        return await accept(shelf, token=f"t{n}")

    results = await asyncio.gather(*(ask(n) for n in range(200)))
    assert results.count(Taken()) == 1
    assert all(result in (Taken(), KeyInProgress(), KeyAnswered(record("queued"))) for result in results)


async def test_a_key_is_kept_for_a_day_and_stands_for_another_call_then(shelf: Shelf) -> None:
    store = shelf.store
    await store.claim(ACCOUNT, "call_1", "f1", "t1")
    await accept(shelf, token="t1")
    for _ in range(30):  # its call goes on, or is written again and again
        await store.save(change("answered"))
        await shelf.grow_older(DAY / 30 - 5)
    assert await store.claim(ACCOUNT, "call_1", "f1", "t2") == KeyAnswered(record("queued"))
    await store.finish(change("ended"))
    await shelf.grow_older(200)
    assert await store.claim(ACCOUNT, "call_1", "f2", "t2") == KeyForgotten()
    assert await store.claim(ACCOUNT, "call_1b", "f2", "t2") == Claimed()
    await shelf.grow_older(TTL)
    assert await store.claim(ACCOUNT, "call_1", "f2", "t2") == Claimed()


async def test_of_an_erased_call_there_is_left_that_its_key_was_used(shelf: Shelf) -> None:
    store = shelf.store
    await store.claim(ACCOUNT, "call_1", "f1", "t1")
    await accept(shelf, token="t1")
    await store.finish(change("ended"))
    assert await store.erase(ACCOUNT, "call_1") is Erased.DONE
    assert await store.claim(ACCOUNT, "call_1", "f1", "t2") == KeyAnswered(None)
    assert await store.claim(ACCOUNT, "call_1", "f2", "t2") == KeyMismatch()
    await shelf.grow_older(DAY - 60)
    assert await store.claim(ACCOUNT, "call_1", "f1", "t2") == KeyAnswered(None)
    await shelf.grow_older(61)
    assert await store.claim(ACCOUNT, "call_1", "f1", "t2") == Claimed()


@pytest.mark.parametrize(
    "names", [("", "c", "f", "t"), ("a", "c d", "f", "t"), ("a", "c", "", "t"), ("a", "c", "f", "t t")]
)
async def test_a_claim_under_no_name_is_refused(shelf: Shelf, names: tuple[str, str, str, str]) -> None:
    with pytest.raises(ValueError, match="of a claim"):
        await shelf.store.claim(*names)
